"""The metrics of lib/metrics/catalog.hpp, and what is wrong with a text that names some."""
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
DEPLOY = os.path.join(ROOT, "deploy")
_TEXT = r'"((?:[^"\\]|\\.)*)"'
_ROW = re.compile(r"\{\s*" + _TEXT + r",\s*Type::(\w+),\s*" + _TEXT + r",\s*" + _TEXT)
# Of the scrape, of the rules, of histograms and of ALERTS; not of the daemon.
OTHER_LABELS = {"job", "instance", "namespace", "le"}


def catalogue():
    """name -> (labels, the values that the last of them can have: empty, any)"""
    with open(os.path.join(ROOT, "lib/metrics/catalog.hpp"), encoding="utf-8") as file:
        rows = _ROW.findall(re.sub(r'"\s*\n\s*"', "", file.read()))
    metrics = {}
    for name, kind, labels, values in rows:
        for suffix in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            metrics[name + suffix] = (labels.split(","), set(values.split(",")) - {""})
    return metrics


def wrong(text, metrics, recorded):
    """A sentence for each metric, label or value in `text` that there is not. `recorded`: the rules' own names."""
    return sorted(set(_wrong(text, metrics, recorded)))


def _wrong(text, metrics, recorded):
    for name in set(re.findall(r"\b\w+:triggerd_\w+:\w+", text)) - recorded:
        yield f"{name} is recorded by no rule"
    for name, selector in re.findall(r"\b(triggerd_[a-z0-9_]+)\b(?:\{([^}]*)\})?", text):
        if name not in metrics and not any(m.startswith(name + "_") and m.endswith("_bucket") for m in metrics):
            yield f"there is no metric {name}"
            continue
        labels, values = metrics.get(name, ([], set()))
        for label, value in re.findall(r'(\w+)\s*=~?\s*"([^"]*)"', selector):
            if label not in labels and label not in OTHER_LABELS:
                yield f"{name} has no label {label}"
            elif values and label == labels[-1] and value not in values:
                yield f"{name} has no {label} {value}"

"""Which module may include what (lib/ARCHITECTURE.md, "Modules"); pure modules stay pure."""
import re

from tree import Finding, code_only, line_of

# Pure modules, lowest first, with the modules each may include besides itself and base.
PURE = {
    "base": (),
    "config": (),
    "wire": (),
    "payload": ("wire",),
    "checkpoint": (),
    "dispatch": ("wire",),
    "lag": (),
    "scale": ("lag",),
    "pipeline": ("checkpoint", "dispatch", "lag", "scale", "wire"),
}
# Shells never include each other; only trigger/ and daemon/ know several of them.
SHELLS = ("kafka", "worker", "metrics", "admin", "trigger")
# Data everybody may name: the configuration's slices; the pipeline's vocabulary for shells.
SHARED = ("config/schema.hpp", "config/connection.hpp", "config/renewal.hpp", "config/secret.hpp", "config/worker.hpp")
VOCABULARY = ("pipeline/event.hpp", "pipeline/action.hpp", "dispatch/worker_state.hpp", "dispatch/durations.hpp",
              "checkpoint/later_partitions.hpp", "lag/answers.hpp", "lag/snapshot.hpp", "lag/tracker.hpp")
# What a pure module may use besides the standard library.
LIBRARIES = {
    "base": (r"boost/system/", r"boost/assert"),
    "config": (r"yaml-cpp/", r"openssl/"),
    "wire": (r"boost/json", r"boost/system/"),
    "payload": (r"boost/json",),
}
STANDARD_BUT_IMPURE = {
    "thread", "mutex", "shared_mutex", "condition_variable", "future", "semaphore", "latch", "barrier", "stop_token",
    "atomic", "filesystem", "fstream", "iostream", "cstdio", "csignal",
}
IMPURE_CALLS = (
    (r"::now\s*\(", "reads a clock"),
    (r"\blog::", "writes a log line"),
    (r"\bstd::filesystem\b", "touches the file system"),
    (r"\b(?:std::)?getenv\s*\(", "reads the environment"),
    (r"\bstd::random_device\b", "is not repeatable"),
    (r"\bstd::(?:cout|cerr|clog)\b", "writes to a stream"),
    (r"\brd_kafka_", "talks to Kafka"),
    (r"\basio::", "does I/O"),
)
# The doors: the few files of pure folders that are for shells only, each with its reason.
DOORS = {
    "lib/base/log.hpp": "declares the log, for shells",
    "lib/base/log.cpp": "the log itself",
    "lib/base/invariant.cpp": "says why before it aborts",
    "lib/config/sources.hpp": "declares the real files and environment, for the daemon",
    "lib/config/sources.cpp": "reads the real files and environment",
}
DOOR_HEADERS = ("base/log.hpp", "config/sources.hpp")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(text):
    for match in _INCLUDE.finditer(text):
        yield line_of(text, match.start()), match.group(1) == '"', match.group(2)


def may_include_own(module, header):
    """May lib/MODULE include our HEADER?"""
    other = header.split("/")[0]
    if other in (module, "base") or header in SHARED:
        return True
    if module in PURE:
        return other in PURE[module]
    if module == "trigger":
        return other in PURE or other in SHELLS
    return other == "wire" or header in VOCABULARY


def may_include_library(module, header):
    if any(re.match(allowed, header) for allowed in LIBRARIES.get(module, ())):
        return True
    return "/" not in header and "." not in header and header not in STANDARD_BUT_IMPURE


def check_includes(module, file, text):
    pure = module in PURE and file not in DOORS
    for line, own, header in includes(text):
        if own:
            if not may_include_own(module, header):
                yield Finding(file, line, "layering", f"{module} may not include {header}")
            elif pure and header in DOOR_HEADERS:
                yield Finding(file, line, "layering", f"pure code may not include {header}")
        elif pure and not may_include_library(module, header):
            yield Finding(file, line, "layering", f"pure code may not include <{header}>")


def check(tree):
    for file in tree.cpp("lib/"):
        parts = file.split("/")
        module = parts[1] if len(parts) > 2 else ""
        if module not in PURE and module not in SHELLS:
            yield Finding(file, 1, "layering", f"lib/{module} is not a module this rule knows; add it to layering.py")
            continue
        text = code_only(tree.text(file))
        yield from check_includes(module, file, text)
        if module in PURE and file not in DOORS:
            for pattern, why in IMPURE_CALLS:
                for match in re.finditer(pattern, text):
                    yield Finding(file, line_of(text, match.start()), "layering", f"pure code {why}: {match.group(0)}")

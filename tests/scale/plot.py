"""What was seen over time, as an SVG for people and as a few lines of text for a log."""

BARS = " ▁▂▃▄▅▆▇█"
WIDTH, HEIGHT, LEFT, GAP = 900, 150, 70, 40
SERIES = (("records a second written", "written", "#888888"), ("lag (records)", "lag", "#b3441e"),
          ("target (dashed) and running daemons", "running", "#1f5fa8"))


def text(samples, columns=90):
    """A row of bars for each series, with its greatest value."""
    lines = []
    end = samples[-1]["at"] or 1
    for name, key, _ in (*SERIES[:2], ("target", "target", ""), ("running daemons", "running", "")):
        cells = [0] * columns
        for s in samples:
            at = min(int(s["at"] / end * columns), columns - 1)
            cells[at] = max(cells[at], s[key] or 0)
        most = max(cells) or 1
        lines.append(f"{name:>36} {''.join(BARS[round(c / most * 8)] for c in cells)} most {most:,.0f}")
    return "\n".join(lines)


def svg(samples):
    end = samples[-1]["at"] or 1
    height = len(SERIES) * (HEIGHT + GAP) + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 20}" height="{height}" '
             f'font-family="sans-serif" font-size="12">', f'<rect width="100%" height="100%" fill="white"/>']
    for row, (name, key, color) in enumerate(SERIES):
        top = GAP + row * (HEIGHT + GAP)
        keys = ("target", "running") if key == "running" else (key,)
        most = max(max(s[k] or 0 for s in samples) for k in keys) or 1

        def points(of):
            return " ".join(f"{LEFT + s['at'] / end * WIDTH:.1f},{top + HEIGHT - (s[of] or 0) / most * HEIGHT:.1f}"
                            for s in samples)
        parts += [f'<text x="{LEFT}" y="{top - 8}">{name}</text>',
                  f'<line x1="{LEFT}" y1="{top + HEIGHT}" x2="{LEFT + WIDTH}" y2="{top + HEIGHT}" stroke="black"/>',
                  f'<text x="{LEFT - 6}" y="{top + 10}" text-anchor="end">{most:,.0f}</text>',
                  f'<text x="{LEFT - 6}" y="{top + HEIGHT}" text-anchor="end">0</text>']
        for of in keys:
            dashed = ' stroke-dasharray="4 3"' if of == "target" else ""
            parts.append(f'<polyline points="{points(of)}" fill="none" stroke="{color}" stroke-width="1.5"{dashed}/>')
    parts.append(f'<text x="{LEFT + WIDTH}" y="{height - 8}" text-anchor="end">{end:,.0f} s</text></svg>')
    return "\n".join(parts) + "\n"

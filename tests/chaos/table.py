"""The tables of README.md: written from a run, never by hand."""
import datetime
import os
import re

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "README.md")
HEAD = ("fault", "times", "group", "records", "lost", "duplicates", "at most", "in flight at the faults",
        "looks at commits", "largest daemon")


def cells(row):
    deleted = f" ({row.deleted:,} deleted unread)" if row.deleted else ""
    return (f"`{row.name}`: {row.what}", row.times, row.group, f"{row.records:,}{deleted}", row.lost, f"{row.duplicates:,}",
            f"{row.allowed:,}", f"{row.in_flight:,}", row.looks, f"{row.memory:.0f} MiB")


def lines(rows):
    yield "| " + " | ".join(HEAD) + " |"
    yield "|---" * len(HEAD) + "|"
    for row in rows:
        yield "| " + " | ".join(map(str, cells(row))) + " |"


def write(part, rows, seed, left_out):
    """Replaces the table between the marks of this part."""
    today = datetime.date.today().isoformat()
    text = [f"Run of {today}, seed {seed}, {sum(r.records for r in rows):,} records, {sum(r.seconds for r in rows) / 60:.0f} minutes.", "",
            *lines(rows), *(f"\nLeft out: `{name}`: {why}" for name, why in left_out)]
    with open(README, encoding="utf-8") as f:
        readme = f.read()
    begin, end = f"<!-- {part}: written by run --write-table -->\n", f"<!-- end of {part} -->"
    changed, count = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + "\n".join(text) + "\n" + end, readme, flags=re.S)
    if count != 1:
        raise ValueError(f"{README} has no place for {part}")
    with open(README, "w", encoding="utf-8") as f:
        f.write(changed)

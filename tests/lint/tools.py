"""What other programs check: clang-format, shellcheck, Python's own compiler."""
import ast
import re
import shutil
import subprocess

from tree import Finding

CLANG_FORMAT = "clang-format-19"
JAVASCRIPT_COLUMNS = 140


def run(tree, command, files):
    return subprocess.run(command + files, cwd=tree.root, capture_output=True, text=True)


def needs(program, rule):
    return Finding("deploy/setup/packages", 1, rule, f"{program} is not installed: deploy/setup/packages lint")


def clang_format(tree):
    files = tree.cpp()
    if not files:
        return
    if not shutil.which(CLANG_FORMAT):
        yield needs(CLANG_FORMAT, "format")
        return
    result = run(tree, [CLANG_FORMAT, "--dry-run", "-Werror", "--style=file"], files)
    seen = set()
    for match in re.finditer(r"^(.+?):(\d+):\d+: error: (.*)$", result.stderr, re.M):
        if match.group(1) not in seen:  # one line a file is enough; `make format` mends them
            seen.add(match.group(1))
            yield Finding(match.group(1), int(match.group(2)), "format", "not formatted; `make format` does it")
    if result.returncode and not seen:
        yield Finding(".clang-format", 1, "format", result.stderr.strip()[:500])


def write_format(tree):
    run(tree, [CLANG_FORMAT, "-i", "--style=file"], tree.cpp())


def shellcheck(tree):
    files = tree.shell()
    if not files:
        return
    if not shutil.which("shellcheck"):
        yield needs("shellcheck", "shell")
        return
    result = run(tree, ["shellcheck", "-x", "-P", "SCRIPTDIR", "-f", "gcc"], files)
    for match in re.finditer(r"^(.+?):(\d+):\d+: (.*)$", result.stdout, re.M):
        yield Finding(match.group(1), int(match.group(2)), "shell", match.group(3))
    if result.returncode and not result.stdout:
        yield Finding(files[0], 1, "shell", result.stderr.strip()[:500])


def python(tree):
    for file in tree.python():
        try:
            ast.parse(tree.text(file), file)
        except (SyntaxError, ValueError) as error:
            yield Finding(file, getattr(error, "lineno", 1) or 1, "python", str(error))


def javascript(tree):
    """Node's own parser, where there is one; and lines that are too long to be read side by side."""
    node = shutil.which("node")
    for file in tree.javascript():
        for number, line in enumerate(tree.text(file).split("\n"), 1):
            if len(line) > JAVASCRIPT_COLUMNS:
                yield Finding(file, number, "javascript", f"{len(line)} columns, the limit is {JAVASCRIPT_COLUMNS}")
        if node is None:
            continue
        result = run(tree, [node, "--check"], [file])
        if result.returncode:
            line = re.search(r":(\d+)\n", result.stderr)
            said = re.search(r"^\w*Error: .*$", result.stderr, re.M)
            yield Finding(file, int(line.group(1)) if line else 1, "javascript", said.group(0) if said else result.stderr[:200])

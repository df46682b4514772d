"""The files a lint rule looks at, and what it has to say about them."""
import dataclasses
import os
import re
import subprocess

SKIPPED = {".git", ".cache", "__pycache__", "node_modules", "target"}


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text} [{self.rule}]"


class Tree:
    """A checkout: what git tracks and what it would add; all files where there is no git."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.files = sorted(self._tracked() or self._walk())
        self._texts = {}

    def _tracked(self):
        if not os.path.exists(os.path.join(self.root, ".git")):
            return []
        listed = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard", "-z"],
                                capture_output=True, check=True).stdout.decode()
        return [f for f in listed.split("\0") if f and os.path.isfile(self.path(f))]

    def _walk(self):
        for folder, folders, files in os.walk(self.root):
            folders[:] = [f for f in folders if f not in SKIPPED and f != "build" and not f.startswith("build-")]
            for file in files:
                yield os.path.relpath(os.path.join(folder, file), self.root)

    def path(self, file):
        return os.path.join(self.root, file)

    def text(self, file):
        if file not in self._texts:
            with open(self.path(file), "rb") as f:
                self._texts[file] = f.read().decode("utf-8", "replace")
        return self._texts[file]

    def cpp(self, *folders):
        return [f for f in self.files if f.endswith((".cpp", ".hpp", ".h")) and (not folders or f.startswith(folders))]

    def python(self):
        return [f for f in self.files if f.endswith(".py") or self._shebang(f, "python")]

    def javascript(self):
        return [f for f in self.files if f.endswith((".js", ".mjs", ".cjs"))]

    def shell(self):
        return [f for f in self.files if f.endswith(".sh") or self._shebang(f, "sh")]

    def _shebang(self, file, program):
        first = self.text(file).split("\n", 1)[0] if "." not in os.path.basename(file).lstrip(".") else ""
        return re.match(rf"#!.*\b(ba)?{program}\d?\b", first) is not None


_CPP_NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'', re.S)


def code_only(text):
    """C++ without comments and literals, line numbers kept; #include lines keep their name."""
    def blank(match):
        found = match.group(0)
        start = text.rfind("\n", 0, match.start()) + 1
        if found[0] == '"' and text[start:match.start()].lstrip().startswith("#"):
            return found
        return ('""' if found[0] in "\"'R" else " ") + "\n" * found.count("\n")
    return _CPP_NOISE.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1

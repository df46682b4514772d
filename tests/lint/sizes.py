"""Budgets of files and functions: over the budget is reported, over the limit is a finding."""
import ast
import re

from tree import Finding, code_only, line_of

#                 budget, limit (lines; of functions without blank and comment lines)
FUNCTION = (70, 70)
FILE = (400, 400)
HEADER = (120, 180)
_HEAD = re.compile(r"(?:^|[;{}])([^;{}]*)\{")
_MEMBER_INITIALIZER = re.compile(r"\)[^:]*[^:]:[^:].*[\w>]\s*$", re.S)  # `S(int x) : field` before `{x}`
_CONTROL = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b")


def cpp_functions(text):
    """(line, name, lines) of each function body at namespace or class level; a lambda belongs to its function."""
    text = code_only(text)
    text = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.M)
    i, head, stack = 0, 0, []
    while i < len(text):
        c = text[i]
        if c in ";":
            head = i + 1
        elif c == "{":
            before = text[head:i]
            name = re.search(r"([\w~:]+|operator[^\s(]+)\s*\(", before)
            if _MEMBER_INITIALIZER.search(before) and not re.search(r"\b(?:const|noexcept|override|final|try)\s*$", before):
                i = matching(text, i)
            elif _CONTROL.search(re.sub(r"<[^<>]*>", "", before).split("(")[0]) or not before.strip():
                stack.append(None)
                head = i + 1
            elif name and "=" not in before.split("(")[0].replace("operator=", ""):
                end = matching(text, i)
                body = text[i + 1:end]
                yield line_of(text, head + len(before) - len(before.lstrip())), name.group(1), sum(1 for x in body.split("\n") if x.strip())
                i, head = end, end + 1
            else:  # an initializer
                i = matching(text, i)
        elif c == "}":
            head = i + 1
        i += 1


def matching(text, start):
    depth = 0
    for match in re.compile(r"[{}]").finditer(text, start):
        depth += 1 if match.group(0) == "{" else -1
        if depth == 0:
            return match.start()
    return len(text) - 1


def python_functions(text):
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            body = [x for x in lines[node.lineno:node.end_lineno] if x.strip() and not x.strip().startswith("#")]
            yield node.lineno, node.name, len(body)


def measured(tree):
    """(file, line, what, size, (budget, limit))"""
    for file in tree.cpp():
        text = tree.text(file)
        yield file, 1, "file", text.count("\n"), HEADER if file.endswith((".hpp", ".h")) else FILE
        for line, name, size in cpp_functions(text):
            yield file, line, f"function {name}", size, FUNCTION
    for file in tree.python():
        text = tree.text(file)
        yield file, 1, "file", text.count("\n"), FILE
        try:
            for line, name, size in python_functions(text):
                yield file, line, f"function {name}", size, FUNCTION
        except SyntaxError:
            pass  # the `python` rule says so
    for file in tree.javascript():
        yield file, 1, "file", tree.text(file).count("\n"), FILE


def check(tree):
    for file, line, what, size, (_, limit) in measured(tree):
        if size > limit:
            yield Finding(file, line, "size", f"{what} has {size} lines, the limit is {limit}")


def report(tree):
    """What a reader wants to know at a glance: the sizes, the ratio of tests to code, what is over its budget."""
    code = tests = 0
    functions = []
    over = []
    for file, line, what, size, (budget, limit) in measured(tree):
        if what == "file":
            if file.startswith("tests/") or "/tests/" in file:
                tests += size
            else:
                code += size
        else:
            functions.append(size)
        if budget < size <= limit:
            over.append(f"  over budget: {file}:{line}: {what} has {size} lines, the budget is {budget}")
    functions.sort()
    if functions:
        middle, ninetieth = functions[len(functions) // 2], functions[len(functions) * 9 // 10]
        yield f"sizes: code {code} lines, tests {tests} (ratio {tests / max(code, 1):.2f}); {len(functions)} functions, median {middle}, p90 {ninetieth}, longest {functions[-1]}"
    yield from over

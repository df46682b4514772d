#!/usr/bin/env python3
"""All rules over the tree: `make lint`. Exit status 1 where one finds something.

lint.py [--root DIR] [--rules NAME,...] [--self-test] [--format]
"""
import argparse
import os
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import banned
import layering
import sizes
import tools
from tree import Tree

RULES = {
    "layering": layering.check,
    "blocking": banned.blocking,
    "sleep": banned.sleeps,
    "machine": banned.machines,
    "size": sizes.check,
    "python": tools.python,
    "javascript": tools.javascript,
    "shell": tools.shellcheck,
    "format": tools.clang_format,
}
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def findings(tree, rules=tuple(RULES)):
    return sorted(set(f for rule in rules for f in RULES[rule](tree)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=ROOT)
    parser.add_argument("--rules", default=",".join(RULES), help="comma-separated, of: " + ", ".join(RULES))
    parser.add_argument("--self-test", action="store_true", help="first see each rule catch a planted violation")
    parser.add_argument("--format", action="store_true", help="write the formatted sources instead")
    args = parser.parse_args()
    tree = Tree(args.root)
    if args.format:
        tools.write_format(tree)
        return 0
    if args.self_test:
        import self_test
        suite = unittest.defaultTestLoader.loadTestsFromModule(self_test)
        if not unittest.TextTestRunner(verbosity=0).run(suite).wasSuccessful():
            return 1
    found = findings(tree, args.rules.split(","))
    for finding in found:
        print(finding)
    for line in sizes.report(tree):
        print(line)
    print(f"lint: {len(tree.files)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

"""The contract tests of the Python SDK, run against the Node SDK (workers/node).

A test class of python_*_test.py is taken as it is; only its handlers are written again, in JavaScript. What the two
languages must not have in common (an event loop that a slow call holds up, how an error looks) has tests of its own.
"""

import os
import pathlib
import shutil
import textwrap
import unittest

import python_daemon

SDK = pathlib.Path(__file__).resolve().parents[2] / "workers" / "node"
NODE = os.environ.get("TRIGGERD_NODE") or shutil.which("node")


def setUpModule():
    """Each test module has this under its own name, too."""
    if NODE is None:
        raise unittest.SkipTest("there is no node on PATH (TRIGGERD_NODE names one)")


class Worker(python_daemon.Worker):
    """A Node worker as a process, and this end of its socket."""

    FILE = "handler.mjs"

    def source(self, handler):
        return PRELUDE + textwrap.dedent(handler)

    def command(self, interpreter, *arguments):
        return [NODE, str(SDK / "main.mjs"), str(self.path), *arguments]


class NodeTest:
    """Before a class of Python's tests: their handlers in JavaScript.

    HANDLERS: by the test's name, or by the handler's text in Python.
    """

    HANDLERS = {}
    WORKER = Worker

    def worker(self, handler, **options):
        handlers = self.HANDLERS
        return super().worker(handlers[self._testMethodName] if self._testMethodName in handlers else handlers[handler],
                              **options)


# What a handler under test has at hand.
PRELUDE = textwrap.dedent('''
    import fs from "node:fs";
    import net from "node:net";
    import * as triggerd from "triggerd";
    const controlFd = Number(process.env.CONTROL_FD);
    function tell(...what) {
      fs.writeSync(controlFd, JSON.stringify(what.length === 1 ? what[0] : what) + "\\n");
    }
    function busy(ms) {
      const end = performance.now() + ms;
      while (performance.now() < end);
    }
    // Stands for a slow call: long enough that the worker is bound to read its socket after it.
    function wait() {
      const word = Buffer.alloc(1);
      fs.readSync(controlFd, word);
      if (word[0] !== 0x67) process.exit(99);
      busy(20);
    }
    class KeyError extends Error {
      get name() { return "KeyError"; }
    }
    const later = () => new Promise(setImmediate);
''')

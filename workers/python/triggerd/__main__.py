"""`python3 -m triggerd handler.py`: loads a file's handler and serves it."""

import argparse
import importlib.util
import os
import sys
import traceback

from ._run import CREDIT_BYTES, CREDIT_RECORDS, inspect_handler, run
from ._session import EX_CONFIG, EX_SOFTWARE, EX_USAGE, VERSION


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, "triggerd: %s\n" % message)


class _CannotLoad(Exception):
    def __init__(self, text, status):
        super().__init__(text)
        self.status = status


def main(arguments=None):
    options = _parse(arguments)
    if "TRIGGERD_FD" not in os.environ:
        return _fail("this is a worker, to be started by triggerd: put its command line under worker.command "
                     "in the fleet file (TRIGGERD_FD is not set)", EX_USAGE)
    try:
        handler = load(options.file, options.handler)
    except _CannotLoad as error:
        return _fail(str(error), error.status)
    _, complaint = inspect_handler(handler)
    if complaint is not None:
        return _fail("%s, %s: %s" % (options.file, options.handler, complaint), EX_CONFIG)
    return run(handler, concurrency=options.concurrency, credit_records=options.credit_records,
               credit_bytes=options.credit_bytes)


def load(path, name):
    """The object called `name` in the Python file at `path`."""
    path = os.path.abspath(path)
    if not os.path.isfile(path):
        raise _CannotLoad("there is no file %s" % path, EX_CONFIG)
    sys.path.insert(0, os.path.dirname(path))
    stem = os.path.splitext(os.path.basename(path))[0]
    # The file's own name lets it be pickled and imported by others, but must not hide a module that is loaded already.
    module_name = stem if stem.isidentifier() and stem not in sys.modules else "triggerd_handler"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise _CannotLoad("%s is not a Python file" % path, EX_CONFIG)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        raise _CannotLoad("%s cannot be imported: %s: %s" % (path, type(error).__name__, error), EX_SOFTWARE) from None
    if not hasattr(module, name):
        raise _CannotLoad("%s has no handler called %s" % (path, name), EX_CONFIG)
    return getattr(module, name)


def _parse(arguments):
    parser = _Parser(prog="python3 -m triggerd", description="A triggerd worker: serves the handler of a Python file.",
                     epilog="The handler takes a record (cardinality one) or a batch (many) and may be async. "
                            "Returning settles the records, raising has them tried again.")
    parser.add_argument("file", help="the Python file; its folder is put on sys.path")
    parser.add_argument("--handler", default="handle", metavar="NAME", help="the function to call (default: handle)")
    parser.add_argument("--concurrency", type=_positive, metavar="N",
                        help="records or batches at once, async handlers only (default: 256)")
    parser.add_argument("--credit-records", type=_positive, default=CREDIT_RECORDS, metavar="N",
                        help="the most records waiting in this process (default: %(default)s)")
    parser.add_argument("--credit-bytes", type=_positive, default=CREDIT_BYTES, metavar="N",
                        help="the most bytes of them (default: %(default)s)")
    parser.add_argument("--version", action="version", version="triggerd Python worker " + VERSION)
    return parser.parse_args(arguments)


def _positive(text):
    value = int(text)
    if value < 1:
        raise ValueError
    return value


_positive.__name__ = "number of at least 1"  # argparse says "invalid number of at least 1 value"


def _fail(text, status):
    sys.stderr.write("triggerd: %s\n" % text)
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    sys.exit(main())

"""`python3 -m triggerd.azure index`, and `… run FUNCTION`: started by the daemon, in the app's folder."""

import json
import os
import sys
import traceback

from .. import _async, _pool, _run
from .._session import EX_CONFIG, EX_SOFTWARE, EX_USAGE
from . import _app, _logs
from ._function import Function, NotCallable

THREADS = 1000  # what the original's host asks for where PYTHON_THREADPOOL_THREAD_COUNT does not say
_USAGE = "usage: python3 -m triggerd.azure index | run FUNCTION (started by triggerd: TRIGGERD_FD must be set)"


def main(arguments):
    if "TRIGGERD_FD" not in os.environ:
        return _say(_USAGE, EX_USAGE)
    try:
        if arguments == ["index"]:
            return index()
        if len(arguments) == 2 and arguments[0] == "run":
            return run(arguments[1])
    except _app.NoSdk as error:
        return _say(str(error), EX_CONFIG)
    return _say(_USAGE, EX_USAGE)


def index():
    """Writes what functions the app registers to the pipe TRIGGERD_FD; the exit status."""
    pipe = int(os.environ.pop("TRIGGERD_FD"))
    os.set_inheritable(pipe, False)
    _app.prepare_path(os.getcwd())
    functions = _app.sdk()
    try:
        text = json.dumps(_app.description(functions))
    except _app.CannotLoad as error:
        return _say(str(error), EX_SOFTWARE)
    except (Exception, SystemExit):
        traceback.print_exc()
        return EX_SOFTWARE
    with open(pipe, "w", encoding="utf-8") as out:
        out.write(text)
    return 0


def run(name):
    """Serves the function `name` until the daemon says stop; the exit status."""
    try:
        described = json.loads(os.environ["TRIGGERD_AZURE"])
        folder = os.path.abspath(described["folder"])
    except (KeyError, TypeError, ValueError) as error:
        return _say("TRIGGERD_AZURE does not describe the function: %r" % error, EX_USAGE)
    logs = _logs.install(name)
    _app.prepare_path(folder)
    functions = _app.sdk()
    try:
        function = load(functions, name, folder, described)
    except (_app.CannotLoad, NotCallable) as error:
        logs.end()
        return _say("%s: %s" % (name, error), EX_CONFIG)
    except (Exception, SystemExit):
        logs.end()
        traceback.print_exc()
        return EX_SOFTWARE
    lanes = _run.ASYNC_CONCURRENCY if function.is_async else thread_count()
    return _run.serve(lambda session, waker: serve(function, lanes, logs, session, waker), lanes, features=("azure",))


def load(functions, name, folder, described):
    """The Function, from what TRIGGERD_AZURE says of it."""
    bindings = described.get("bindings")
    if described.get("functionFolder"):
        folder = described["functionFolder"]
        call = _app.script_call(os.path.abspath(described["folder"]), folder, described.get("scriptFile"),
                                described.get("entryPoint"))
    else:
        call, own = _app.registered_call(functions, name)
        bindings = bindings or own
    return Function(functions, name, call, folder, bindings or [])


def serve(function, lanes, logs, session, waker):
    """After Welcome; the exit status."""
    if not session.azure:
        logs.end()
        session.bye("payload_mismatch", "%s is a function of an Azure Functions app, and this is not the azure payload"
                    % function.name)
        return EX_CONFIG
    try:
        function.welcomed(session.welcome)
    except NotCallable as error:
        logs.end()
        session.bye("cardinality_mismatch", "%s: %s" % (function.name, error))
        return EX_CONFIG
    def give_up(error):
        logs.end()
        if error is None:
            session.bye("drained", "")
            _run.leave_now(0)
        _run.leave_now(_run.conclude(session, error))

    logs.open()
    try:
        if function.is_async:
            _async.run(session, function.handle, waker, lanes, _run.leave_now, logs.end)
            return 0
        _pool.Loop(session, function, waker, lanes, give_up).run()
    finally:
        logs.end()
    session.bye("drained", "")
    return 0


def thread_count():
    """PYTHON_THREADPOOL_THREAD_COUNT, as the app's settings have it."""
    text = os.environ.get("PYTHON_THREADPOOL_THREAD_COUNT", "")
    try:
        return min(max(int(text), 1), THREADS) if text.strip() else THREADS
    except ValueError:
        sys.stderr.write("triggerd: PYTHON_THREADPOOL_THREAD_COUNT is not a number: %s\n" % text)
        return THREADS


def _say(text, status):
    sys.stderr.write("triggerd: %s\n" % text)
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

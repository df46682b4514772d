"""Where a handler is when the worker is told to stop: what the log shows of one that hangs, before it is killed."""

import os
import traceback

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_CALLERS = ("_run_each", "_run_batch", "_attempt")  # of handlers, in _sync.py and _async.py


def report(frame):
    """From a signal's handler, with the frame it interrupted. Writes nothing where no handler was running."""
    stack = _of_handler(frame)
    if not stack:
        return
    text = "triggerd: told to stop while the handler runs, which is here:\n" + "".join(traceback.format_list(stack))
    try:
        os.write(2, text.encode("utf-8", "backslashreplace"))  # sys.stderr may be what was interrupted
    except OSError:
        pass


def _of_handler(frame):
    """The interrupted stack from the handler's own frame on, or None."""
    depth, called, innermost = 0, None, frame
    while frame is not None and not (_is_ours(frame) and frame.f_code.co_name in _CALLERS):
        depth, called, frame = depth + 1, frame, frame.f_back
    if frame is None or called is None or _is_ours(called):
        return None
    return traceback.extract_stack(innermost, depth)


def _is_ours(frame):
    return os.path.dirname(os.path.abspath(frame.f_code.co_filename)) == _PACKAGE

"""Where a handler is when the worker is told to stop: what the log shows of one that hangs, before it is killed."""

import os
import sys
import threading
import traceback

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_CALLERS = ("_run_each", "_run_batch", "_attempt", "_call_user")  # of handlers: _sync.py, _pool.py, _async.py, azure

_MOST = 8  # threads to report of


def report(frame):
    """From a signal's handler, with the frame it interrupted. Writes nothing where no handler was running."""
    here = threading.get_ident()
    others = [other for thread, other in sys._current_frames().items() if thread != here]
    stacks = [stack for stack in map(_of_handler, [frame] + others) if stack]
    if not stacks:
        return
    text = "".join("triggerd: told to stop while the handler runs, which is here:\n" + "".join(traceback.format_list(stack))
                   for stack in stacks[:_MOST])
    if len(stacks) > _MOST:
        text += "triggerd: and on %d threads more\n" % (len(stacks) - _MOST)
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
    return os.path.abspath(frame.f_code.co_filename).startswith(_PACKAGE)

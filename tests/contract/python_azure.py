"""What the tests of Azure apps have besides python_daemon.py and azure_app.py: apps as processes."""

import os
import pathlib
import sys
import tempfile
import textwrap

from azure_app import APPS, AppWorker, as_function_json_says, described
from azure_sdk import azure_sdk
from python_daemon import EMIT, LOG, PRELUDE, SDK, Worker, WorkerTest

TRIGGER = {"type": "kafkaTrigger", "direction": "in", "name": "kevent", "topic": "orders", "brokerList": "BrokerList"}


class App(AppWorker, Worker):
    """A function of an app as a process, as the daemon starts it."""

    def __init__(self, folder, function, members, env=None, sdk=True):
        self._folder = tempfile.TemporaryDirectory()  # only for the base class
        self.order = []  # of Emit and Ack frames, as they came
        path = os.pathsep.join([str(SDK)] + ([str(azure_sdk())] if sdk else []))
        self.start([sys.executable, "-m", "triggerd.azure", "run", function],
                   dict(env or {}, TRIGGERD_AZURE=described(folder, function, members)), cwd=folder, path=path)

    def step(self):
        acks, others = len(self.acks), len(self.others)
        super().step()
        self.order += ["ack %d" % number for number, _ in self.acks[acks:]]
        self.order += ["emit %d" % number for kind, number, _ in self.others[others:] if kind == EMIT]

    def log(self):
        """(level, message) of the next Log frame."""
        frame = self.other(LOG)
        return frame["level"], frame["message"]



class AppTest(WorkerTest):
    """Test cases that start functions of apps."""

    @classmethod
    def setUpClass(cls):
        azure_sdk()

    def app(self, name, function, **options):
        """A function of one of the apps in apps/: python-v2, or python-v1 with its function.json."""
        folder = APPS / name
        has_folder = (folder / function / "function.json").exists()
        return self._started(App(folder, function, as_function_json_says(folder, function) if has_folder else {}, **options))

    def inline(self, code, function="f", trigger=None, outputs=(), files=None, **options):
        """A v1 function `main` of this code, which has tell() and wait() of python_daemon.py at hand."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        place = pathlib.Path(folder.name)
        for path, text in {function + "/__init__.py": PRELUDE + "\nimport logging, typing\nimport azure.functions as func\n"
                           + textwrap.dedent(code), **(files or {})}.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        bindings = [dict(TRIGGER, **(trigger or {}))] + [
            {"type": "kafka", "direction": "out", "name": name, "topic": "t"} for name in outputs]
        return self._started(App(place, function, {"functionFolder": str(place / function), "bindings": bindings}, **options))

    def _started(self, app):
        self.addCleanup(app.close)
        return app

"""What the tests of Azure apps for Node have besides node_daemon.py and azure_app.py: apps as processes."""

import pathlib
import shutil
import tempfile

import node_daemon
from node_daemon import NODE, SDK
from azure_app import APPS, AppWorker, as_function_json_says, described
from python_daemon import LOG, WorkerTest

MAIN = str(SDK / "azure.mjs")


class App(AppWorker, node_daemon.Worker):
    """A function of an app as a process, as the daemon starts it."""

    def __init__(self, folder, function, members=None):
        self._folder = tempfile.TemporaryDirectory()  # only for the base class
        self.start([NODE, MAIN, "run", function], {"TRIGGERD_AZURE": described(folder, function, members or {})}, cwd=folder)

    def logs(self, count=1):
        """(level, message) of the next Log frames; each says which function and invocation it is from."""
        found = []
        for _ in range(count):
            line = self.other(LOG)
            assert line["function"] and len(line["invocation"]) == 36, line
            found.append((line["level"], line["message"]))
        return found



class AppTest(WorkerTest):
    def started(self, app):
        self.addCleanup(app.close)
        return app

    def v3(self, function, **options):
        """A function of apps/node-v3, described as its function.json does."""
        folder = APPS / "node-v3"
        return self.started(App(folder, function, {**as_function_json_says(folder, function), **options}))

    def copied(self, name, modules=None):
        """A copy of an app that may be changed, with these node_modules."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        place = pathlib.Path(folder.name) / name
        shutil.copytree(APPS / name, place)
        if modules is not None:
            (place / "node_modules").symlink_to(modules)
        return place

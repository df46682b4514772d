"""`python3 -m triggerd.azure index`: what a v2 app registers."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from azure_sdk import azure_sdk
from azure_app import APPS
from python_daemon import SDK


def index(folder, sdk=True, **environment):
    """(exit status, what it wrote to the pipe, stderr)."""
    ours, theirs = os.pipe()
    path = os.pathsep.join([str(SDK)] + ([str(azure_sdk())] if sdk else []))
    result = subprocess.run([sys.executable, "-m", "triggerd.azure", "index"], cwd=folder, pass_fds=[theirs], text=True,
                            env=dict(os.environ, PYTHONPATH=path, TRIGGERD_FD=str(theirs), **environment),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    with open(ours, encoding="utf-8") as pipe:
        return result.returncode, pipe.read(), result.stderr


class IndexTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        azure_sdk()

    def folder(self, **files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in files.items():
            (pathlib.Path(folder.name) / (name + ".py")).write_text(text)
        return folder.name

    def test_every_function(self):
        status, text, errors = index(APPS / "python-v2")
        self.assertEqual((status, errors), (0, ""))
        found = json.loads(text)
        self.assertRegex(found["sdk"], r"\Aazure-functions \d+\.\d+")
        functions = {one["name"]: one for one in found["functions"]}
        self.assertEqual(sorted(functions), [
            "Generic", "KafkaOutput", "KafkaOutputMany", "KafkaOutputManyWithHeaders", "KafkaOutputWithHeaders",
            "KafkaTrigger", "KafkaTriggerMany", "KafkaTriggerManyWithHeaders", "KafkaTriggerRetryExponential",
            "KafkaTriggerRetryFixed", "KafkaTriggerWithHeaders", "KeyAndValueBinary", "KeyBinary", "Returns", "TwoOutputs",
            "ValueBinary", "by_timer", "over_http"])
        self.assertEqual({one["scriptFile"] for one in functions.values()}, {"function_app.py"})
        self.assertEqual(functions["KafkaTriggerRetryFixed"]["retry"],
                         {"strategy": "fixed_delay", "max_retry_count": "3", "delay_interval": "00:00:10"})
        self.assertNotIn("retry", functions["KafkaTrigger"])
        trigger, = functions["KafkaTriggerMany"]["bindings"]
        for name, value in {"type": "kafkaTrigger", "direction": "IN", "name": "kevents", "topic": "orders", "brokerList": "BrokerList",
                            "consumerGroup": "many", "cardinality": "MANY", "dataType": "STRING", "username": "KafkaUser",
                            "protocol": "SASLSSL", "authenticationMode": "PLAIN"}.items():
            self.assertEqual(trigger[name], value)
        generic, = functions["Generic"]["bindings"]
        self.assertEqual((generic["type"], generic["consumerGroup"]), ("kafkaTrigger", "generic"))
        self.assertEqual({one["type"] for one in functions["over_http"]["bindings"]}, {"httpTrigger", "http"})

    def test_what_an_app_prints_is_not_in_the_way(self):
        folder = self.folder(function_app="import azure.functions as func\nprint('hello')\napp = func.FunctionApp()\nsame = app\n")
        self.assertEqual(json.loads(index(folder)[1])["functions"], [])

    def test_script_of_another_name(self):
        folder = self.folder(main="import azure.functions as func\napp = func.FunctionApp()\n")
        self.assertEqual(index(folder, PYTHON_SCRIPT_FILE_NAME="main.py")[0], 0)

    def test_packages_of_the_app(self):
        folder = self.folder(function_app="import azure.functions as func\nimport mine\napp = func.FunctionApp()\n")
        place = pathlib.Path(folder) / ".python_packages" / "lib" / "site-packages"
        place.mkdir(parents=True)
        (place / "mine.py").write_text("")
        self.assertEqual(index(folder)[0], 0)

    def test_app_that_cannot_be_loaded(self):
        status, text, errors = index(self.folder(function_app="import nowhere_to_be_found\n"))
        self.assertEqual((status, text), (70, ""))
        self.assertIn("ModuleNotFoundError: No module named 'nowhere_to_be_found'", errors)

    def test_not_one_app(self):
        for code, count in (("", 0), ("app = func.FunctionApp()\nother = func.FunctionApp()\n", 2)):
            status, _, errors = index(self.folder(function_app="import azure.functions as func\n" + code))
            self.assertEqual(status, 70)
            self.assertIn("one FunctionApp at its top level, not %d" % count, errors)

    def test_missing_sdk(self):
        status, text, errors = index(APPS / "python-v2", sdk=False)
        self.assertEqual((status, text), (78, ""))
        self.assertIn("pip install -r requirements.txt", errors)

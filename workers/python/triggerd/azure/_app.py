"""Finding an app's functions: those that code registers (model v2), and those with a function.json (model v1)."""

import importlib
import importlib.machinery
import importlib.metadata
import importlib.util
import json
import logging
import os
import sys

DEFAULT_SCRIPT = "function_app.py"
_NAMESPACE = "__app__"  # the app's folder as a package, for relative imports between a function's folder and others


class NoSdk(Exception):
    """The package azure-functions is not there; the text says how to get it."""


class CannotLoad(Exception):
    """The app's own mistake; the text says which."""


def prepare_path(folder):
    """The app's folder and the packages in it come before everything else on sys.path."""
    packages = os.path.join(folder, ".python_packages", "lib")
    version = "python%d.%d" % sys.version_info[:2]
    places = [folder, os.path.join(packages, "site-packages"), os.path.join(packages, version, "site-packages")]
    sys.path[:] = [place for place in places if place == folder or os.path.isdir(place)] + [
        place for place in sys.path if place not in ("", folder)]


def sdk():
    """The module azure.functions, as the app has it. NoSdk."""
    try:
        return importlib.import_module("azure.functions")
    except ImportError as error:
        if error.name not in ("azure", "azure.functions"):
            raise NoSdk("the app's package azure-functions cannot be imported: %s" % error) from error
        raise NoSdk("the app needs the package azure-functions, which %s does not find: "
                    "put it into the app's requirements.txt and install them (%s -m pip install -r requirements.txt), "
                    "into the app's .venv or with --target=.python_packages/lib/site-packages" % (
                        sys.executable, sys.executable)) from None


def sdk_version(functions):
    try:
        return importlib.metadata.version("azure-functions")
    except importlib.metadata.PackageNotFoundError:
        return getattr(functions, "__version__", "unknown")


def registered(functions):
    """The function objects of a v2 app: what its script registers with its only FunctionApp. CannotLoad, or what it raises."""
    script = os.environ.get("PYTHON_SCRIPT_FILE_NAME") or DEFAULT_SCRIPT
    module = importlib.import_module(os.path.splitext(os.path.basename(script))[0])
    kind = getattr(functions, "FunctionRegister", None)
    if kind is None:
        raise CannotLoad("azure-functions %s is too old for functions without function.json" % sdk_version(functions))
    apps = [value for value in vars(module).values() if isinstance(value, kind)]
    apps = [app for place, app in enumerate(apps) if all(app is not other for other in apps[:place])]
    if len(apps) != 1:
        raise CannotLoad("%s must have one FunctionApp at its top level, not %d" % (script, len(apps)))
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it warns that apps without HTTP functions have no auth level
    try:
        return apps[0].get_functions()
    finally:
        logging.disable(before)


def description(functions):
    """What `index` writes, as a JSON object."""
    described = []
    for found in registered(functions):
        one = {"name": found.get_function_name(), "scriptFile": found.function_script_file, "bindings": bindings_of(found)}
        retry = found.get_settings_dict("retry_policy") if hasattr(found, "get_settings_dict") else None
        if retry:
            one["retry"] = {name: value for name, value in retry.items() if value is not None and name != "setting_name"}
        described.append(one)
    return {"sdk": "azure-functions " + sdk_version(functions), "functions": described}


def bindings_of(found):
    return [json.loads(text) for text in found.get_raw_bindings()]


def registered_call(functions, name):
    """(the function to call, its bindings) of the v2 app's function `name`."""
    known = registered(functions)
    for found in known:
        if found.get_function_name() == name:
            return found.get_user_function(), bindings_of(found)
    raise CannotLoad("the app has no function %s; it has: %s" % (
        name, ", ".join(sorted(str(found.get_function_name()) for found in known)) or "none"))


def script_call(app_folder, function_folder, script, entry_point):
    """The function to call of a v1 function: `entry_point` (main) in its script, whose path is relative to its folder."""
    script = script or "__init__.py"
    entry_point = entry_point or "main"
    path = os.path.normpath(os.path.join(function_folder, script))
    relative = os.path.relpath(path, app_folder)
    parts = os.path.splitext(relative)[0].split(os.sep)
    if parts[0] == os.pardir or not path.endswith(".py"):
        raise CannotLoad("scriptFile %s is not a Python file within the app's folder" % script)
    if not os.path.isfile(path):
        raise CannotLoad("there is no file %s" % path)
    if parts[-1] == "__init__":
        parts.pop()
    if _NAMESPACE not in sys.modules:
        spec = importlib.machinery.ModuleSpec(_NAMESPACE, None, is_package=True)
        spec.submodule_search_locations = [app_folder]
        sys.modules[_NAMESPACE] = importlib.util.module_from_spec(spec)
    module = importlib.import_module(".".join([_NAMESPACE] + parts))
    call = getattr(module, entry_point, None)
    if not callable(call):
        raise CannotLoad("%s has no function %s" % (relative, entry_point))
    return call

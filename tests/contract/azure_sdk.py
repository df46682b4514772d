"""The package azure-functions for the tests: fetched once from PyPI into the cache folder."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

WANTED = "azure-functions<2"


def azure_sdk():
    """The folder to put on PYTHONPATH. SkipTest, with the reason on stderr, where the package cannot be had."""
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "triggerd"
    folder = cache / ("azure-functions-python%d.%d" % sys.version_info[:2])
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(dir=cache)
        result = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--target", made,
                                 WANTED], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if result.returncode:
            shutil.rmtree(made)
            reason = "%s cannot be had: %s" % (WANTED, (result.stderr.strip().splitlines() or ["pip failed"])[-1])
            sys.stderr.write("skipped: %s\n" % reason)
            raise unittest.SkipTest(reason)
        try:
            os.rename(made, folder)  # whole or not at all: other tests may be at it, too
        except OSError:
            shutil.rmtree(made)
    return folder

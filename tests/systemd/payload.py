"""The second disk: what is tested, as a checkout looks, and the tests."""
import json
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FOLDERS = ["systemd", "tests/systemd", "workers/python/triggerd"]
FILES = ["tests/e2e/kafka.py", "tests/e2e/logfmt.py", "tests/e2e/waiting.py"]
BUILT = ["bin/triggerd", "tests/kafka_tool"]
MIB = 1 << 20


def stage(folder, build, settings):
    """Copies it all below `folder`; `settings` is what guest.py reads."""
    for name in FOLDERS:
        shutil.copytree(os.path.join(ROOT, name), os.path.join(folder, name), ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        copy(os.path.join(ROOT, name), os.path.join(folder, name))
    for name in BUILT:
        copy(os.path.join(build, name), os.path.join(folder, "build", name))
    compile_java(os.path.join(folder, "tests", "systemd", "handlers"))
    with open(os.path.join(folder, "settings.json"), "w", encoding="utf-8") as file:
        json.dump(settings, file)


def copy(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(source, target)


def compile_java(folder):
    """Here, where it takes a second. A JRE has the compiler's module, but not its command."""
    subprocess.run(["java", "-m", "jdk.compiler/com.sun.tools.javac.Main", "-source", "17", "-target", "17", "-nowarn",
                    "-d", folder, os.path.join(folder, "Worker.java")], check=True)


def make_disk(folder, path):
    """An ext4 of what `folder` holds; takes no root."""
    size = sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", folder, "-E", "root_owner=0:0", path,
                    f"{size * 5 // 4 // MIB + 32}M"], check=True, stdout=subprocess.DEVNULL)

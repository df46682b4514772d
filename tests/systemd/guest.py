"""In the guest: installs the daemon as systemd/README.md says, makes the host's broker reachable, runs the tests."""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

SRC = "/src"
HERE = os.path.join(SRC, "tests", "systemd")
APP = "/srv/app"
HOST = "10.0.2.2"  # qemu's name for the host's loopback
NETWORK = """[Match]
Type=ether
[Network]
Address=10.0.2.15/24
"""

sys.path[:0] = [HERE, os.path.join(SRC, "tests", "e2e")]


def shell(command):
    subprocess.run(command, shell=True, check=True, cwd=SRC)


def install():
    """What `cmake --install` puts below /usr, then the commands that the README gives for the rest."""
    shutil.copy(f"{SRC}/build/bin/triggerd", "/usr/bin/triggerd")
    shutil.copytree(f"{SRC}/workers/python/triggerd", "/usr/share/triggerd/python/triggerd")
    with open(f"{SRC}/systemd/README.md", encoding="utf-8") as file:
        commands = re.findall(r"^    sudo (install (?:-D )?-m 644 systemd/.*)$", file.read(), re.M)
    assert len(commands) == 3, commands
    for command in commands:
        shell(command.replace("sudo ", ""))
    shell("systemctl daemon-reload")
    shutil.copytree(f"{HERE}/handlers", APP)


def reach(brokers):
    """The broker's address, which it also tells its clients, leads to the host's, where it is the same."""
    os.makedirs("/run/systemd/network", exist_ok=True)
    with open("/run/systemd/network/guest.network", "w", encoding="utf-8") as file:
        file.write(NETWORK)
    shell("systemctl start systemd-networkd && /lib/systemd/systemd-networkd-wait-online --any --timeout=60")
    host, port = brokers.split(":")
    shell(f"systemd-run --quiet --unit=broker --socket-property=ListenStream={host}:{port} "
          f"/lib/systemd/systemd-socket-proxyd {HOST}:{port}")


def main():
    with open(f"{SRC}/settings.json", encoding="utf-8") as file:
        settings = json.load(file)
    os.umask(0o022)
    install()
    reach(settings["brokers"])
    os.environ["KAFKA_BROKERS"] = settings["brokers"]
    print(subprocess.run(["systemctl", "--version"], stdout=subprocess.PIPE, text=True).stdout.split("\n")[0], flush=True)
    suite = unittest.defaultTestLoader.loadTestsFromNames(settings["tests"])
    return 0 if unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())

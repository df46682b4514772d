"""Network namespaces of our own, and daemons that live in one."""
import os
import shutil
import subprocess

from daemon import Daemon


def missing():
    """Why there cannot be one; nothing where there can."""
    if os.geteuid() != 0:
        return "only root makes a network namespace"
    return "".join(f"no program {name}; " for name in ("ip", "nsenter", "curl") if not shutil.which(name))


def enter(namespace, *command):
    """argv of a command in there."""
    return ["nsenter", f"--net=/run/netns/{namespace}", *command]


def ip(command, namespace=None):
    """In there by nsenter, not by `ip -n`, which makes / private for itself and cannot where / is a chroot's."""
    argv = ["ip", *command.split()]
    subprocess.run(enter(namespace, *argv) if namespace else argv, check=True)


class Enclosed(Daemon):
    """A daemon that lives in there, its admin listener too."""

    def __init__(self, binary, folder, name, fleet, namespace):
        super().__init__(binary, folder, name, fleet)
        self.namespace = namespace

    def argv(self):
        return enter(self.namespace, *super().argv())

    def get(self, path, timeout=5):
        listening = self.wait_for("admin_listening")
        url = f"http://127.0.0.1:{listening['port']}{path}"
        command = enter(self.namespace, "curl", "-s", "-m", str(timeout), "-w", "\n%{http_code}", url)
        text, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
        return int(status), text

"""A network of our own between a daemon and the brokers: a namespace, joined to ours by a pair of virtual interfaces."""
import os
import shutil
import subprocess
import sys

from daemon import Daemon

PROBE = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


class Network:
    def __init__(self):
        number = os.getpid()
        self.namespace = f"triggerd-{number}"
        self.ours, self.theirs = f"tgd{number % 10**7}a", f"tgd{number % 10**7}b"
        subnet = f"198.18.{number % 250}"  # of the block that RFC 2544 sets aside for tests
        self.address, self.other = f"{subnet}.1", f"{subnet}.2"

    @staticmethod
    def missing():
        """Why there cannot be one; nothing where there can."""
        if os.geteuid() != 0:
            return "only root makes a network namespace"
        return "".join(f"no program {name}; " for name in ("ip", "nsenter", "curl") if not shutil.which(name))

    def up(self):
        for command in (f"netns add {self.namespace}",
                        f"link add {self.ours} type veth peer name {self.theirs} netns {self.namespace}",
                        f"addr add {self.address}/30 dev {self.ours}",
                        f"link set {self.ours} up",
                        f"-n {self.namespace} addr add {self.other}/30 dev {self.theirs}",
                        f"-n {self.namespace} link set {self.theirs} up",
                        f"-n {self.namespace} link set lo up"):
            self._ip(command)
        return self

    def down(self):
        subprocess.run(["ip", "netns", "del", self.namespace], stderr=subprocess.DEVNULL, check=False)

    def cut(self):
        """What either side sends is dropped; nobody is told."""
        self._ip(f"link set {self.ours} down")

    def mend(self):
        self._ip(f"link set {self.ours} up")

    def enter(self, *command):
        return ["nsenter", f"--net=/run/netns/{self.namespace}", *command]

    def reaches(self, broker):
        """Can a program in there connect to host:port?"""
        command = self.enter(sys.executable, "-c", PROBE, *broker.rsplit(":", 1))
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0

    @staticmethod
    def _ip(command):
        subprocess.run(["ip", *command.split()], check=True)


class Enclosed(Daemon):
    """A daemon that lives in there, its admin listener too."""

    def __init__(self, binary, folder, name, fleet, network):
        super().__init__(binary, folder, name, fleet)
        self.network = network

    def argv(self):
        return self.network.enter(*super().argv())

    def get(self, path, timeout=5):
        listening = self.wait_for("admin_listening")
        url = f"http://127.0.0.1:{listening['port']}{path}"
        command = self.network.enter("curl", "-s", "-m", str(timeout), "-w", "\n%{http_code}", url)
        text, _, status = subprocess.run(command, capture_output=True, text=True, check=True).stdout.rpartition("\n")
        return int(status), text

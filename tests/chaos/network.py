"""A network of our own between a daemon and the brokers: a namespace, joined to ours by a pair of virtual interfaces."""
import os
import subprocess
import sys

from netns import enter, ip

PROBE = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


class Network:
    def __init__(self):
        number = os.getpid()
        self.namespace = f"triggerd-{number}"
        self.ours, self.theirs = f"tgd{number % 10**7}a", f"tgd{number % 10**7}b"
        subnet = f"198.18.{number % 250}"  # of the block that RFC 2544 sets aside for tests
        self.address, self.other = f"{subnet}.1", f"{subnet}.2"

    def up(self):
        for command in (f"netns add {self.namespace}",
                        f"link add {self.ours} type veth peer name {self.theirs} netns {self.namespace}",
                        f"addr add {self.address}/30 dev {self.ours}",
                        f"link set {self.ours} up"):
            ip(command)
        for command in (f"addr add {self.other}/30 dev {self.theirs}", f"link set {self.theirs} up", "link set lo up"):
            ip(command, self.namespace)
        return self

    def down(self):
        subprocess.run(["ip", "netns", "del", self.namespace], stderr=subprocess.DEVNULL, check=False)

    def cut(self):
        """What either side sends is dropped; nobody is told."""
        ip(f"link set {self.ours} down")

    def mend(self):
        ip(f"link set {self.ours} up")

    def reaches(self, broker):
        """Can a program in there connect to host:port?"""
        command = enter(self.namespace, sys.executable, "-c", PROBE, *broker.rsplit(":", 1))
        return subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0

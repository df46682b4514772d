"""A network of machines that are namespaces: a bridge with an address of ours, where the brokers listen, and one each."""
import os
import subprocess

from netns import ip


class Lan:
    def __init__(self, machines):
        number = os.getpid()
        self.bridge = f"tgs{number % 10**7}"
        self.subnet = f"198.19.{number % 250}"  # of the block that RFC 2544 sets aside for tests
        self.address = f"{self.subnet}.1"
        self.machines = [f"{self.bridge}-{i}" for i in range(machines)]

    def up(self):
        ip(f"link add {self.bridge} type bridge")
        ip(f"addr add {self.address}/24 dev {self.bridge}")
        ip(f"link set {self.bridge} up")
        for i, machine in enumerate(self.machines):
            ours = f"{self.bridge}{i}"
            ip(f"netns add {machine}")
            ip(f"link add {ours} type veth peer name eth0 netns {machine}")
            ip(f"link set {ours} master {self.bridge} up")
            ip(f"addr add {self.subnet}.{10 + i}/24 dev eth0", machine)
            ip("link set eth0 up", machine)
            ip("link set lo up", machine)
        return self

    def down(self):
        for machine in self.machines:
            subprocess.run(["ip", "netns", "del", machine], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["ip", "link", "del", self.bridge], stderr=subprocess.DEVNULL, check=False)

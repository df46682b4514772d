"""A network of machines that are namespaces: a bridge with an address of ours, where the brokers listen, and one each."""
import os
import shutil
import subprocess


class Lan:
    def __init__(self, machines):
        number = os.getpid()
        self.bridge = f"tgs{number % 10**7}"
        self.subnet = f"198.19.{number % 250}"  # of the block that RFC 2544 sets aside for tests
        self.address = f"{self.subnet}.1"
        self.machines = [f"{self.bridge}-{i}" for i in range(machines)]

    @staticmethod
    def missing():
        """Why there cannot be one; nothing where there can."""
        if os.geteuid() != 0:
            return "only root makes a network namespace"
        return "".join(f"no program {name}; " for name in ("ip", "nsenter", "curl") if not shutil.which(name))

    def up(self):
        self._ip(f"link add {self.bridge} type bridge")
        self._ip(f"addr add {self.address}/24 dev {self.bridge}")
        self._ip(f"link set {self.bridge} up")
        for i, machine in enumerate(self.machines):
            ours = f"{self.bridge}{i}"
            self._ip(f"netns add {machine}")
            self._ip(f"link add {ours} type veth peer name eth0 netns {machine}")
            self._ip(f"link set {ours} master {self.bridge} up")
            self._ip(f"-n {machine} addr add {self.subnet}.{10 + i}/24 dev eth0")
            self._ip(f"-n {machine} link set eth0 up")
            self._ip(f"-n {machine} link set lo up")
        return self

    def down(self):
        for machine in self.machines:
            subprocess.run(["ip", "netns", "del", machine], stderr=subprocess.DEVNULL, check=False)
        subprocess.run(["ip", "link", "del", self.bridge], stderr=subprocess.DEVNULL, check=False)

    @staticmethod
    def _ip(command):
        subprocess.run(["ip", *command.split()], check=True)


def enter(machine, *command):
    return ["nsenter", f"--net=/run/netns/{machine}", *command]

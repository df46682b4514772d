"""The brokers a test run works on, by tests/kafka/kafka; their data lies in a folder of the build."""
import glob
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Cluster:
    def __init__(self, build, brokers, folder="kafka", net="", secure=False):
        self.script = os.path.join(ROOT, "tests", "kafka", "kafka")
        self.env = {**os.environ, "KAFKA_DATA": os.path.join(build, folder), "KAFKA_NET": net}
        self.count = brokers
        self.secure = secure

    def do(self, *args):
        """One of the script's commands; what it says."""
        result = subprocess.run([self.script, *map(str, args)], env=self.env, stdout=subprocess.PIPE, check=True, text=True)
        return result.stdout.strip()

    def is_up(self):
        return os.path.exists(os.path.join(self.env["KAFKA_DATA"], "1.pid"))

    def up(self):
        """Starts what is not running, waits until it is ready, returns the bootstrap list."""
        return self.do("up", self.count, *(["--secure"] if self.secure else []))

    def down(self):
        self.do("down", "--wipe")

    def logs(self):
        return glob.glob(os.path.join(self.env["KAFKA_DATA"], "[0-9]*.log"))

    def pid(self, broker):
        with open(os.path.join(self.env["KAFKA_DATA"], f"{broker}.pid"), encoding="ascii") as f:
            return int(f.read())

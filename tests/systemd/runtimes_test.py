"""Workers in other languages run in the unit's sandbox, just-in-time compilers too."""
import unittest

from unit import APP, Case, status_of

COMMANDS = {
    "python": ["python3", "-m", "triggerd", f"{APP}/deeds.py"],
    "node": ["node", f"{APP}/worker.js"],
    # Java has no way to an inherited descriptor but the standard ones.
    "java": ["sh", "-c", f"exec java -Xmx64m -XX:+UseSerialGC -cp {APP} Worker <&3 >&3"],
}


class Runtimes(Case):
    def handles(self, language):
        topic, group, pid = self.run_one(100, worker={"command": COMMANDS[language], "startTimeout": "2m"})
        self.kafka.until_committed(group, topic)
        self.assertEqual((status_of(pid)["NoNewPrivs"], status_of(pid)["Seccomp"]), ("1", "2"))
        self.assertFalse(self.seen("worker_lost"))

    def worked(self):
        return [e for e in self.seen("worker_output") if e["line"].startswith("hot loop: ")]

    def test_python(self):
        self.handles("python")

    def test_node(self):
        self.handles("node")
        self.assertTrue(self.worked())

    def test_java(self):
        self.handles("java")
        self.assertTrue(self.worked())


class NothingWritableIsExecutable(Case):
    """What the unit leaves out, and why: shows that the tests above would see it."""

    def test_node_does_not_start_with_it(self):
        self.drop_in("strict.conf", "[Service]\nMemoryDenyWriteExecute=yes\n")
        topic, group = self.topic()
        self.fleet({"t": self.trigger(topic, group, command=COMMANDS["node"])})
        self.start()
        self.wait_for("worker_start_failed", trigger="t")


if __name__ == "__main__":
    unittest.main()

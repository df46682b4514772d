"""The lag source (lib/kafka/lag_source.hpp) against real brokers, by lag_tool: each number against what was done."""
import json
import os
import subprocess
import sys
import threading

from cluster import Cluster
from harness import BUILD, Case
from kafka import Kafka
from waiting import PATIENCE, until


class LagTool:
    """A running lag source that refreshes when it is told to."""

    def __init__(self, brokers, *groups, timeout_ms=60_000):
        self.process = subprocess.Popen([os.path.join(BUILD, "tests", "lag_tool"), brokers, str(timeout_ms),
                                         *map(json.dumps, groups)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.last = None

    def refresh(self):
        """{"refresh": …, "triggers": …}, when it is over."""
        hung = threading.Timer(PATIENCE, self.process.kill)
        hung.start()
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            self.last = json.loads(self.process.stdout.readline())
            return self.last
        finally:
            hung.cancel()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        return self.process.wait(PATIENCE)


def group(trigger, name, *topics, start="earliest", committed=True, owned=()):
    return {"trigger": trigger, "group": name, "topics": list(topics), "start": start, "committed": committed, "owned": list(owned)}


class LagCase(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.name("t"), self.name("g")

    def source(self, *groups, **more):
        tool = LagTool(self.kafka.brokers, *groups, **more)
        self.addCleanup(lambda: self.assertEqual(tool.close(), 0))
        return tool

    def fill(self, count, partition=0, topic=None):
        self.kafka.produce(topic or self.topic, [{"partition": partition, "value": "x"}] * count)

    def whole(self, tool):
        """The triggers of the next refresh in which all was answered: a broker learns of a topic a moment later."""
        def probe():
            triggers = tool.refresh()["triggers"]
            return triggers if all(t["complete"] for t in triggers.values()) else None
        return until("all is answered", probe)

    def one(self, tool, trigger="a", partition=0, topic=None):
        return self.whole(tool)[trigger]["partitions"][f"{topic or self.topic}[{partition}]"]

    def assert_is(self, have, **want):
        self.assertEqual({name: have[name] for name in want}, want)


class LagSource(LagCase):
    def test_a_group_without_a_commit_begins_where_start_from_says(self):
        self.kafka.create(self.topic, 1)
        now = 1_790_000_000_000
        self.kafka.produce(self.topic, [{"value": "x", "timestamp": now + i * 1000} for i in range(10)])
        starts = {"earliest": "earliest", "latest": "latest", "error": "error", "time": now + 6500, "after": now + 60_000}
        tool = self.source(*(group(name, self.name(name), self.topic, start=start) for name, start in starts.items()))
        self.whole(tool)
        self.kafka.produce(self.topic, [{"value": "x", "timestamp": now + 20_000}] * 5)
        triggers = self.whole(tool)
        want = {"earliest": (0, 15), "latest": (10, 5), "error": (None, None), "time": (7, 8), "after": (15, 0)}
        for name, (base, lag) in want.items():
            self.assert_is(triggers[name]["partitions"][f"{self.topic}[0]"], base=base, lag=lag, committed=None, end=15, owner="nobody")
            self.assertEqual(triggers[name]["members"], 0, name)

    def test_commits_retention_and_a_commit_beyond_the_end(self):
        self.kafka.create(self.topic, 1)
        self.fill(20)
        self.kafka.commit(self.group, self.topic, 0, 5)
        tool = self.source(group("a", self.group, self.topic))
        self.assert_is(self.one(tool), start=0, end=20, committed=5, lag=15)
        self.kafka.run("trim", self.topic, 0, 12)
        self.assert_is(self.one(tool), start=12, end=20, committed=5, lag=8)
        self.kafka.run("trim", self.topic, 0, 20)
        self.assert_is(self.one(tool), start=20, lag=0)
        self.kafka.commit(self.group, self.topic, 0, 500)
        self.assert_is(self.one(tool), committed=500, lag=0)
        self.assertEqual(tool.last["refresh"]["anomalies"], {"a": {"commit_beyond_end": 1, "topic_recreated": 0}})
        self.kafka.commit(self.group, self.topic, 0, 20)
        self.fill(3)
        self.assert_is(self.one(tool), lag=3)

    def test_transactions_open_committed_and_aborted(self):
        self.kafka.create(self.topic, 1)
        self.fill(23)
        tool = self.source(group("a", self.group, self.topic), group("dirty", self.group, self.topic, committed=False))
        lags = lambda: tuple(self.whole(tool)[t]["partitions"][f"{self.topic}[0]"]["lag"] for t in ("a", "dirty"))
        self.assertEqual(lags(), (23, 23))
        open_one = subprocess.Popen([self.kafka.tool, "-b", self.kafka.brokers, "transact", self.topic, self.name("x")],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        open_one.stdin.write(self.kafka.line({"value": "x"}) * 5)
        open_one.stdin.flush()
        until("the open transaction's records are there, and are nobody's yet", lambda: lags() == (23, 28))
        open_one.stdin.write(self.kafka.line({"end": "commit"}))
        open_one.stdin.flush()
        until("with their marker", lambda: lags() == (29, 29))
        open_one.stdin.write(self.kafka.line({"value": "x"}) * 3 + self.kafka.line({"end": "abort"}))
        open_one.stdin.close()
        self.assertEqual(open_one.wait(PATIENCE), 0)
        until("an aborted one takes offsets too", lambda: lags() == (33, 33))
        self.kafka.commit(self.group, self.topic, 0, 33)
        self.assertEqual(lags(), (0, 0))

    def test_partitions_that_are_added_begin_at_their_start_in_a_group_that_reads(self):
        self.kafka.create(self.topic, 1)
        self.fill(4)
        self.kafka.commit(self.group, self.topic, 0, 4)
        tool = self.source(group("a", self.group, self.topic, start="latest"))
        self.assertEqual(list(self.whole(tool)["a"]["partitions"]), [f"{self.topic}[0]"])
        self.kafka.run("grow", self.topic, 3)
        self.fill(7, partition=2)
        until("the new partitions", lambda: len(self.whole(tool)["a"]["partitions"]) == 3)
        self.assert_is(self.one(tool, partition=2), base=0, lag=7, committed=None)
        self.assert_is(self.one(tool, partition=1), lag=0)

    def test_a_topic_that_is_deleted_and_made_anew(self):
        self.kafka.create(self.topic, 1)
        self.fill(9)
        self.kafka.commit(self.group, self.topic, 0, 2)
        tool = self.source(group("a", self.group, self.topic), group("r", self.group, f"^{self.topic}"))
        self.assert_is(self.one(tool), lag=7)
        self.kafka.run("delete", self.topic)
        self.kafka.create(self.topic, 2)
        self.fill(3)
        until("the new one", lambda: len(self.whole(tool)["a"]["partitions"]) == 2)
        anomalies = tool.last["refresh"]["anomalies"]
        self.assertEqual({t: anomalies[t]["topic_recreated"] for t in ("a", "r")}, {"a": 1, "r": 1})
        for trigger in ("a", "r"):
            until("lag is of the new one", lambda: self.one(tool, trigger)["lag"] == 3)
        self.kafka.run("delete", self.topic)
        until("nothing is left, and that is known", lambda: all(t["partitions"] == {} for t in self.whole(tool).values()))

    def test_topics_by_regex(self):
        for word in ("eu", "us"):
            self.kafka.create(f"{self.topic}-{word}", 1)
            self.fill(2, topic=f"{self.topic}-{word}")
        self.kafka.create(f"x-{self.topic}-eu", 1)
        tool = self.source(group("a", self.group, f"^{self.topic}-.*", start="latest"))
        self.assertEqual(sorted(self.whole(tool)["a"]["partitions"]), [f"{self.topic}-eu[0]", f"{self.topic}-us[0]"])
        self.kafka.commit(self.group, f"{self.topic}-eu", 0, 2)
        self.kafka.create(f"{self.topic}-new", 1)
        self.fill(6, topic=f"{self.topic}-new")
        until("one more", lambda: len(self.whole(tool)["a"]["partitions"]) == 3)
        self.assert_is(self.one(tool, topic=f"{self.topic}-new"), base=0, lag=6)

    def test_who_owns_what(self):
        self.kafka.create(self.topic, 2)
        self.fill(10)
        for kafka in ({}, {"group.protocol": "consumer"}):
            name = self.name("g" + kafka.get("group.protocol", "classic"))
            self.make("hold")
            daemon = self.daemon({"t": self.trigger(self.topic, name, kafka=kafka)})
            self.kafka.until_committed(name, self.topic)
            ours = [{"topic": self.topic, "partition": 1, "committed": None, "begun": 0}]
            tool = self.source(group("others", name, self.topic), group("shared", name, self.topic, owned=ours))
            others, shared = self.whole(tool)["others"], tool.last["triggers"]["shared"]
            self.assertEqual([p["owner"] for p in others["partitions"].values()], ["other", "other"])
            self.assertEqual([p["owner"] for p in shared["partitions"].values()], ["other", "us"])
            self.assertEqual((others["members"], shared["members"]), (1, 1))
            self.assertEqual([p["lag"] for p in others["partitions"].values()], [0, 0])
            daemon.stop()
            until("nobody", lambda: all(p["owner"] == "nobody" for p in self.whole(tool)["others"]["partitions"].values()))


class LagSourceOnBrokersThatFail(LagCase):
    """Three brokers of its own."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(BUILD, 3, folder="kafka-lag-source")
        cls.addClassCleanup(cls.cluster.down)
        cls.brokers = cls.cluster.up()

    def setUp(self):
        super().setUp()
        self.kafka = Kafka(BUILD, self.brokers)

    def test_a_broker_that_stops_holds_what_only_it_has(self):
        self.kafka.create(self.topic, 3)           # one partition at each
        moved = self.kafka.create(self.name("moved"), 3, replicas=3)
        for partition in range(3):
            self.fill(4, partition)
            self.fill(6, partition, moved)
        tool = self.source(group("alone", self.group, self.topic), group("moved", self.group, moved), timeout_ms=5000)
        lags = lambda t: [p["lag"] for p in tool.last["triggers"][t]["partitions"].values()]
        self.whole(tool)
        self.assertEqual((lags("alone"), lags("moved")), ([4, 4, 4], [6, 6, 6]))
        for partition in range(3):
            self.kafka.commit(self.group, self.topic, partition, 1)
            self.kafka.commit(self.group, moved, partition, 1)
        self.whole(tool)
        self.assertEqual((lags("alone"), lags("moved")), ([3, 3, 3], [5, 5, 5]))

        self.cluster.do("stop", 2)
        self.addCleanup(self.cluster.up)

        def held():
            triggers = tool.refresh()["triggers"]
            self.assertEqual((lags("alone"), lags("moved")), ([3, 3, 3], [5, 5, 5]), "never zero, never absent")
            failed = [p["failed"] for p in triggers["alone"]["partitions"].values()]
            return triggers["moved"]["complete"] and sum(failed) == 1 and not triggers["alone"]["complete"]
        try:
            until("the replicated ones have new leaders, one of the others is held", held)
        except AssertionError:
            print(json.dumps(tool.last), file=sys.stderr)
            raise
        self.assertFalse(tool.last["refresh"]["unreachable"])
        self.assertTrue(tool.last["triggers"]["alone"]["errors"])

        self.cluster.do("restart", 2)
        self.whole(tool)
        for partition in range(3):
            self.fill(2, partition)
        self.whole(tool)
        self.assertEqual((lags("alone"), lags("moved")), ([5, 5, 5], [5, 5, 5]))

    def test_brokers_that_do_not_answer(self):
        self.kafka.create(self.topic, 1)
        self.fill(4)
        tool = self.source(group("a", self.group, self.topic), timeout_ms=2000)
        self.assert_is(self.one(tool), lag=4)
        for broker in (1, 2, 3):
            self.cluster.do("pause", broker)
            self.addCleanup(self.cluster.do, "resume", broker)
        last = tool.refresh()
        self.assertTrue(last["refresh"]["timed_out"])
        self.assertTrue(last["refresh"]["unreachable"])
        self.assertLess(last["refresh"]["took"], 30)
        self.assert_is(last["triggers"]["a"], complete=False, taken=True)
        self.assert_is(last["triggers"]["a"]["partitions"][f"{self.topic}[0]"], lag=4, failed=True)
        for broker in (1, 2, 3):
            self.cluster.do("resume", broker)
        self.fill(1)
        self.assert_is(self.one(tool), lag=5, failed=False)

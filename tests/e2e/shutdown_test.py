"""SIGTERM drains: what runs is finished and committed. A kill loses nothing."""
import signal

from harness import Case


class Shutdown(Case):
    def fleet(self, topic, group, **properties):
        return {"t": self.trigger(topic, group, env={"SLEEP_MS": "5"}, cardinality="many", maxBatchSize=10,
                                  worker={"processes": 2}, **properties)}

    def test_everything_settled_is_committed_and_nothing_comes_twice(self):
        topic, group = self.kafka.create(self.name("t"), 4), self.name("g")
        self.kafka.fill(topic, 8000)
        first = self.daemon(self.fleet(topic, group))
        self.until_records(1500)
        first.stop()
        done = {}
        for r in self.records():
            done[r["partition"]] = max(done.get(r["partition"], 0), r["offset"] + 1)
        self.assertEqual({p: o for p, o in self.kafka.committed(group, topic).items() if o}, done)
        self.assertEqual(len(self.records("start")), len(self.records()), "no attempt was cut off")
        self.assertLess(len(self.records()), 8000, "the daemon was stopped in the middle")
        first.wait_for("trigger_drained", trigger="t")
        first.wait_for("daemon_stopped")

        second = self.daemon(self.fleet(topic, group))
        ends = self.kafka.until_committed(group, topic)
        second.stop()
        self.assert_each_once(ends, topic)

    def test_a_running_attempt_is_waited_for(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": {"sleep_ms": 1500}}, {"value": "behind"}])
        daemon = self.daemon({"t": self.trigger(topic, group)})
        self.until_records(1, phase="start")
        daemon.stop()
        self.assertIn(0, [r["offset"] for r in self.records()])
        self.assertEqual(self.kafka.committed(group, topic), {0: len(self.records())})

    def test_a_second_signal_leaves_at_once(self):
        topic, group, gate = self.kafka.create(self.name("t"), 1), self.name("g"), self.path("gate")
        self.kafka.produce(topic, [{"value": {"gate": gate}}])
        daemon = self.daemon({"t": self.trigger(topic, group)})
        self.until_records(1, phase="start")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.wait_for("daemon_draining")
        daemon.end(signal.SIGTERM, timeout=10)
        # Where it began, if there was time for that; never past the record that runs.
        self.assertIn(self.kafka.committed(group, topic), ({0: None}, {0: 0}))

    def test_after_kill_9_nothing_is_missing_and_duplicates_were_in_flight(self):
        topic, group = self.kafka.create(self.name("t"), 4), self.name("g")
        self.kafka.fill(topic, 4000)
        first = self.daemon(self.fleet(topic, group, maxInFlight=500))
        self.until_records(1000)
        first.kill9()
        second = self.daemon(self.fleet(topic, group, maxInFlight=500))
        ends = self.kafka.until_committed(group, topic)
        second.stop()
        records = self.records()
        seen = {(r["partition"], r["offset"]) for r in records}
        self.assertEqual(len(seen), sum(ends.values()))
        self.assertLessEqual(len(records) - len(seen), 500)

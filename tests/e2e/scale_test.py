"""Lag of whole groups and what follows from it: /scale/NAME, votes, targets, metrics, and the size of the pool."""
import json
import time

from harness import Case
from waiting import until

SOON = {"lagThreshold": 100, "scaleDownWindow": "1s"}


class Scale(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.kafka.create(self.name("t"), 4), self.name("g")
        self.gate = self.path("gate")

    def fleet(self, scale=SOON, **properties):
        """A daemon whose handlers wait for the gate."""
        return self.daemon({"t": self.trigger(self.topic, self.group, env={"GATE": self.gate}, scale=scale)},
                           **{"lagInterval": "1s", **properties})

    def target(self, daemon):
        status, text = daemon.get("/scale/t")
        return json.loads(text) if status == 200 else None

    def until_target(self, daemon, what, **expected):
        def probe():
            told = self.target(daemon)
            return told if told and expected.items() <= told.items() else None
        return until(f"{what}: {expected}", probe)

    def status(self, daemon, workers):
        daemon.wait_for("partitions_assigned")  # 503 before there is a status
        until("/readyz", lambda: daemon.get("/readyz")[0] == 200)
        code, text = daemon.post("/admin/host/scale/status", {"workerCount": workers})
        return json.loads(text) if code == 200 else code

    def test_the_target_follows_the_lag_and_says_why(self):
        self.kafka.fill(self.topic, 1000)
        daemon = self.fleet()
        told = self.until_target(daemon, "four partitions of ten asked for", target=4)
        self.assertEqual({"lag": told["lag"], "vote": told["vote"], "active": told["active"], "stale": told["stale"],
                          "current": told["current"], "rule": told["rule"]},
                         {"lag": 1000, "vote": 1, "active": True, "stale": False, "current": 1, "rule": "capped_by_partitions"})
        self.assertIn("1000", told["reason"].replace(",", "").replace(".", ""))
        self.assertEqual(daemon.metric("triggerd_scale_target_instances", trigger="t"), 4)
        self.assertEqual(self.status(daemon, 1), {
            "vote": 1, "targetWorkerCount": 4, "functionScaleStatuses": {},
            "functionTargetScalerResults": {"Host.Functions.t": {"targetWorkerCount": 4}}})
        self.assertEqual(self.status(daemon, 4)["vote"], 0)
        open(self.gate, "w", encoding="utf-8").close()
        self.kafka.until_committed(self.group, self.topic)
        self.until_target(daemon, "the work is done", target=1, lag=0, lagSeconds=0, active=False)
        self.assertEqual(daemon.metric("triggerd_consumer_lag_records", trigger="t"), 0)
        self.assertEqual(daemon.metric("triggerd_consumer_lag_seconds", trigger="t"), 0)
        past = json.loads(daemon.get("/api/triggers/t/decisions")[1])["decisions"]
        self.assertEqual((past[0]["target"], past[0]["inputs"]["lag"]), (1, 0))
        self.assertIn(4, [d["target"] for d in past])
        page = json.loads(daemon.get("/api/triggers/t")[1])
        self.assertEqual({p["owner"] for p in page["lag"]["partitions"]}, {"us"})
        self.assertTrue(page["lag"]["complete"])
        daemon.stop()

    def test_lag_in_seconds_is_the_age_of_the_oldest_record(self):
        daemon = self.fleet()
        until("/readyz, which waits for the first snapshot", lambda: daemon.get("/readyz")[0] == 200)
        self.kafka.fill(self.topic, 40)
        until("an age of over two seconds", lambda: (self.target(daemon)["lagSeconds"] or 0) > 2)
        self.assertLess(self.target(daemon)["lagSeconds"], 60)
        open(self.gate, "w", encoding="utf-8").close()
        self.until_target(daemon, "done", lagSeconds=0)

    def test_two_daemons_see_one_group_and_count_no_partition_twice(self):
        self.kafka.fill(self.topic, 1000)
        daemons = [self.fleet(), self.fleet()]
        for daemon in daemons:
            daemon.until_metric("triggerd_assigned_partitions", lambda v: v == 2, trigger="t")
            self.until_target(daemon, "both are members", current=2, target=4, lag=1000)

        def shown():
            return sorted((dict(labels)["partition"], value) for daemon in daemons
                          for (name, labels), value in daemon.metrics().items() if name == "triggerd_consumer_lag_records")
        # Who has just given a partition up may show it until it has asked who has it now.
        until("each partition is shown once", lambda: [p for p, _ in shown()] == ["0", "1", "2", "3"])
        self.assertEqual(sum(value for _, value in shown()), 1000)
        # Whose a partition is that was given up is not known before the group has been asked again.
        until("daemon1 knows two of its own and two of the other's", lambda: sorted(
            p["owner"] for p in json.loads(daemons[0].get("/api/triggers/t")[1])["lag"]["partitions"]) == ["other"] * 2 + ["us"] * 2)
        open(self.gate, "w", encoding="utf-8").close()
        ends = self.kafka.until_committed(self.group, self.topic)
        for daemon in daemons:
            self.until_target(daemon, "done", lag=0)
            daemon.stop()
        self.assertEqual(sum(ends.values()), 1000)

    def test_a_person_sets_the_target(self):
        daemon = self.fleet(scale={"maxInstances": 9})
        self.until_target(daemon, "at rest", target=1)
        self.assertEqual(daemon.post("/api/triggers/t/scale", {"target": 3, "by": "the test"})[0], 202)
        told = self.until_target(daemon, "as asked", target=3, rule="manual")
        self.assertIn("the test", told["reason"])
        self.assertEqual(daemon.post("/api/triggers/t/scale", {"target": None, "by": "the test"})[0], 202)
        until("it is over", lambda: self.target(daemon)["rule"] != "manual")

    def test_votes_without_targets(self):
        """Five samples, ten seconds apart, make a vote; the fifth of them is the one that says more workers are needed."""
        self.kafka.fill(self.topic, 1000)
        daemon = self.fleet(admin={"listen": "127.0.0.1:0", "targetBasedScalingEnabled": False})
        self.until_target(daemon, "our own answers need no votes", target=4)

        def votes(vote):
            return {"vote": vote, "targetWorkerCount": None, "functionScaleStatuses": {"Host.Functions.t": {"vote": vote}},
                    "functionTargetScalerResults": {}}
        self.assertEqual(self.status(daemon, 1), votes(0))
        begin = time.monotonic()
        until("a vote for one more", lambda: self.status(daemon, 1) == votes(1), 90)
        self.assertGreater(time.monotonic() - begin, 30)
        self.assertEqual(self.status(daemon, 10), votes(-1), "more workers than partitions")
        self.assertEqual(self.status(daemon, 4), votes(0), "a worker for each partition")

    def test_scale_monitoring_that_is_off(self):
        daemon = self.daemon({"t": self.trigger(self.topic, self.group)}, lagInterval="1s",
                             admin={"listen": "127.0.0.1:0", "functionsRuntimeScaleMonitoringEnabled": False})
        self.until_target(daemon, "our own answers", target=1)
        self.assertEqual(daemon.post("/admin/host/scale/status", {"workerCount": 1}),
                         (400, "Runtime scale monitoring is not enabled."))

    def test_a_pool_grows_while_all_are_busy_and_records_wait(self):
        self.kafka.fill(self.topic, 1500)
        daemon = self.daemon({"t": self.trigger(self.topic, self.group, ordering="none", env={"SLEEP_MS": "20"},
                                                worker={"processes": {"min": 1, "max": 3}})}, lagInterval="1s")
        first = daemon.wait_for("pool_resized")
        self.assertEqual((first["from"], first["to"], first["rule"]), ("1", "2", "grow"))
        daemon.until_metric("triggerd_worker_processes", lambda v: v == 3, trigger="t", state="ready")
        self.assertEqual(daemon.metric("triggerd_scale_target_processes", trigger="t"), 3)
        ends = self.kafka.until_committed(self.group, self.topic)
        self.assertEqual(len({r["pid"] for r in self.records()}), 3)
        daemon.stop()
        self.assert_each_once(ends, self.topic)

"""/admin/host: what a scale controller of the Functions host asks a daemon for."""
import json

from harness import Case
from waiting import until

KEY = "a-key-of-twenty-two-ch"


class Host(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.kafka.create(self.name("t"), 2), self.name("g")

    def drain_state(self, daemon):
        return json.loads(daemon.get("/admin/host/drain/status", **{"x-functions-key": KEY})[1])["state"]

    def test_drained_and_resumed_nothing_is_lost_or_done_twice(self):
        self.kafka.fill(self.topic, 500)
        daemon = self.daemon({"t": self.trigger(self.topic, self.group)}, admin={"listen": "127.0.0.1:0", "key": KEY})
        self.until_records(100)
        self.assertEqual(daemon.post("/admin/host/drain")[0], 401)
        self.assertEqual(self.drain_state(daemon), "Disabled")
        self.assertEqual(daemon.post("/admin/host/drain", **{"x-functions-key": KEY}), (202, ""))
        until("the drain to be over", lambda: self.drain_state(daemon) == "Completed")
        self.assertEqual(daemon.get("/readyz")[0], 503)
        self.assertEqual(daemon.metric("triggerd_assigned_partitions", trigger="t"), 0)
        self.kafka.fill(self.topic, 500)
        done = len(self.records())
        self.assertEqual(json.loads(daemon.post(f"/admin/host/resume?code={KEY}")[1]), {"state": "Running"})
        ends = self.kafka.until_committed(self.group, self.topic)
        self.assertGreater(len(self.records()), done)
        until("/readyz", lambda: daemon.get("/readyz")[0] == 200)
        daemon.stop()
        self.assert_each_once(ends, self.topic)

    def test_a_drained_daemon_stops_as_any_other(self):
        daemon = self.daemon({"t": self.trigger(self.topic, self.group)})
        daemon.wait_for("partitions_assigned")
        daemon.post("/admin/host/drain")
        daemon.wait_for("triggers_drained")
        daemon.stop()

    def test_a_daemon_that_is_told_to_stop_while_it_drains(self):
        gate = self.path("never")
        self.kafka.fill(self.topic, 1)
        daemon = self.daemon({"t": self.trigger(self.topic, self.group, handler="handle_size", env={"GATE": gate})},
                             drainTimeout="1s")
        daemon.until_metric("triggerd_in_flight_records", lambda v: v == 1, trigger="t")
        daemon.post("/admin/host/drain")
        self.assertEqual(json.loads(daemon.get("/admin/host/drain/status")[1]),
                         {"state": "InProgress", "outstandingInvocations": 1, "outstandingRetries": 0})
        daemon.stop()

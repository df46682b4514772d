"""A record that blocks its lane is seen where people look, and somebody may give up exactly that one."""
import json
import os
import pwd
import subprocess
import urllib.error
import urllib.request

from harness import BINARY, Case
from waiting import PATIENCE, until

ONCE = {"strategy": "fixedDelay", "maxRetryCount": 1, "delayInterval": "50ms"}
FOR_EVER = 1_000_000


class Skip(Case):
    def begin(self, *values, **properties):
        """A topic with these records in its first partition, the first of which blocks it."""
        self.topic, self.group = self.kafka.create(self.name("t"), 2), self.name("g")
        self.kafka.produce(self.topic, [{"value": v, "partition": 0} for v in ({"fail_until": FOR_EVER}, *values)])
        daemon = self.daemon({"t": self.trigger(self.topic, self.group, retry=ONCE, onFailure="block", **properties)})
        daemon.wait_for("lane_blocked", trigger="t", offset=0)
        return daemon

    def skip(self, daemon, partition, offset, *args, trigger="t", topic=None):
        """`triggerd skip` with the daemon's fleet file, in which the port stands that it got."""
        with open(daemon.file, encoding="utf-8") as f:
            fleet = json.load(f)
        fleet["admin"]["listen"] = f"127.0.0.1:{daemon.wait_for('admin_listening')['port']}"
        path = self.path("with-port.yaml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(fleet, f)
        return subprocess.run([BINARY, "skip", "-c", path, trigger, topic or self.topic, str(partition), str(offset),
                               *args], capture_output=True, text=True, timeout=PATIENCE)

    def test_a_poison_first_record_is_seen_where_people_look(self):
        daemon = self.begin("behind it", alarmAfter="1s")
        blocked = daemon.wait_for("lane_blocked", trigger="t")
        self.assertEqual((blocked["partition"], blocked["offset"], blocked["attempts"], blocked["level"]),
                         (f"{self.topic}[0]", "0", "2", "error"))
        self.assertIn("told to fail", blocked["reason"])
        daemon.until_metric("triggerd_lanes_blocked", lambda v: v == 1, trigger="t")
        stuck = daemon.wait_for("lane_stuck", trigger="t", offset=0)
        self.assertEqual((stuck["partition"], stuck["attempts"]), (f"{self.topic}[0]", "2"))
        self.assertGreaterEqual(int(stuck["since_ms"]), 1000)
        daemon.until_metric("triggerd_lanes_alarmed", lambda v: v == 1, trigger="t")
        status, text = daemon.get("/readyz")
        self.assertEqual(status, 503)
        said, = json.loads(text)["reasons"]
        self.assertIn(f"t: {self.topic}[0] is blocked at offset 0 after 2 attempts: ", said)
        self.assertIn("told to fail", said)
        partition = [p for p in json.loads(daemon.get("/api/triggers/t")[1])["partitions"] if p["partition"] == 0][0]
        stuck, = partition["stuck"]
        self.assertEqual((stuck["offset"], stuck["attempts"], stuck["blocked"], stuck["alarmed"]), (0, 2, True, True))
        daemon.stop()
        self.assertEqual(self.kafka.committed(self.group, self.topic)[0], 0)

    def test_a_record_that_is_retried_for_ever_raises_the_alarm_too(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": {"fail_until": FOR_EVER}}])
        retry = {"strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "100ms"}
        daemon = self.daemon({"t": self.trigger(topic, group, retry=retry, alarmAfter="1s")})
        daemon.wait_for("lane_stuck", trigger="t", offset=0)
        until("/readyz names it", lambda: f"t: {topic}[0] makes no progress at offset 0" in daemon.get("/readyz")[1])
        daemon.until_metric("triggerd_lanes_alarmed", lambda v: v == 1, trigger="t")
        self.assertFalse(daemon.seen("lane_blocked"))
        daemon.stop()

    def test_exactly_that_record_is_settled(self):
        daemon = self.begin("next", {"fail_until": FOR_EVER}, "last")
        result = self.skip(daemon, 0, 0, "--by", "Ada (ticket 17)")
        self.assertEqual((result.returncode, result.stdout), (0, f"t: {self.topic}[0]@0 is skipped\n"), result.stderr)
        skipped = daemon.wait_for("record_skipped", trigger="t", offset=0)
        self.assertEqual((skipped["partition"], skipped["reason"]), (f"{self.topic}[0]", "by Ada (ticket 17)"))
        daemon.wait_for("lane_blocked", trigger="t", offset=2)
        self.assertEqual([r["offset"] for r in self.records()], [1])
        daemon.until_metric("triggerd_committed_offset", lambda v: v == 2, trigger="t", partition="0")
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == 1, trigger="t", outcome="skip")
        self.assertEqual(self.skip(daemon, 0, 2).returncode, 0)
        user = pwd.getpwuid(os.getuid()).pw_name
        self.assertEqual(daemon.wait_for("record_skipped", offset=2)["reason"], f"by {user}")
        self.kafka.until_committed(self.group, self.topic)
        until("ready again", lambda: daemon.get("/readyz")[0] == 200)
        daemon.until_metric("triggerd_lanes_blocked", lambda v: v == 0, trigger="t")
        daemon.stop()
        self.assertEqual(self.attempts(offset=0), [1, 2])

    def test_of_a_key_only_its_own_lane(self):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.topic = topic
        self.kafka.produce(topic, [{"key": k, "value": {"fail_until": FOR_EVER} if o < 2 else "x"}
                                   for o, k in enumerate(["a", "b", "a", "b"])])
        daemon = self.daemon({"t": self.trigger(topic, group, ordering="key", retry=ONCE)})
        for offset in (0, 1):
            daemon.wait_for("lane_blocked", offset=offset)
        self.assertEqual(self.skip(daemon, 0, 1).returncode, 0)
        self.assertEqual([r["offset"] for r in self.until_records(1)], [3])
        self.assertEqual(self.skip(daemon, 0, 2).returncode, 69, "it waits behind one that blocks")
        daemon.until_metric("triggerd_lanes_blocked", lambda v: v == 1, trigger="t")
        daemon.stop()
        self.assertEqual(self.kafka.committed(group, topic), {0: 0})
        self.assertEqual([r["offset"] for r in self.records()], [3])

    def test_the_key_of_the_fleet_file_is_sent(self):
        self.topic, self.group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(self.topic, [{"value": {"fail_until": FOR_EVER}}])
        daemon = self.daemon({"t": self.trigger(self.topic, self.group, retry=ONCE)},
                             admin={"listen": "127.0.0.1:0", "key": "a-key-of-23-characters"})
        daemon.wait_for("lane_blocked", trigger="t")
        self.assertEqual(daemon.post("/api/triggers/t/skip", {})[0], 401)
        result = self.skip(daemon, 0, 0)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_nothing_else_is_skipped(self):
        daemon = self.begin("next")
        for partition, offset, more in ((0, 1, {}), (0, 17, {}), (1, 0, {}), (7, 0, {}), (0, 0, {"topic": self.name("no")}),
                                        (0, 0, {"trigger": "nobody"})):
            result = self.skip(daemon, partition, offset, **more)
            self.assertEqual((result.returncode, result.stdout), (69, ""), (partition, offset, more))
            self.assertTrue(result.stderr.startswith("triggerd: "), result.stderr)
        self.assertEqual(len(daemon.seen("skip_refused")), 5)
        self.assertFalse(daemon.seen("record_skipped"))
        daemon.stop()
        self.assertEqual(self.records(), [])
        self.assertEqual(self.skip(daemon, 0, 0).returncode, 69, "no daemon is there to be asked")

    def post(self, daemon, path, body, content_type="application/json"):
        port = daemon.wait_for("admin_listening")["port"]
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body.encode(), {"Content-Type": content_type},
                                         method="POST")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_what_a_request_must_be(self):
        daemon = self.begin("next")
        good = {"topic": self.topic, "partition": 0, "offset": 0, "by": "me"}
        path = "/api/triggers/t/skip"
        for wrong in ("", "{", "[]", "null", json.dumps({**good, "offset": "0"}), json.dumps({**good, "offset": -1}),
                      json.dumps({**good, "more": 1}), json.dumps({n: v for n, v in good.items() if n != "by"}),
                      json.dumps({**good, "by": ""}), json.dumps({**good, "by": "x" * 201}),
                      json.dumps({**good, "partition": 1 << 31})):
            self.assertEqual(self.post(daemon, path, wrong), 400, wrong)
        for content_type in ("text/plain", "application/x-www-form-urlencoded"):
            self.assertEqual(self.post(daemon, path, json.dumps(good), content_type), 415)
        self.assertEqual(self.post(daemon, "/api/triggers/nobody/skip", json.dumps(good)), 404)
        self.assertEqual(daemon.get(path)[0], 405)
        self.assertFalse(daemon.seen("record_skipped") + daemon.seen("skip_refused"), "none of these asked for anything")
        self.assertEqual(self.post(daemon, path, json.dumps(good)), 202)
        self.kafka.until_committed(self.group, self.topic)
        self.assertEqual([r["offset"] for r in self.records()], [1])
        daemon.stop()

"""Workers that crash, hang, say nothing, print, or do not start: the daemon goes on and says what happened."""
import json
import os

from harness import Case, python_worker


class Worker(Case):
    def produce(self, *values):
        topic, group = self.kafka.create(self.name("t"), 1), self.name("g")
        self.kafka.produce(topic, [{"value": value} for value in values])
        return topic, group

    def test_a_crash_is_survived_and_the_record_delivered_again(self):
        topic, group = self.produce("a", {"crash": True}, "b")
        calm = self.path("calm")
        daemon = self.daemon({"t": self.trigger(topic, group, env={"CALM": calm})})
        lost = daemon.wait_for("worker_lost", trigger="t")
        self.assertIn("9", lost["exit"])
        daemon.wait_for("worker_output", stream="stderr", line="about to crash")
        open(calm, "w", encoding="utf-8").close()
        ends = self.kafka.until_committed(group, topic)
        self.assertEqual({(0, o) for o in range(ends[0])}, {(r["partition"], r["offset"]) for r in self.records()})
        self.assertGreater(len(daemon.worker_pids()), 1)
        daemon.stop()

    def test_a_handler_that_hangs_is_ended_at_its_timeout(self):
        topic, group = self.produce("a", {"hang": True}, "b")
        calm = self.path("calm")
        daemon = self.daemon({"t": self.trigger(topic, group, env={"CALM": calm}, worker={"timeout": "1s"})})
        daemon.wait_for("attempt_timed_out", trigger="t")
        open(calm, "w", encoding="utf-8").close()
        self.kafka.until_committed(group, topic)
        self.assertEqual([r["offset"] for r in self.records("start")], [0, 1, 1, 2])
        self.assertEqual([r["offset"] for r in self.records()], [0, 1, 2])
        daemon.stop()

    def test_a_record_that_hangs_each_time_uses_its_retries_up(self):
        topic, group = self.produce("a", {"hang": True}, "b")
        retry = {"strategy": "fixedDelay", "maxRetryCount": 1, "delayInterval": "100ms"}
        daemon = self.daemon({"t": self.trigger(topic, group, retry=retry, worker={"timeout": "500ms"})})
        daemon.wait_for("lane_blocked", trigger="t", offset=1)
        daemon.stop()
        self.assertEqual(self.kafka.committed(group, topic), {0: 1})

    def test_a_worker_that_says_nothing_is_ended_and_the_step_named(self):
        topic, group = self.produce("a")
        daemon = self.daemon({"t": self.trigger(topic, group, command=["cat", self.fifo()], worker={"startTimeout": "1s"})})
        failed = daemon.wait_for("worker_start_failed", trigger="t")
        self.assertEqual(failed["step"], "hello")
        daemon.wait_for("worker_start_failed", trigger="t", count=2)  # it is tried again
        self.assertEqual(daemon.get("/readyz")[0], 503)
        daemon.stop()

    def fifo(self):
        """Reading it waits for ever."""
        os.mkfifo(self.path("fifo"))
        return self.path("fifo")

    def test_a_program_that_is_not_there_is_named(self):
        topic, group = self.produce("a")
        daemon = self.daemon({"t": self.trigger(topic, group, command=["no-such-program-anywhere"])})
        failed = daemon.wait_for("worker_start_failed", trigger="t")
        self.assertEqual(failed["step"], "exec")
        self.assertIn("no-such-program-anywhere", str(failed))
        daemon.stop()

    def test_a_handler_that_cannot_be_imported_says_why(self):
        topic, group = self.produce("a")
        handler = self.path("broken.py")
        with open(handler, "w", encoding="utf-8") as f:
            f.write("import a_module_that_is_not_there\n")
        daemon = self.daemon({"t": self.trigger(topic, group, command=python_worker(handler))})
        daemon.wait_for("worker_start_failed", trigger="t")
        self.assertIn("a_module_that_is_not_there", daemon.tail())
        daemon.stop()

    def test_what_a_handler_prints_is_in_the_log_and_not_on_the_wire(self):
        topic, group = self.produce({"print": "hello from a handler"}, {"print": "x" * 20000}, "b")
        daemon = self.daemon({"t": self.trigger(topic, group)})
        self.kafka.until_committed(group, topic)
        daemon.wait_for("worker_output", stream="stdout", line="hello from a handler")
        self.assertFalse(daemon.seen("worker_lost"))
        daemon.stop()

    def test_bad_frames_end_the_worker_and_not_the_daemon(self):
        topic, group = self.produce("a")
        bad = self.trigger(topic, self.name("bad"), command=["sh", "-c", 'head -c 64 /dev/zero >&"$TRIGGERD_FD"; exec cat <&"$TRIGGERD_FD"'])
        daemon = self.daemon({"bad": bad, "good": self.trigger(topic, group)})
        daemon.wait_for("worker_protocol_error", trigger="bad")
        self.kafka.until_committed(group, topic)
        daemon.stop()

    def test_processes_are_recycled_while_records_flow_and_none_runs_twice(self):
        topic, group = self.kafka.create(self.name("t"), 4), self.name("g")
        self.kafka.fill(topic, 5000)
        daemon = self.daemon({"t": self.trigger(topic, group, env={"SLEEP_MS": "1"},
                                                worker={"maxRequests": 200, "processes": 2})})
        # How many it takes depends on how fast a successor starts, so records flow until there were enough.
        for _ in range(20):
            ends = self.kafka.until_committed(group, topic)
            recycled = daemon.metric("triggerd_worker_recycles_total", trigger="t", reason="requests")
            if recycled > 4:
                break
            self.kafka.fill(topic, 2000)
        daemon.stop()
        self.assert_each_once(ends, topic)
        self.assertGreater(recycled, 4)
        self.assertFalse(daemon.seen("worker_lost") + daemon.seen("worker_restart_scheduled"))
        self.assert_never_fewer_than(2, daemon)
        # Each process came to its own limit, 160 to 200 records, and had some more before its successor was there.
        handled = [int(e["handled"]) for e in daemon.seen("worker_recycle_started")]
        self.assertGreaterEqual(min(handled), 160)

    def assert_never_fewer_than(self, least, daemon):
        """Ready processes, from the time when each of the first ones was until the daemon is told to stop."""
        ready, enough = set(), set()
        for event in daemon.events:
            if event["event"] == "worker_ready":
                ready.add(event["worker"])
                enough.update({str(n) for n in range(1, least + 1)} & {str(event["worker"])})
            elif event["event"] in ("worker_stopped", "worker_lost"):
                ready.discard(event["worker"])
            elif event["event"] == "daemon_draining":
                return
            if len(enough) == least:
                self.assertGreaterEqual(len(ready), least, event)
        self.fail("the daemon was not told to stop")

    def test_a_process_that_grows_too_large_is_replaced(self):
        topic, group = self.produce("a", {"keep_mib": 100}, *["b"] * 20)
        daemon = self.daemon({"t": self.trigger(topic, group, worker={"maxMemory": "96MiB"})})
        daemon.until_metric("triggerd_worker_recycles_total", lambda n: n == 1, trigger="t", reason="memory")
        daemon.wait_for("worker_stopped", trigger="t", worker=1)
        self.assertGreaterEqual(int(daemon.wait_for("worker_recycle_started", reason="memory")["memory_mib"]), 96)
        self.kafka.produce(topic, [{"value": "c"}])
        ends = self.kafka.until_committed(group, topic)
        daemon.stop()
        self.assert_each_once(ends, topic)
        self.assertFalse(daemon.seen("worker_lost"))

    def test_a_crash_loop_is_seen_where_people_look(self):
        topic, group = self.produce("a")
        command = ["sh", "-c", "echo no licence was found >&2; exit 3"]
        daemon = self.daemon({"t": self.trigger(topic, group, command=command)})
        daemon.wait_for("worker_crash_loop", trigger="t", failures=5)
        daemon.until_metric("triggerd_worker_processes", lambda n: n == 1, trigger="t", state="crash_looping")
        status, text = daemon.get("/readyz")
        self.assertEqual(status, 503)
        self.assertIn("t: 1 worker process is in a crash loop; the last ended: exit status 3 before Hello: "
                      "no licence was found", text)
        self.assertEqual(json.loads(daemon.get("/api/triggers/t")[1])["workers"]["crashLooping"], 1)
        daemon.wait_for("worker_start_failed", trigger="t", count=6)  # it is tried again
        self.assertEqual(len(daemon.seen("worker_crash_loop")), 1)
        daemon.stop()

    def test_one_triggers_crash_loop_leaves_the_other_alone(self):
        topic, group = self.produce(*["x"] * 200)
        daemon = self.daemon({"bad": self.trigger(topic, self.name("bad"), command=["sh", "-c", "exit 3"]),
                              "good": self.trigger(topic, group)})
        daemon.wait_for("worker_start_failed", trigger="bad")
        ends = self.kafka.until_committed(group, topic)
        self.assert_each_once(ends, topic)
        daemon.stop()

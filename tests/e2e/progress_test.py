"""Work done beyond a record that is not settled is not done again, and the record's attempts are not forgotten:
after kill -9, by another daemon, and where it is more than a commit's metadata holds."""
import glob
import os

from harness import Case
from waiting import until

FOR_EVER = 1_000_000
AGAIN = {"strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "150ms"}
NEVER = {"strategy": "fixedDelay", "maxRetryCount": 0, "delayInterval": "1s"}
OTHERS = 500
SCATTERED = 6000  # every other one of them fails: 3,000 gaps, where the metadata has room for some 2,000
# As lib/checkpoint/progress.hpp explains it: beyond 4711, which failed twice, 4712 to 4742 and 4744 are done.
OURS = "triggerd/1:4711:BeAA:AB::571d7db1"


class Progress(Case):
    def setUp(self):
        super().setUp()
        self.topic, self.group = self.kafka.create(self.name("t"), 1), self.name("g")

    def begin(self, retry=None, state=None, **properties):
        fleet = {"stateDirectory": state} if state else {}
        return self.daemon({"t": self.trigger(self.topic, self.group, ordering="key", handler="handle_async",
                                              retry=retry or AGAIN, **properties)}, **fleet)

    def one_failing_before_others(self):
        """A running daemon that has committed all but the record at 0, of which three attempts or more failed."""
        self.kafka.produce(self.topic, [{"key": "bad", "value": {"fails_unless": self.path("well")}}] +
                           [{"key": f"k{i}", "value": "x"} for i in range(OTHERS)])
        daemon = self.begin()
        daemon.wait_for("record_failed", offset=0, count=3)
        self.kafka.produce(self.topic, [{"key": "last", "value": "x"}])  # a commit that knows of these
        self.until_committed_beyond(daemon, OTHERS + 1)
        return daemon

    def until_committed_beyond(self, daemon, count):
        """So many are settled, and a commit's metadata says so; what failed waits."""
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == count, trigger="t", outcome="ok")
        daemon.until_metric("triggerd_in_flight_records", lambda v: v == 0, trigger="t")

    def check_taken_over(self, second, before):
        """Only the failing record comes again, and its attempts go on."""
        second.until_metric("triggerd_records_ignored_total", lambda v: v == OTHERS + 1, trigger="t", reason="done_before")
        second.wait_for("record_failed", offset=0)
        self.assertEqual(len(self.records()), OTHERS + 1)
        self.make("well")
        ends = self.kafka.until_committed(self.group, self.topic)
        second.stop()
        self.assert_each_once(ends, self.topic)
        return self.attempts(offset=0)[before:]

    def test_after_kill_9(self):
        first = self.one_failing_before_others()
        self.assertEqual(self.kafka.committed(self.group, self.topic), {0: 0})
        first.kill9()
        before = len(self.attempts(offset=0))
        again = self.check_taken_over(self.begin(), before)
        self.assertGreater(again[0], 3, "what had failed when the last record was committed")
        self.assertEqual(again, list(range(again[0], again[0] + len(again))))

    def test_by_the_next_daemon_after_sigterm(self):
        first = self.one_failing_before_others()
        first.stop()
        before = len(self.attempts(offset=0))
        self.check_taken_over(self.begin(), before)
        self.assertEqual(self.attempts(offset=0), list(range(1, len(self.attempts(offset=0)) + 1)), "no number twice, none left out")

    def check_member_that_is_there_already(self, kafka):
        self.kafka.produce(self.topic, [{"key": "bad", "value": {"fails_unless": self.path("well")}}] +
                           [{"key": f"k{i}", "value": "x"} for i in range(OTHERS + 1)])
        first = self.begin(kafka=kafka)
        self.until_committed_beyond(first, OTHERS + 1)
        second = self.begin(kafka=kafka)
        until("one of them owns it", lambda: sorted(len(m["partitions"]) for m in self.kafka.group(self.group)["members"]) == [0, 1])
        until("which is in its metrics", lambda: len(self.owners(first, second)) == 1)
        owner, = self.owners(first, second)
        other = second if owner is first else first
        owner.wait_for("record_failed", offset=0, count=3)
        owner.stop()
        before = len(self.attempts(offset=0))
        self.check_taken_over(other, before)
        attempts = self.attempts(offset=0)
        self.assertEqual(attempts, list(range(1, len(attempts) + 1)), "no number twice, none left out")

    def owners(self, *daemons):
        return [d for d in daemons if d.metric("triggerd_assigned_partitions", trigger="t")]

    def test_by_a_member_that_is_there_already(self):
        # No member is killed here, and none may be expelled because the machine is busy.
        self.check_member_that_is_there_already({"session.timeout.ms": 30_000})

    def test_by_a_member_that_is_there_already_with_the_consumer_protocol(self):
        self.check_member_that_is_there_already({"group.protocol": "consumer"})

    def scattered(self, **properties):
        """A running daemon that is done with every other record, the first not among them."""
        self.kafka.produce(self.topic, [{"key": f"k{i}", "value": "x" if i % 2 else {"fails_unless": self.path("well")}}
                                        for i in range(SCATTERED)])
        return self.begin(NEVER, maxInFlight=8000, **properties)

    def ignored(self, daemon):
        """How many the metadata told it of."""
        return daemon.until_metric("triggerd_records_ignored_total", lambda v: v > 1000, trigger="t", reason="done_before")

    def test_gaps_that_outgrow_the_metadata_are_in_the_journal(self):
        state = self.path("state")
        os.mkdir(state)
        first = self.scattered(state=state)
        self.until_committed_beyond(first, SCATTERED // 2)
        self.assertFalse(first.seen("progress_full"))
        journal, = glob.glob(state + "/t.journal")
        self.assertGreater(os.path.getsize(journal), 3000)
        first.kill9()

        second = self.begin(NEVER, maxInFlight=8000, state=state)
        second.until_metric("triggerd_lanes_blocked", lambda v: v == SCATTERED // 2, trigger="t")
        self.assertEqual(second.metric("triggerd_records_ignored_total", trigger="t", reason="done_before"), SCATTERED // 2)
        self.assertEqual(len(self.records()), SCATTERED // 2)
        second.stop()

        self.make("well")
        third = self.begin(NEVER, state=state)
        ends = self.kafka.until_committed(self.group, self.topic)
        third.stop()
        self.assert_each_once(ends, self.topic)

    def test_without_its_journal_a_daemon_works_from_the_metadata_alone(self):
        state, other = self.path("state"), self.path("other")
        os.mkdir(state)
        os.mkdir(other)
        first = self.scattered(state=state)
        self.until_committed_beyond(first, SCATTERED // 2)
        first.kill9()
        self.make("well")
        second = self.begin(NEVER, state=other)
        ends = self.kafka.until_committed(self.group, self.topic)
        ignored = self.ignored(second)
        second.stop()
        self.assertLess(ignored, SCATTERED // 2)
        handled = {r["offset"] for r in self.records()}
        self.assertEqual(handled, set(range(ends[0])))
        self.assertEqual(len(self.records()), SCATTERED + SCATTERED // 2 - ignored)

    def test_without_a_state_directory_it_is_said_and_nothing_is_lost(self):
        first = self.scattered()
        first.wait_for("progress_full", trigger="t")
        first.kill9()
        twice = len(self.records())
        self.make("well")
        second = self.begin(NEVER)
        ends = self.kafka.until_committed(self.group, self.topic)
        ignored = self.ignored(second)
        second.stop()
        self.assertEqual({r["offset"] for r in self.records()}, set(range(ends[0])))
        self.assertLessEqual(len(self.records()) - ends[0], twice - ignored)

    def test_metadata_that_is_not_ours_or_damaged_is_ignored_and_nothing_is_lost(self):
        texts = {0: OURS, 1: "last run 2026-01-02", 2: OURS[:-1] + "2", 3: OURS.replace("/1:", "/2:"), 4: OURS, 5: "\x01" * 100}
        begins = {p: 4712 if p == 4 else 4711 for p in texts}  # where it is for another offset
        self.topic = self.kafka.create(self.name("six"), len(texts))
        self.kafka.fill(self.topic, 4800 * len(texts))
        for partition, text in texts.items():
            self.kafka.commit(self.group, self.topic, partition, begins[partition], text)
        daemon = self.begin()
        ends = self.kafka.until_committed(self.group, self.topic)
        for partition in list(texts)[1:]:
            said = daemon.wait_for("progress_ignored", trigger="t", partition=f"{self.topic}[{partition}]")
            self.assertEqual((said["offset"], said["level"]), (str(begins[partition]), "warn"))
        daemon.stop()
        self.assertEqual(len(daemon.seen("progress_ignored")), len(texts) - 1)
        for partition in texts:
            want = set(range(begins[partition], ends[partition]))
            if partition == 0:
                want -= {*range(4712, 4743), 4744}
            self.assertEqual({r["offset"] for r in self.records() if r["partition"] == partition}, want, partition)
        self.assertEqual(self.attempts(partition=0, offset=4711), [3])
        self.assertEqual(self.attempts(partition=1, offset=4711), [1])

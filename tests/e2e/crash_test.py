"""A record that ends its worker costs nothing but itself: what was with it is not charged, and it is not tried for ever."""
from harness import Case

TWICE = {"strategy": "fixedDelay", "maxRetryCount": 2, "delayInterval": "20ms"}
COUNT, KILLER = 50, 23


class Crash(Case):
    def check(self, partitions=1, many=True, processes=1, killers=(KILLER,), **properties):
        """Of COUNT records some end their worker whenever they are run; they are dead letters in the end."""
        topic, group = self.kafka.create(self.name("t"), partitions), self.name("g")
        dlq = self.kafka.create(self.name("dlq"), 1)
        self.kafka.produce(topic, [{"key": f"k{i % 10}", "value": {"crash": True} if i in killers else {"number": i},
                                    "partition": i % partitions} for i in range(COUNT)])
        if many:
            properties = {"cardinality": "many", "maxBatchSize": 50, "maxBatchWait": "300ms", **properties}
        daemon = self.daemon({"t": self.trigger(topic, group, retry=TWICE, onFailure={"deadLetter": dlq},
                                                worker={"processes": processes}, **properties)})
        self.kafka.until_committed(group, topic)
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == COUNT - len(killers), trigger="t", outcome="ok")
        daemon.until_metric("triggerd_records_settled_total", lambda v: v == len(killers), trigger="t", outcome="dead_letter")
        daemon.stop()
        places = {(i % partitions, i // partitions) for i in killers}
        for r in self.records("start"):
            if (r["partition"], r["offset"]) not in places:
                self.assertEqual(r["attempt"], 1, "it is not to blame")
        for partition, offset in places:
            attempts = self.attempts(partition=partition, offset=offset)
            self.assertEqual(sorted(set(attempts)), [1, 2, 3])
            self.assertEqual(attempts[-2:], [2, 3], "the suspicion cost no attempt, each end of a worker it alone had one")
        ends = {p: len(range(p, COUNT, partitions)) for p in range(partitions)}
        done = {(r["partition"], r["offset"]) for r in self.records()}
        self.assertEqual(done, {(p, o) for p, end in ends.items() for o in range(end)} - places)
        letters = self.kafka.read(dlq)
        said = [dict(r["headers"]) for r in letters]
        self.assertEqual({(int(h["triggerd.dlq.partition"]), int(h["triggerd.dlq.offset"])) for h in said}, places)
        for h in said:
            self.assertEqual((h["triggerd.dlq.attempts"], h["triggerd.dlq.error"]), ("3", "retries_used_up"))
            self.assertIn("signal 9", h["triggerd.dlq.reason"])
        self.assertEqual(len(letters), len(killers))
        return daemon

    def test_in_the_middle_of_a_batch(self):
        daemon = self.check()
        self.assertEqual({r["invocation"] for r in self.records("start")[:COUNT]}, {COUNT}, "they were together at first")
        # Once with the others, then three times alone.
        self.assertEqual(len(daemon.seen("worker_lost")), 4)

    def test_among_single_records(self):
        self.check(many=False)

    def test_two_of_them_in_one_batch(self):
        self.check(killers=(7, 41))

    def test_with_three_processes(self):
        self.check(partitions=5, processes=3)

    def test_single_records_with_three_processes(self):
        self.check(partitions=5, processes=3, many=False, killers=(3, 27))

    def test_by_key_in_one_asynchronous_process(self):
        self.check(many=False, ordering="key", handler="handle_async")

    def test_by_key_with_three_processes(self):
        self.check(many=False, ordering="key", processes=3)

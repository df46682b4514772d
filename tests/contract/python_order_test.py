"""Order under failures, by seed: a daemon that keeps the rules of PROTOCOL.md against each kind of handler.

The daemon delivers ahead, redelivers what failed or was released in a higher run, and now and then gives a partition up
and takes it back. Whatever happens, the handler must get each lane's records in order: none before those that failed.
"""

import collections
import random
import unittest

from python_daemon import WorkerTest, batch, cancel, drain, record

HANDLER = '''
    import atexit
    handled = []
    atexit.register(lambda: tell(handled))
    %(define)s handle(argument):
        records = [argument] if isinstance(argument, triggerd.Record) else list(argument)
        # Which attempts fail is in the value: the number of them.
        failed = any(record.attempt <= int(record.value) for record in records)
        handled.append((failed, [(record.partition, record.raw_key and record.raw_key.decode(), record.offset) for record in records]))
        %(work)s
        if failed:
            raise triggerd.Retry
'''
KINDS = {"plain": {"define": "def", "work": "pass"},
         "async": {"define": "async def", "work": "await asyncio.get_running_loop().run_in_executor(None, int)"}}


class Partition:
    """One partition's records and where they stand."""

    def __init__(self, number, random_):
        self.number = number
        self.epoch, self.run = 1, 0
        self.records = [record(b"%d" % random_.choice([0] * 9 + [1, 2]), random_.choice([b"a", b"b", b"c", None]))
                        for _ in range(60)]
        self.attempts = [1] * len(self.records)
        self.fresh = 0        # the first offset that was never sent
        self.again = set()    # offsets to deliver again

    def take(self, random_):
        """[(offsets, attempt)] for the next frames: what must come again first, and all of that."""
        if self.again:
            by_attempt = []
            for offset in sorted(self.again):
                if not by_attempt or by_attempt[-1][1] != self.attempts[offset]:
                    by_attempt.append(([], self.attempts[offset]))
                by_attempt[-1][0].append(offset)
            self.again.clear()
            self.run += 1
            return by_attempt
        end = min(len(self.records), self.fresh + random_.randrange(1, 8))
        offsets, self.fresh = list(range(self.fresh, end)), end
        return [(offsets, 1)] if offsets else []


class OrderTest(WorkerTest):
    def play(self, seed, kind, cardinality, ordering):
        random_ = random.Random(seed)
        worker = self.worker(HANDLER % KINDS[kind]).welcome(cardinality, ordering=ordering)
        partitions = [Partition(number, random_) for number in range(3)]
        sent = {}  # batch id: (partition, offsets)
        number = 0
        while True:
            for _ in range(random_.randrange(1, 6)):
                frames = []
                for partition in random_.sample(partitions, random_.randrange(1, 4)):
                    if partition.again and any(sent[n][0] is partition for n in sent):
                        continue  # first all answers of the run before
                    for offsets, attempt in partition.take(random_):
                        frames.append((partition, offsets, attempt))
                for at, (partition, offsets, attempt) in enumerate(frames):
                    number += 1
                    sent[number] = partition, offsets
                    records = [dict(partition.records[offset], offset=offset) for offset in offsets]
                    more = cardinality == "many" and at + 1 < len(frames)
                    worker.send(batch(number, records, partition=partition.number, epoch=partition.epoch,
                                      run=partition.run, attempt=attempt, more=more))
            if random_.random() < 0.1:
                given_up = random_.choice(partitions)
                worker.send(cancel(given_up.number, given_up.epoch))
                self.collect(worker, sent)
                given_up.epoch += 1
                given_up.run = 0
            self.collect(worker, sent)
            if all(partition.fresh == len(partition.records) and not partition.again for partition in partitions):
                break
        worker.send(drain())
        self.check(worker.told(), ordering, partitions)
        codes = {code for answers in worker.answers.values() for code, _, _ in answers.values()}
        self.assertEqual(codes, {"ok", "retry", "release"})

    def collect(self, worker, sent):
        """Waits for every answer; what failed or was released is to be delivered again."""
        for number in list(sent):
            partition, offsets = sent.pop(number)
            worker.settle(number)
            for index, (code, _, _) in worker.answers[number].items():
                if code != "ok":
                    partition.again.add(offsets[index])
                if code == "retry":
                    partition.attempts[offsets[index]] += 1

    def check(self, told, ordering, partitions):
        """Each lane's records come one after the other; those of a failed invocation come again."""
        lanes = collections.defaultdict(list)  # the offsets that are still to come
        for partition in partitions:
            for offset, one in enumerate(partition.records):
                lanes[self.lane(ordering, partition.number, one["key"] and one["key"].decode())].append(offset)
        for failed, records in told:
            seen = collections.Counter()
            for partition, key, offset in records:
                lane = self.lane(ordering, partition, key)
                self.assertEqual(offset, lanes[lane][seen[lane]], "lane %s" % (lane,))
                seen[lane] += 1
            if not failed:
                for lane, count in seen.items():
                    del lanes[lane][:count]
        self.assertEqual([left for left in lanes.values() if left], [])

    def lane(self, ordering, partition, key):
        return (partition, key) if ordering == "key" else partition

    def play_all(self, kind, cardinality):
        for seed in range(8):
            for ordering in ("partition", "key"):
                with self.subTest(seed=seed, ordering=ordering):
                    self.play(seed, kind, cardinality, ordering)

    def test_plain_one(self):
        self.play_all("plain", "one")

    def test_plain_many(self):
        self.play_all("plain", "many")

    def test_async_one(self):
        self.play_all("async", "one")

    def test_async_many(self):
        self.play_all("async", "many")


if __name__ == "__main__":
    unittest.main()

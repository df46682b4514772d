"""Order under failures, by seed: a daemon that keeps the rules of PROTOCOL.md section 9 against each kind of handler.

The daemon delivers ahead, takes answers late, and delivers what failed or was released in a higher run while frames of
lower runs, with other lanes, wait at the worker or are still to come; now and then it gives a partition up and takes it
back. Whatever happens, the handler must get each lane's records in order: none before those that failed.
"""

import bisect
import collections
import random
import unittest

from python_daemon import WorkerTest, batch, cancel, drain, record

HANDLER = '''
    import atexit
    handled = []
    atexit.register(lambda: tell(handled))
    def error_of(record):
        # In the value: how many attempts fail, and how the one after them ends.
        failures, end = record.value.decode().split()
        if record.attempt <= int(failures):
            return triggerd.Retry()
        return {"ok": None, "drop": triggerd.Drop(), "deadLetter": triggerd.DeadLetter()}[end]
    %(define)s handle(argument):
        alone = isinstance(argument, triggerd.Record)
        records = [argument] if alone else list(argument)
        errors = {index: error for index, error in enumerate(map(error_of, records)) if error is not None}
        again = {index for index, error in errors.items() if isinstance(error, triggerd.Retry)}
        whole = not alone and again and records[0].offset %% 2  # every other batch fails as a whole
        handled.append([(record.partition, record.raw_key and record.raw_key.decode(), record.offset,
                         bool(whole or index in again)) for index, record in enumerate(records)])
        %(work)s
        if whole:
            raise triggerd.Retry
        if errors:
            raise errors[0] if alone else triggerd.BatchError(errors)
'''
KINDS = {"plain": {"define": "def", "work": "pass"},
         "async": {"define": "async def", "work": "await asyncio.get_running_loop().run_in_executor(None, int)"}}


def lane_of(ordering, partition, key, offset):
    if ordering == "partition":
        return (partition,)
    return (partition, key) if ordering == "key" and key is not None else (partition, None, offset)


class Lane:
    def __init__(self):
        self.waiting = []   # offsets to be sent
        self.out = set()    # offsets that have no answer yet
        self.run = 0        # of those, or of the last that were out
        self.again = False  # some of `waiting` was out in that run

    def may_go(self, run):
        """PROTOCOL.md section 9: a lane's runs rise only while nothing of it is out, and must where something failed."""
        if self.out:
            return run == self.run and not self.again
        return run > self.run or (run == self.run and not self.again)


class Partition:
    def __init__(self, number, ordering, random_):
        self.number = number
        self.epoch, self.run = 1, 0
        self.records = [record(b"%d %s" % (random_.choice([0] * 9 + [1, 2]), random_.choice([b"ok"] * 8 + [b"drop", b"deadLetter"])),
                               random_.choice([b"a", b"b", b"c", None])) for _ in range(60)]
        self.attempts = [1] * len(self.records)
        self.lanes = collections.defaultdict(Lane)
        self.lane_at = [self.lanes[lane_of(ordering, number, one["key"], offset)] for offset, one in enumerate(self.records)]
        for offset, lane in enumerate(self.lane_at):
            lane.waiting.append(offset)

    def take(self, random_):
        """(run, [(offsets, attempt)]) for the next frames."""
        lanes = [lane for lane in self.lanes.values() if lane.waiting]
        if any(lane.again and not lane.out for lane in lanes) and random_.random() < 0.5:
            self.run += 1
            run = self.run
        else:
            run = random_.choice([self.run] + [lane.run for lane in lanes if lane.out])
        lanes = [lane for lane in lanes if lane.may_go(run)]
        taken = []
        for lane in random_.sample(lanes, min(len(lanes), random_.randrange(1, 5))):
            count = random_.randrange(1, 6)
            lane.out.update(lane.waiting[:count])
            taken += lane.waiting[:count]
            del lane.waiting[:count]
            lane.run, lane.again = run, False
        by_attempt = []
        for offset in sorted(taken):
            if not by_attempt or by_attempt[-1][1] != self.attempts[offset]:
                by_attempt.append(([], self.attempts[offset]))
            by_attempt[-1][0].append(offset)
        return run, by_attempt

    def answered(self, offset, code):
        lane = self.lane_at[offset]
        lane.out.remove(offset)
        if code in ("retry", "release"):
            bisect.insort(lane.waiting, offset)
            lane.again = True
        if code == "retry":
            self.attempts[offset] += 1

    def assign_anew(self):
        self.epoch += 1
        self.run = 0
        for lane in self.lanes.values():
            lane.run, lane.again = 0, False

    def done(self):
        return not any(lane.waiting or lane.out for lane in self.lanes.values())


class OrderTest(WorkerTest):
    def play(self, seed, kind, cardinality, ordering):
        random_ = random.Random(seed)
        worker = self.worker(HANDLER % KINDS[kind]).welcome(cardinality, ordering=ordering)
        partitions = [Partition(number, ordering, random_) for number in range(3)]
        sent = {}  # batch id: (partition, offsets)
        number = 0
        while not all(partition.done() for partition in partitions):
            for _ in range(random_.randrange(1, 6)):
                frames = []
                for partition in random_.sample(partitions, random_.randrange(1, 4)):
                    run, by_attempt = partition.take(random_)
                    frames += [(partition, run, offsets, attempt) for offsets, attempt in by_attempt]
                for at, (partition, run, offsets, attempt) in enumerate(frames):
                    number += 1
                    sent[number] = partition, offsets
                    records = [dict(partition.records[offset], offset=offset) for offset in offsets]
                    more = cardinality == "many" and at + 1 < len(frames)
                    worker.send(batch(number, records, partition=partition.number, epoch=partition.epoch,
                                      run=run, attempt=attempt, more=more))
            if random_.random() < 0.1:
                given_up = random_.choice(partitions)
                worker.send(cancel(given_up.number, given_up.epoch))
                self.collect(worker, sent, list(sent))
                given_up.assign_anew()
            self.collect(worker, sent, random_.sample(sorted(sent), len(sent) - random_.randrange(min(4, len(sent) + 1))))
        worker.send(drain())
        self.check(worker.told(), ordering, partitions)
        codes = {code for answers in worker.answers.values() for code, _, _ in answers.values()}
        self.assertEqual(codes - {"release"}, {"ok", "retry", "deadLetter", "drop"})
        self.assertTrue(ordering == "none" or "release" in codes)

    def collect(self, worker, sent, numbers):
        """Waits for the answers of these batches."""
        for number in numbers:
            partition, offsets = sent.pop(number)
            worker.settle(number)
            for index, (code, _, _) in worker.answers[number].items():
                partition.answered(offsets[index], code)

    def check(self, told, ordering, partitions):
        """Each lane's records come one after the other; those that failed come again before any later ones."""
        lanes = collections.defaultdict(list)  # the offsets that are still to come
        for partition in partitions:
            for offset, one in enumerate(partition.records):
                key = one["key"] and one["key"].decode()
                lanes[lane_of(ordering, partition.number, key, offset)].append(offset)
        for records in told:
            seen, failed = collections.Counter(), collections.defaultdict(list)
            for partition, key, offset, again in records:
                lane = lane_of(ordering, partition, key, offset)
                self.assertEqual(offset, lanes[lane][seen[lane]], "lane %s" % (lane,))
                seen[lane] += 1
                failed[lane] += [offset] if again else []
            for lane, count in seen.items():
                lanes[lane][:count] = failed[lane]
        self.assertEqual([left for left in lanes.values() if left], [])

    def play_all(self, kind, cardinality):
        for seed in range(3):
            for ordering in ("partition", "key", "none"):
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

"""What became of every record, from what the producer, the handlers and the group wrote down. Values in, values out.

lost          a record of the log that no handler wrote, and that was not deleted before it could be read
duplicates    lines beyond the first of each record
out of order  a first delivery, within a daemon's life, of a record of a lane behind which one was delivered before
changed       a line whose number is not the producer's of that offset, or of an offset that nobody produced
"""
import array
import collections
import dataclasses
import itertools

SHOWN = 5


@dataclasses.dataclass
class Evidence:
    produced: dict  # {partition: array of the record's number by offset}, as the broker acknowledged them
    lives: dict  # {life: iterable of Line}
    ends: dict  # {partition: end offset}
    excused: list = dataclasses.field(default_factory=list)  # (partition, first, end): deleted before they were read
    by_key: bool = False  # the lane is the key's, not the partition's; None: there is no order


@dataclasses.dataclass
class Verdict:
    records: int = 0
    lost: list = dataclasses.field(default_factory=list)
    excused: int = 0
    duplicates: int = 0
    out_of_order: list = dataclasses.field(default_factory=list)
    changed: list = dataclasses.field(default_factory=list)

    def problems(self, allowed):
        """A sentence each; `allowed` duplicates are none."""
        for what, found in (("lost", self.lost), ("out of order", self.out_of_order), ("changed", self.changed)):
            if found:
                yield f"{len(found)} {what}: {', '.join(map(str, found[:SHOWN]))}{' …' if len(found) > SHOWN else ''}"
        if self.duplicates > allowed:
            yield f"{self.duplicates} duplicates, {allowed} allowed"


def produced(text):
    """{partition: numbers by offset} of the producer's lines `number partition offset`; −1: nobody's. An idempotent
    producer whose first try was written, and not answered, is told that it was, but not where (offset −1001). The
    numbers of a partition ascend, so such a record is in the first hole that is left, or behind the last one."""
    found = collections.defaultdict(lambda: array.array("q"))
    somewhere = collections.defaultdict(list)
    for line in text.splitlines():
        number, partition, offset = map(int, line.split(" "))
        numbers = found[partition]
        if offset < 0:
            somewhere[partition].append(number)
            continue
        if offset >= len(numbers):
            numbers.extend([-1] * (offset + 1 - len(numbers)))
        numbers[offset] = number
    for partition, unplaced in somewhere.items():
        numbers = found[partition]
        holes = [offset for offset, number in enumerate(numbers) if number == -1]
        for offset, number in itertools.zip_longest(holes, sorted(unplaced)):
            if offset is None:
                numbers.append(number)
            elif number is not None:
                numbers[offset] = number
    return dict(found)


def out_of_order(lines, by_key):
    """First deliveries of one life that came behind a later record of their lane."""
    last, seen = {}, set()
    for line in sorted(lines, key=lambda l: (l.at, l.offset)):
        record = (line.partition, line.offset)
        if record in seen:
            continue
        seen.add(record)
        lane = (line.partition, line.key) if by_key else line.partition
        if line.offset < last.get(lane, -1):
            yield f"[{line.partition}]@{line.offset} after @{last[lane]}"
        last[lane] = max(line.offset, last.get(lane, -1))


def went_back(events):
    """Commits of one daemon, as it logged them, that are lower than one before of the same assignment."""
    committed = {}
    for event in events:
        if event["event"] == "partitions_assigned":
            for source in event["partitions"].split(","):
                committed.pop(source.rpartition("@")[0], None)
        elif event["event"] == "offsets_committed":
            for text in event["offsets"].split(","):
                source, _, offset = text.rpartition("@")
                if offset.endswith("!"):  # refused
                    continue
                if int(offset) < committed.get(source, 0):
                    yield f"{source} was committed at {committed[source]}, then at {offset}"
                committed[source] = int(offset)


def judge(evidence):
    verdict = Verdict(records=sum(evidence.ends.values()))
    counts = {p: array.array("L", [0]) * end for p, end in evidence.ends.items()}
    for life, lines in evidence.lives.items():
        lines = list(lines)
        for line in lines:
            numbers = evidence.produced.get(line.partition, ())
            if line.offset >= min(len(numbers), evidence.ends.get(line.partition, 0)) or numbers[line.offset] != line.number:
                verdict.changed.append(f"[{line.partition}]@{line.offset} as number {line.number}")
            else:
                counts[line.partition][line.offset] += 1
        if evidence.by_key is not None:
            verdict.out_of_order += [f"{life}: {found}" for found in out_of_order(lines, evidence.by_key)]
    for partition, count in sorted(counts.items()):
        deleted = set()
        for p, first, end in evidence.excused:
            if p == partition:
                deleted.update(range(first, end))
        for offset, times in enumerate(count):
            if times == 0 and offset in deleted:
                verdict.excused += 1
            elif times == 0:
                verdict.lost.append(f"[{partition}]@{offset}")
            else:
                verdict.duplicates += times - 1
    return verdict

"""Two faults of our own making: the rig has to find them, or it proves nothing. `run --self-test`."""
import os

from faults import Fault
from rig import PATIENCE, TRIGGER
from waiting import until


class LineDropped(Fault):
    """As if a record had been handled by nobody."""
    name, what = "line_dropped", "a line of a handler's file is removed"
    times, sentence = 1, "1 lost"

    def inject(self, rig):
        rig.before_judgement = self.drop

    def drop(self, rig):
        name = sorted(os.listdir(rig.path("handled")))[0]
        with open(rig.path(f"handled/{name}"), "r+", encoding="ascii") as f:
            kept = f.readlines()
            del kept[rig.rng.randrange(len(kept))]
            f.seek(0)
            f.truncate()
            f.writelines(kept)


class CommitAhead(Fault):
    """As if a daemon had committed one record more than it had handled."""
    name, what = "commit_ahead", "while no daemon runs, a commit is moved one too far"
    times, sentence = 1, "was committed up to"

    def inject(self, rig):
        daemon = rig.pick()
        daemon.stop(PATIENCE)
        rig.gone(daemon)
        partition = rig.rng.randrange(self.partitions)
        committed = rig.kafka.committed(rig.group, rig.topic)[partition] or 0
        until("there is a record behind it", lambda: rig.kafka.ends(rig.topic)[partition] > committed, PATIENCE)
        rig.kafka.run("commit", rig.group, rig.topic, partition, committed + 1)
        looks = rig.watch.looks
        until("somebody looks", lambda: rig.watch.looks > looks + 1, PATIENCE)
        rig.start()


ALL = (LineDropped, CommitAhead)

"""A topic that grows and is trimmed while it is read."""
from faults import Fault
from on_processes import freeze, thaw
from rig import PATIENCE, TRIGGER
from waiting import until

BEHIND = 100  # records of a partition that nobody has read yet, before they are deleted


class TopicGrow(Fault):
    name, what = "topic_grow", "the topic grows from 6 to 9 to 12 partitions"
    graceful, daemons, partitions, times = True, 2, 6, 2
    quick_session = False

    def inject(self, rig):
        more = rig.partitions() + 3
        rig.kafka.run("grow", rig.topic, more)
        rig.until_shared()
        for partition in range(more - 3, more):
            until(f"a record of partition {partition} is handled", lambda p=partition: rig.handled.advance() and
                  rig.handled.first_missing(p) > 0, PATIENCE)
        rig.say(f"{more} partitions, all of them read")


class TopicTrim(Fault):
    name, what = "topic_trim", "records below the committed offset are deleted"
    graceful = True

    def inject(self, rig):
        partition = rig.rng.randrange(self.partitions)
        committed = until("it has a commit", lambda: rig.kafka.committed(rig.group, rig.topic)[partition], PATIENCE)
        offset = rig.rng.randint(1, committed)
        rig.kafka.run("trim", rig.topic, partition, offset)
        rig.assertGreaterEqual(int(rig.kafka.run("starts", rig.topic)[str(partition)]), offset)
        rig.say(f"partition {partition} trimmed below {offset}, committed {committed}")


class TopicTrimAhead(Fault):
    """The daemon stands while the records come, so it has read none of those that are deleted but for what librdkafka
    had fetched: from its position on each may be missing, and none before.
    """
    name, what = "topic_trim_ahead", "records beyond the committed offset are deleted that were not read yet"
    graceful, quick_session, deletes_unread = True, False, True

    def inject(self, rig):
        daemon = rig.pick()
        partition = str(rig.rng.randrange(self.partitions))
        mine = {"trigger": TRIGGER, "topic": rig.topic, "partition": partition}
        position = int(daemon.until_metric("triggerd_position_offset", lambda v: v > 0, PATIENCE, **mine))
        freeze(rig, daemon.process.pid)
        end = until(f"{BEHIND} records are behind", lambda: rig.kafka.ends(rig.topic)[int(partition)] - position > BEHIND and
                    rig.kafka.ends(rig.topic)[int(partition)], PATIENCE)
        offset = rig.rng.randint(end - BEHIND // 4, end)
        rig.excuse(int(partition), position, offset)
        rig.kafka.run("trim", rig.topic, partition, offset)
        rig.assertGreaterEqual(int(rig.kafka.run("starts", rig.topic)[partition]), offset)
        thaw(daemon.process.pid)
        rig.say(f"partition {partition} trimmed below {offset}, read up to {position}")
        daemon.until_metric("triggerd_committed_offset", lambda v: v >= offset, PATIENCE, **mine)

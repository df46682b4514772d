"""Hours of it: two million records an hour, three daemons of a group, one fault after the other at random. One daemon
lives through it all (its workers, brokers and neighbours do not), so that its memory can be watched.
"""
import collections

import on_brokers
import on_group
import on_processes
from faults import Fault
from rig import PATIENCE
from waiting import until

PER_HOUR = 2_000_000
BETWEEN = (10, 40)  # seconds' worth of records between two faults
QUIET = 180  # seconds' worth of records after the last fault
FAULTS = (on_processes.DaemonRestart, on_processes.DaemonKill, on_processes.DaemonPause, on_processes.DaemonStop,
          on_processes.WorkerKill, on_processes.WorkerOom, on_processes.WorkerPause, on_brokers.BrokerKill,
          on_brokers.BrokerStop, on_brokers.CoordinatorRestart, on_brokers.CommitRefused, on_brokers.CommitRefusedKill,
          on_group.RebalanceCooperative)
LARGEST = 64.0  # MiB of a daemon's memory, ever
GROWTH = (1.2, 8.0)  # the last quarter of the hour over the second: factor, MiB


class Soak(Fault):
    name, daemons, brokers_fail = "soak", 3, True

    def __init__(self, options):
        super().__init__(options)
        self.records = round(PER_HOUR * options.soak / 60)
        self.rate = PER_HOUR / 3600
        self.what = f"{options.soak:g} minutes, {self.records:,} records, faults at random"

    def run(self, rig):
        witness = rig.running[0]
        rig.spared = {witness}
        injected = collections.Counter()
        # A fault needs records to flow, also while it is dealt with.
        enough = self.records - round(min(QUIET * self.rate, self.records / 4))
        while rig.handled.advance() < enough:
            rig.flow(round(rig.rng.uniform(*BETWEEN) * self.rate))
            fault = rig.rng.choice(FAULTS)(self.options)
            fault.inject(rig)
            rig.until_shared()
            injected[fault.name] += 1
            rig.row.times += 1
        until("the last record is written", lambda: rig.producer.poll() is not None, QUIET + PATIENCE)
        rig.row.what += ": " + ", ".join(f"{name} ×{n}" for name, n in sorted(injected.items()))
        self.judge_memory(rig, rig.watch.memory[witness.name])

    def judge_memory(self, rig, sizes):
        quarter = len(sizes) // 4
        before, after = max(sizes[quarter:2 * quarter]), max(sizes[3 * quarter:])
        rig.say(f"memory of the daemon that lived through it: {min(sizes):.0f} to {max(sizes):.0f} MiB, "
                f"second quarter {before:.0f}, last {after:.0f}")
        rig.assertLessEqual(rig.watch.largest(), LARGEST)
        rig.assertLessEqual(after, before * GROWTH[0] + GROWTH[1], "its memory does not grow")

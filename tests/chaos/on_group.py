"""Daemons of one group that come and go."""
import signal

from faults import Fault
from rig import PATIENCE, TRIGGER

STORM = "up to three daemons join, leave and are killed at random"


class Rebalance(Fault):
    """A daemon joins, one leaves in order; each once the group is at rest."""
    graceful, daemons, quick_session = True, 2, False

    def inject(self, rig):
        joined = rig.start()
        rig.until_shared()
        rig.moment()
        leaving = rig.pick()
        leaving.stop(PATIENCE)
        leaving.wait_for("trigger_drained", trigger=TRIGGER)
        rig.gone(leaving)
        rig.until_shared()
        rig.assertFalse(joined.seen("revoke_timed_out"))
        rig.say(f"{joined.name} joined, {leaving.name} left")


class RebalanceRange(Rebalance):
    name, what, protocols = "rebalance_range", "a daemon joins two others, one leaves; range", ("range",)


class RebalanceCooperative(Rebalance):
    name, what, protocols = "rebalance_cooperative", "a daemon joins two others, one leaves; cooperative-sticky", ("cooperative-sticky",)


class RebalanceConsumer(Rebalance):
    name, what, protocols = "rebalance_consumer", "a daemon joins two others, one leaves; group.protocol consumer", ("consumer",)


class Storm(Fault):
    """One to three daemons join, leave and are killed in quick succession, at rest or not."""
    daemons = 2
    times, short_times = 8, 5
    graceful_steps_only = False

    def inject(self, rig):
        steps = ["join"] * (len(rig.running) < 3)
        if len(rig.running) > 1:
            steps += ["leave"] if self.graceful_steps_only else ["leave", "kill"]
        step = rig.rng.choice(steps)
        if step == "join":
            rig.start(ready=rig.rng.random() < 0.5)
        else:
            daemon = rig.pick()
            rig.gone(daemon)
            if step == "leave":
                daemon.stop(PATIENCE)
            else:
                rig.hit(daemon)
                rig.assertEqual(daemon.end(signal.SIGKILL), -signal.SIGKILL)
        rig.say(f"{step}: {', '.join(d.name for d in rig.running)}")

    def run(self, rig):
        super().run(rig)
        assigned = sum(len(d.seen("partitions_assigned")) for d in rig.daemons)
        rig.assertGreater(assigned, self.daemons, "the group did rebalance")
        rig.until_shared()


class StormRange(Storm):
    name, what, protocols = "storm_range", f"{STORM}; range", ("range",)


class StormCooperative(Storm):
    name, what, protocols = "storm_cooperative", f"{STORM}; cooperative-sticky", ("cooperative-sticky",)


class StormConsumer(Storm):
    name, what, protocols = "storm_consumer", f"{STORM}; group.protocol consumer", ("consumer",)


class StormGraceful(Storm):
    name, what = "storm_graceful", "up to three daemons join and leave in order at random"
    graceful = graceful_steps_only = True
    quick_session = False

"""The network between a daemon and the brokers is cut (network.py): what is sent is dropped, nobody is told."""
from faults import Fault
from harness import BINARY
from netns import Enclosed
from rig import PATIENCE, TRIGGER, last
from waiting import until

SHORT_CUT = 3.0  # seconds


class Network(Fault):
    def left_out(self):
        return self.options.no_network

    def enclosed(self, rig):
        brokers = rig.cluster.do("bootstrap", "net")
        rig.addCleanup(rig.network.mend)
        self.broker = brokers.split(",")[0]

        def make(name, trigger):
            return Enclosed(BINARY, rig.folder, name, {"triggers": {TRIGGER: {**trigger, "brokerList": brokers}}}, rig.network.namespace)
        return rig.start(make)

    def cut(self, rig):
        rig.assertTrue(rig.network.reaches(self.broker))
        rig.network.cut()
        rig.assertFalse(rig.network.reaches(self.broker), "the network is cut")


class NetworkShort(Network):
    name, what = "network_short", f"the daemon's network is cut for {SHORT_CUT:g} s, less than its session"
    graceful, quick_session = True, False

    def start(self, rig):
        self.enclosed(rig)

    def inject(self, rig):
        self.cut(rig)
        last(SHORT_CUT)
        rig.network.mend()
        rig.say(f"cut for {SHORT_CUT:g} s")


class NetworkLong(Network):
    name, what = "network_long", "the network of one of two daemons is cut until its session is over and the other owns all"
    times = 2

    def start(self, rig):
        self.far = self.enclosed(rig)
        rig.start()

    def inject(self, rig):
        mark, seen = self.far.mark(), []
        self.cut(rig)

        def expelled():
            seen.append(rig.in_flight(self.far))
            return rig.shared(but=1)
        until("the other daemon owns all", expelled, PATIENCE)
        found = rig.hit_with(self.far, max(seen))
        rig.moment()
        rig.network.mend()
        self.far.wait_for("partitions_revoked", timeout=PATIENCE, since=mark, lost="true")
        rig.say(f"cut until {self.far.name} was expelled, {found} in flight")
        rig.until_shared()

"""One fault, injected again and again while records flow, and what became of every record: a test case of
tests/e2e/harness.py with a steady producer, daemons of one group, and a judge.
"""
import dataclasses
import json
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import handled
import judge
from harness import BINARY, QUICK_SESSION, ROOT, Case
from waiting import until
from watch import Watch

HERE = os.path.dirname(os.path.abspath(__file__))
TRIGGER = "t"
IN_FLIGHT = 400  # maxInFlight
RATE, SIZE, KEYS = 500, 100, 300  # records a second, bytes, keys
PAUSE_MS = "0.5"  # of a handler, for each record
ENOUGH = 100_000_000  # the producer is told when to end
MOMENT = (200, 1200)  # records between two faults
SHOWN = 500  # characters of an error, at once; all of it at the end
PATIENCE = 240.0  # seconds; the machine may be busy
LONG_SESSION = {"session.timeout.ms": 45000, "heartbeat.interval.ms": 500}
PROTOCOLS = {"range": {"partition.assignment.strategy": "range"},
             "cooperative-sticky": {"partition.assignment.strategy": "cooperative-sticky"},
             "consumer": {"group.protocol": "consumer"}}


def last(seconds):
    """How long a fault lasts is a part of the fault."""
    threading.Event().wait(seconds)


@dataclasses.dataclass
class Row:
    """What the table says of a fault."""
    name: str
    what: str
    group: str = ""  # protocol, ordering, cardinality
    times: int = 0
    records: int = 0
    deleted: int = 0
    lost: int = 0
    duplicates: int = 0
    allowed: int = 0
    in_flight: int = 0
    looks: int = 0
    memory: float = 0.0
    seconds: float = 0.0
    problems: list = dataclasses.field(default_factory=list)


class Rig(Case):
    def __init__(self, fault, options):
        super().__init__("run_fault")
        self.fault, self.options = fault, options
        self.cluster, self.network = options.cluster, options.network
        self.rng = random.Random(f"{options.seed}/{fault.name}")
        self.row = Row(fault.name, fault.what)

    def __str__(self):
        return self.fault.name

    def say(self, text):
        if self.options.verbose:
            print(f"  {time.monotonic() - self.began:6.1f} s  {self.fault.name}: {text}", file=sys.stderr, flush=True)

    # --- the flow of records

    def run_fault(self):
        try:
            self.begin()
            self.fault.run(self)
            self.settle()
            self.pass_judgement()
        except Exception as error:
            self.say_how_to_repeat(error)
            raise
        except KeyboardInterrupt:
            self.doCleanups()  # unittest does not
            raise
        finally:
            self.row.seconds = time.monotonic() - self.began

    def say_how_to_repeat(self, error):
        for log in self.cluster.logs():
            shutil.copy(log, self.path("broker" + os.path.basename(log)))
        again = ["tests/chaos/run", "--faults", self.fault.name, "--seed", self.options.seed, *self.options.again]
        print(f"\n--- {type(error).__name__}: {str(error)[:SHOWN]}\n--- to repeat it: {shlex.join(map(str, again))}\n"
              f"--- what daemons, handlers, producer and brokers wrote: {self.folder}", file=sys.stderr, flush=True)

    def begin(self):
        self.began = time.monotonic()
        os.mkdir(self.path("handled"))
        self.topic, self.group = self.name(self.fault.name.replace("_", "-")), self.name("g")
        self.kafka.create(self.topic, self.fault.partitions, 3, min_insync_replicas=2)
        protocol = self.rng.choice(self.fault.protocols)
        ordering, cardinality = self.rng.choice(self.options.orderings), self.rng.choice(("one", "many"))
        self.properties = {"cardinality": cardinality, "ordering": ordering, "maxInFlight": IN_FLIGHT,
                           **({"maxBatchSize": 20} if cardinality == "many" else {}),
                           "kafka": {**(QUICK_SESSION if self.fault.quick_session else LONG_SESSION), **PROTOCOLS[protocol],
                                     "topic.metadata.refresh.interval.ms": 1000},
                           **self.fault.properties}
        self.ordering = self.properties["ordering"]
        self.row.group = f"{protocol}, {self.ordering}, {cardinality}"
        self.environment = {"DEADLY": self.path("deadly"), "PAUSE_MS": PAUSE_MS}
        self.handled = handled.Handled(self.path("handled"))
        self.excused = []
        self.running = []
        self.spared = set()  # daemons that no fault picks
        self.fleet = {}
        self.before_judgement = None
        self.watch = Watch(self.kafka, self.group, self.topic, self.handled, self.fault.brokers_fail)
        self.produce()
        self.fault.start(self)
        self.until_shared()
        self.watch.start()

    def produce(self):
        with open(self.path("produced"), "wb") as out:
            self.producer = subprocess.Popen(
                [self.kafka.tool, "-b", self.kafka.brokers, "produce-numbered", self.topic, str(self.fault.records), str(SIZE),
                 str(self.fault.rate), str(KEYS)], stdin=subprocess.PIPE, stdout=out)
        self.addCleanup(self.producer.wait)
        self.addCleanup(self.producer.kill)
        self.addCleanup(self.producer.stdin.close)

    def start(self, make=None, ready=True):
        """Another daemon of the group; a life of its own, with a name of its own."""
        name = f"daemon{len(self.daemons) + 1}"
        command = [sys.executable, "-m", "triggerd", os.path.join(HERE, "handlers", "append.py"),
                   *(("--handler", "handle_batch") if self.properties["cardinality"] == "many" else ())]
        environment = {"HANDLED": self.path(f"handled/{name}"), **self.environment}
        trigger = self.trigger(self.topic, self.group, command, environment, {"processes": 2, **self.fault.worker}, **self.properties)
        if make:
            daemon = make(name, trigger).start()
            self.daemons.append(daemon)
        else:
            daemon = self.daemon({TRIGGER: trigger}, name=name, **self.fleet)
        self.running.append(daemon)
        if ready:
            daemon.wait_for("worker_ready", timeout=PATIENCE)
        self.watch.daemons[name] = daemon.process.pid
        return daemon

    def pick(self):
        return self.rng.choice([d for d in self.running if d not in self.spared])

    def gone(self, daemon):
        self.running.remove(daemon)
        self.watch.daemons.pop(daemon.name, None)

    def flow(self, count, timeout=PATIENCE):
        """Until so many more records were handled than now."""
        want = self.handled.advance() + count
        until(f"{count} more records are handled", lambda: self.handled.advance() >= want, timeout)

    def moment(self):
        """A seeded one while records flow: a number of records handled from now."""
        self.flow(self.rng.randint(*MOMENT))

    def owned(self):
        """How many partitions each member of the group has, as the group says; None: it cannot be asked now."""
        try:
            return sorted(len(m["partitions"]) for m in self.kafka.group(self.group)["members"])
        except AssertionError:
            return None

    def shared(self, but=0):
        """Is every running daemon (`but` so many) a member with partitions, and nobody else?"""
        owned = self.owned()
        return owned and len(owned) == len(self.running) - but and owned[0] > 0 and sum(owned) == self.partitions()

    def until_shared(self, but=0):
        until(f"{len(self.running) - but} daemons share the partitions", lambda: self.shared(but), PATIENCE)

    def partitions(self):
        return len(self.kafka.ends(self.topic))

    # --- a fault

    def hit(self, *daemons):
        """What these have in flight may come twice; returns how many records that is just now."""
        return sum(self.hit_with(daemon, self.in_flight(daemon)) for daemon in daemons)

    def hit_with(self, daemon, in_flight):
        """The same, of a daemon that is known only afterwards."""
        self.assertIn(daemon, self.daemons)
        self.row.in_flight += in_flight
        self.row.allowed += IN_FLIGHT
        return in_flight

    @staticmethod
    def in_flight(daemon):
        return int(daemon.metric("triggerd_in_flight_records", trigger=TRIGGER) or 0)

    def in_sync(self):
        """Every replica has caught up, also those of the offsets: the next fault finds the cluster whole."""
        def probe():
            try:
                return all(set(self.kafka.run("in-sync", t).values()) == {3} for t in (self.topic, "__consumer_offsets"))
            except AssertionError:
                return False
        until("all replicas are in sync", probe, PATIENCE)

    def excuse(self, partition, first, end):
        self.excused.append((partition, first, end))
        self.handled.excuse(partition, first, end)

    # --- its end

    def settle(self):
        """No more records; all of them are handled and committed; the daemons end in order."""
        self.producer.stdin.close()
        self.assertEqual(self.producer.wait(PATIENCE), 0, "the producer delivered everything")
        self.ends = self.kafka.until_committed(self.group, self.topic, PATIENCE)
        for daemon in list(self.running):
            daemon.stop()
            self.gone(daemon)
        self.watch.end()

    def pass_judgement(self):
        if self.before_judgement:
            self.before_judgement(self)
        with open(self.path("produced"), encoding="ascii") as f:
            produced = judge.produced(f.read())
        self.assertEqual({p: len(numbers) for p, numbers in produced.items()}, self.ends, "the log is what the producer knows of")
        lives = {life: handled.lines(paths) for life, paths in handled.lives(self.path("handled")).items()}
        by_key = {"partition": False, "key": True, "none": None}[self.ordering]
        verdict = judge.judge(judge.Evidence(produced, lives, self.ends, self.excused, by_key))
        allowed = 0 if self.fault.graceful else self.row.allowed
        row = self.row
        row.allowed, row.records, row.deleted = allowed, verdict.records, verdict.excused
        row.lost, row.duplicates = len(verdict.lost), verdict.duplicates
        row.looks, row.memory = self.watch.looks, self.watch.largest()
        row.problems = list(verdict.problems(allowed)) + list(self.watch.problems.values())
        for daemon in self.daemons:
            row.problems += [f"{daemon.name}: {found}" for found in judge.went_back(daemon.events)]
        self.say(f"{row.records} records, {row.lost} lost, {row.duplicates} duplicates of at most {allowed} "
                 f"({row.in_flight} in flight at the faults), {row.looks} looks at the commits")
        self.assertFalse(row.problems, "\n".join(row.problems))
        self.assertGreater(row.looks, 0, "somebody looked at the commits")
        self.assertEqual(row.deleted > 0, self.fault.deletes_unread, "records were deleted unread")


def accepted(build, **properties):
    """What `triggerd check` says against a trigger with these properties; nothing where it takes them."""
    fleet = properties.pop("fleet", {})
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as f:
        json.dump({"triggers": {"t": {"brokerList": "b:1", "topic": "t", "worker": {"command": ["true"]}, **properties}}, **fleet}, f)
        f.flush()
        result = subprocess.run([os.path.join(build, "bin", "triggerd"), "check", "-c", f.name], capture_output=True, text=True)
    return "" if result.returncode == 0 else (result.stderr + result.stdout).strip().replace(f.name, "check")

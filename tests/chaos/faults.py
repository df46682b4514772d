"""What a fault is, and all of them by name. A fault makes sure that it happened: one that did not proves nothing."""
import rig as rigs


class Fault:
    """`inject` is called at `times` seeded moments while records flow and leaves everything whole again."""
    name = what = ""
    graceful = False  # not one duplicate
    daemons = 1
    times, short_times = 3, 2
    partitions = 12
    records = rigs.ENOUGH
    rate = rigs.RATE
    quick_session = True  # of the group's members; else so long that nothing short can end it
    deletes_unread = False  # records of the topic
    brokers_fail = False
    protocols = tuple(rigs.PROTOCOLS)
    properties = {}  # of the trigger
    worker = {}  # of its worker

    def __init__(self, options):
        self.options = options
        if options.short:
            self.times = min(self.times, self.short_times)

    def left_out(self):
        """Why it cannot be injected here; nothing where it can."""
        return ""

    def start(self, rig):
        for _ in range(self.daemons):
            rig.start()

    def run(self, rig):
        for _ in range(self.times):
            rig.moment()
            self.inject(rig)
            rig.row.times += 1

    def inject(self, rig):
        raise NotImplementedError


def named():
    """{name: class}, in the order of the table."""
    import on_brokers
    import on_disk
    import on_group
    import on_network
    import on_processes
    import on_topics
    found = {}
    for module in (on_processes, on_brokers, on_network, on_group, on_topics, on_disk):
        for cls in vars(module).values():
            if isinstance(cls, type) and issubclass(cls, Fault) and cls.__module__ == module.__name__ and cls.name:
                found[cls.name] = cls
    return found

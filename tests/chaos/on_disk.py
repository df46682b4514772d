"""The disk of the journal is full: what was done beyond a gap cannot be written down, and is not lost for that."""
import errno
import os
import subprocess

from faults import Fault
from rig import PATIENCE, TRIGGER, accepted
from waiting import until


class DiskFull(Fault):
    """Every other key fails until it is calm, so that the work done has more gaps than a commit's metadata can hold."""
    name, what = "disk_full", "the journal's disk is full and the gaps outgrow the metadata; the daemon is restarted"
    times, partitions = 1, 1
    properties = {"ordering": "key", "cardinality": "one", "retry": {"strategy": "fixedDelay", "maxRetryCount": -1, "delayInterval": "1h"}}

    def left_out(self):
        if os.geteuid() != 0:
            return "only root mounts a disk that is full"
        return accepted(self.options.build, fleet={"stateDirectory": self.options.build}, **self.properties).split("\n")[0]

    def start(self, rig):
        state = rig.path("state")
        os.mkdir(state)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", state], check=True)
        rig.addCleanup(subprocess.run, ["umount", "-l", state], check=True)
        with open(os.path.join(state, "ballast"), "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(512))
            except OSError as error:
                rig.assertEqual(error.errno, errno.ENOSPC)
        rig.fleet = {"stateDirectory": state}
        rig.environment["UNRULY_UNTIL"] = rig.path("calm")
        rig.start()

    def inject(self, rig):
        daemon = rig.running[0]
        until("the journal cannot be written", lambda: [e for e in list(daemon.events) if "journal" in e["event"] and
                                                        e["level"] in ("warn", "error")], PATIENCE)
        with open(rig.path("calm"), "w", encoding="ascii"):
            pass
        found = rig.hit(daemon)
        daemon.stop(PATIENCE)
        rig.gone(daemon)
        rig.start()
        rig.say(f"the journal could not be written, {found} in flight")

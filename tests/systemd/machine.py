"""A virtual machine: boots the disk, runs what the second disk holds, and ends. The disks stay as they were."""
import os
import subprocess
import threading

COMMAND_LINE = ("root=/dev/vda rw console=ttyS0 panic=-1 mitigations=off "
                # Nothing else may write to the lines that we read.
                "systemd.mask=serial-getty@ttyS0.service systemd.mask=serial-getty@ttyS1.service")
END = "guest: exit status "


class Machine:
    """`disk` is the folder that tests/systemd/disk printed, `payload` the second disk, `scratch` a folder for what is written."""

    def __init__(self, disk, payload, scratch, accel="tcg,thread=multi"):
        self.console = os.path.join(scratch, "console")
        self.scratch = scratch
        self.argv = [
            "qemu-system-x86_64", "-accel", accel, "-cpu", "max", "-smp", "2", "-m", "2048",
            "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-snapshot",
            "-kernel", os.path.join(disk, "vmlinuz"), "-initrd", os.path.join(disk, "initrd"), "-append", COMMAND_LINE,
            "-drive", f"file={os.path.join(disk, 'disk')},format=raw,if=virtio",
            "-drive", f"file={payload},format=raw,if=virtio",
            "-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci",
            "-serial", f"file:{self.console}", "-serial", "stdio"]

    def run(self, timeout, on_line):
        """Boots, gives each line that the guest says to on_line, and ends it. Returns the status of its tests; None where it
        ended, or `timeout` seconds passed, without one."""
        # -snapshot writes to files there.
        process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env={**os.environ, "TMPDIR": self.scratch})
        timer = threading.Timer(timeout, process.kill)
        timer.start()
        try:
            for raw in process.stdout:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if line.startswith(END):
                    return int(line[len(END):])
                on_line(line)
            return None
        finally:
            timer.cancel()
            process.kill()
            process.wait()
            process.stdout.close()

    def console_tail(self, lines=40):
        """The last that the kernel and systemd said."""
        try:
            with open(self.console, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except FileNotFoundError:
            return ""

"""An SDK's command line, run as the daemon runs it, by tests of any SDK."""

import os
import pathlib
import socket
import subprocess
import tempfile


class CommandCase:
    """For a TestCase. COMMAND: argv before the arguments. FILE: what a handler's source is put into, HANDLER a good one.

    ENVIRONMENT: besides our own.
    """

    ENVIRONMENT = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_worker(self, *arguments, connected=True, source=None, file=None, fd=None):
        """(status, stderr, what came over the socket). fd: what TRIGGERD_FD says, where it is not the socket."""
        if source is not None:
            (self.folder / (file or self.FILE)).write_text(source)
        ours, theirs = socket.socketpair()
        environment = dict(os.environ, **self.ENVIRONMENT)
        environment.pop("TRIGGERD_FD", None)
        if connected:
            environment["TRIGGERD_FD"] = fd or str(theirs.fileno())
        ours.shutdown(socket.SHUT_WR)  # whoever gets as far as Hello finds that the daemon is gone
        with ours, theirs:
            found = subprocess.run([*self.COMMAND, *arguments], cwd=self.folder, text=True, timeout=60,
                                   capture_output=True, env=environment, pass_fds=[theirs.fileno()])
            theirs.close()
            ours.settimeout(60)
            self.output = found.stdout
            return found.returncode, found.stderr, ours.recv(1000)

    def test_help(self):
        status, errors, _ = self.run_worker("--help", connected=False)
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("--handler NAME", self.output)

    def test_not_started_by_triggerd(self):
        status, errors, _ = self.run_worker(self.FILE, connected=False, source=self.HANDLER)
        self.assertEqual(status, 64)
        self.assertIn("to be started by triggerd", errors)
        self.assertEqual(len(errors.splitlines()), 1)

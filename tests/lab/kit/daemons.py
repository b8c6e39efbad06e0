"""What every router daemon in the lab can do: start, stop, be killed, hold an address."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from lab.kit.net import Net, kill_group, session_of
from lab.kit.timing import TOLERANCE_S, processor_wait_s
from lab.kit.waiting import wait_until

Settings = dict[str, Any]  # one virtual router in keepalived's words, as the native file has them


class Daemon:
    """A router daemon in one node. Subclasses say how it is configured and started."""

    kind = "daemon"

    def __init__(self, net: Net, node: str, **instances: Settings) -> None:
        self.net = net
        self.node = node
        self.instances = instances
        self.directory = net.directory / f"{self.kind}-{node}"
        self.directory.mkdir(exist_ok=True)
        self.log_path = self.directory / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._waited_before_s = 0.0

    def argv(self) -> list[str]:
        raise NotImplementedError

    def configure(self) -> None:
        """Write the configuration files."""
        raise NotImplementedError

    def start(self) -> None:
        self.configure()
        self._waited_before_s = 0.0
        with self.log_path.open("ab") as log:
            self.process = self.net.start(
                self.net.command(self.node, *self.argv()), stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text: str, timeout: float = 5.0, after: int = 0) -> None:
        """Wait until the log, from character `after` on, has `text`."""
        wait_until(
            lambda: text in self.log[after:], timeout, f"{text!r} in the log of {self.node}:\n{self.log}"
        )

    def late_s(self, usual: float = TOLERANCE_S) -> float:
        """How late it may be: `usual`, and what a busy machine kept it from running since it is up."""
        return usual + max(0.0, self._processor_wait_s() - self._waited_before_s)

    def forget_waiting(self) -> None:
        """What it waited for a processor so far, to start up, excuses nothing."""
        self._waited_before_s = self._processor_wait_s()

    def _processor_wait_s(self) -> float:
        assert self.process is not None
        return sum(processor_wait_s(pid) for pid in session_of(self.process.pid))

    def stop(self, timeout: float = 10.0) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def kill(self) -> None:
        """kill -9 of every process of the daemon at once: none of them says goodbye."""
        assert self.process is not None
        members = session_of(self.process.pid)
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, no child outlives its parent's death
            for pid in members:
                os.kill(pid, number)
        kill_group(self.process)

    def holds(self, address: str) -> bool:
        """Whether the node would answer for a virtual address."""
        return address in self.net.addresses(self.node)

    @staticmethod
    def write(path: Path, text: str) -> None:
        path.write_text(text)


def plain(address: str) -> str:
    """The bare address of a virtual_ipaddress line."""
    return address.split()[0].partition("/")[0]

"""What a daemon tells scripts and FIFOs, written down: one configuration for keepalived and for us."""

import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

from lab.kit.daemons import Daemon
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

KINDS = ("keepalived", "vrrpd-fast")

_RECORDER = """#!/bin/sh
line="$(id -u):$(id -g):$(id -G | tr ' ' ,)"
for word in "$0" "$@"; do line="$line [$word]"; done
facts="$(env | sed -n 's/^VRRP_//p' | sort | tr '\\n' ';')"
printf '%s|%s\\n' "$line" "$facts" >> DIRECTORY/runs
"""


class Ground:
    """A directory that every user can reach and only root can change; gone with its net."""

    def __init__(self, net: Net) -> None:
        self.path = Path(tempfile.mkdtemp(dir="/var/lib", prefix="vrrpd-fast-lab-"))
        net.at_close.append(lambda: shutil.rmtree(self.path))
        self.path.chmod(0o755)
        self._runs = self.path / "runs"
        self._runs.touch()
        self._runs.chmod(0o666)
        self.recorder = self.script("record", _RECORDER.replace("DIRECTORY", str(self.path)))

    def script(self, name: str, text: str, mode: int = 0o755) -> str:
        path = self.path / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)

    @property
    def runs(self) -> list[str]:
        """Runs of the recorder so far: `uid:gid:groups [word] [word] …`, without the recorder's own path."""
        return [line.split("|")[0].replace(f" [{self.recorder}]", "") for line in self._lines()]

    @property
    def facts(self) -> list[dict[str, str]]:
        """The environment of each run, as far as it is VRRP_*."""
        return [
            dict(fact.split("=", 1) for fact in line.split("|", 1)[1].split(";") if fact)
            for line in self._lines()
        ]

    def _lines(self) -> list[str]:
        return self._runs.read_text().splitlines()


class FifoReader:
    """Reads a FIFO from when it is there, after `delay` seconds; opens it again when it ends, if it can."""

    def __init__(self, path: Path, delay: float = 0.0) -> None:
        self.path = path
        self.lines: list[str] = []
        self.ends = 0
        self._delay = delay
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def of(self, name: str) -> list[str]:
        """What was said of one virtual router: `STATE PRIORITY`."""
        begin = f'INSTANCE "{name}" '
        return [line.removeprefix(begin) for line in self.lines if line.startswith(begin)]

    def wait(self, line: str, timeout: float = 8.0, count: int = 1) -> None:
        wait_until(lambda: self.lines.count(line) >= count, timeout, f"{line!r} among {self.lines}")

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
            except FileNotFoundError:
                time.sleep(0.002)
                continue
            self._closing.wait(self._delay)
            self._delay = 0.0
            try:
                self._read(fd)
            finally:
                os.close(fd)

    def _read(self, fd: int) -> None:
        rest = b""
        has_begun = False
        while True:
            try:
                data = os.read(fd, 1 << 16)
            except BlockingIOError:
                has_begun = True  # somebody has it open for writing
                if self._closing.wait(0.002):
                    return
                continue
            if data:
                *lines, rest = (rest + data).split(b"\n")
                self.lines += [line.decode() for line in lines]
            elif has_begun:
                self.ends += 1
                return
            elif self._closing.wait(0.002):
                return


class TellingKeepalived(Keepalived):
    """keepalived with a configuration as text."""

    text = ""

    def configure(self) -> None:
        for left in self.directory.glob("*.pid"):
            left.unlink()
        self.write(self.directory / "keepalived.conf", self.text)


class TellingOurs(VrrpdFast):
    """vrrpd-fast with a configuration as text."""

    text = ""

    def configure(self) -> None:
        self.write(self.config_path, self.text)


def telling(kind: str, net: Net, node: str, text: str) -> Daemon:
    """A daemon of this kind that is to read this keepalived.conf."""
    made: TellingKeepalived | TellingOurs
    made = TellingKeepalived(net, node) if kind == "keepalived" else TellingOurs(net, node)
    made.text = text
    return made


def reload(daemon: Daemon, text: str) -> None:
    """Have it read another configuration; keepalived needs a moment for itself before."""
    assert isinstance(daemon, TellingKeepalived | TellingOurs)
    daemon.text = text
    daemon.configure()
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)


def block(name: str, vrid: int, priority: int, *lines: str, interface: str = "eth0") -> str:
    """A vrrp_instance that is MASTER soon after nobody else is."""
    return (
        "\n  ".join(
            [
                f'vrrp_instance "{name}" {{',
                f"interface {interface}",
                f"virtual_router_id {vrid}",
                f"priority {priority}",
                "version 3",
                "advert_int 0.2",
                f"virtual_ipaddress {{ 10.0.0.{vrid}/24 }}",
                *lines,
            ]
        )
        + "\n}\n"
    )


def global_defs(*lines: str) -> str:
    return "global_defs {\n  " + "\n  ".join(["script_user root", *lines]) + "\n}\n"

"""A router of the lab, seen from outside: switched on and off, told to start and stop its programs."""

import json
import shutil
import signal
import stat
import sys
from pathlib import Path
from typing import Any

from vrrpd_fast.lab.machine import NETWORKS
from vrrpd_fast.lab.process import LabError, Process
from vrrpd_fast.lab.switch import Switch, mac_address
from vrrpd_fast.model import JSON

# A program whose name is all that matters: it is what `killall -0 haproxy` looks for.
HAPROXY = "import ctypes, signal; ctypes.CDLL(None).prctl(15, b'haproxy'); signal.pause()"

KILLALL = """#!/bin/sh
# Stands in for psmisc's killall: `killall -0 NAME` succeeds when a process of that name runs.
[ "$1" = -0 ] && [ $# -eq 2 ] || { echo "this killall only knows: killall -0 NAME" >&2; exit 2; }
for comm in /proc/[0-9]*/comm; do
  { read -r name <"$comm"; } 2>/dev/null && [ "$name" = "$2" ] && exit 0
done
exit 1
"""


class Router:
    def __init__(self, name: str, number: int, switch: Switch, directory: Path) -> None:
        self.name = name
        self.number = number
        self.has_haproxy = False
        self._switch = switch
        self._directory = directory / name
        self._process: Process | None = None
        self._log = self._directory / "vrrpd-fast.log"
        (self._directory / "bin").mkdir(parents=True)

    @property
    def is_on(self) -> bool:
        return self._process is not None

    def log_lines(self) -> list[str]:
        """What its daemon wrote to stderr, over all its lives."""
        return self._log.read_text(errors="replace").splitlines() if self._log.exists() else []

    @property
    def socket(self) -> Path:
        return self._directory / "ctl"

    @property
    def sources(self) -> tuple[str, ...]:
        """Its own address on each LAN."""
        return tuple(network.format(self.number) for network in NETWORKS)

    @property
    def macs(self) -> tuple[str, ...]:
        return tuple(mac_address(lan, self.number) for lan in range(len(NETWORKS)))

    def power_on(self) -> None:
        """Boot: namespaces, cables, addresses, and a haproxy."""
        self.socket.unlink(missing_ok=True)  # a real machine's /run is empty after boot
        environment = {"PATH": f"{self._directory / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"}
        self._process = Process("vrrpd_fast.lab.agent", environment=environment)
        self._switch.plug(self.name, self.number, self._process.pid)
        self.tell("configure", number=self.number)
        self.start_haproxy()

    def power_off(self) -> None:
        """Pull the power cord: nothing leaves it any more, and everything in it is killed at that instant."""
        assert self._process is not None
        self._switch.unplug(self.name)
        self._process.kill()
        self._process = None
        self._switch.discard(self.name)
        self.has_haproxy = False

    def tell(self, do: str, **arguments: Any) -> Any:
        """Have the router's agent do something and hear the result."""
        if self._process is None:
            raise LabError(f"{self.name} is off")
        self._process.send({"do": do, **arguments})
        return self._process.receive()

    def start_haproxy(self) -> None:
        argv = [sys.executable, "-I", "-S", "-c", HAPROXY]
        self.tell("start", name="haproxy", argv=argv, log=str(self._directory / "haproxy.log"))
        self.has_haproxy = True

    def stop_haproxy(self) -> None:
        self.tell("signal", name="haproxy", number=signal.SIGTERM)
        self.has_haproxy = False

    def start_daemon(self, config: JSON) -> None:
        path = self._directory / "vips.json"
        path.write_text(json.dumps(config, indent=2))
        arguments = ["--config", str(path), "--socket", str(self.socket)]
        argv = [sys.executable, "-m", "vrrpd_fast.cli.daemon", *arguments]
        self.tell("start", name="vrrpd-fast", argv=argv, log=str(self._log))

    def stop_daemon(self) -> None:
        """SIGTERM, without waiting for the end."""
        self.tell("signal", name="vrrpd-fast", number=signal.SIGTERM)

    def daemon_status(self) -> int | None:
        """The exit status of its daemon, None while it runs."""
        status: int | None = self.tell("exited").get("vrrpd-fast")
        return status

    def lend_killall(self) -> bool:
        """Put the stand-in on its PATH when the machine has no killall; whether it was needed."""
        if shutil.which("killall", path="/usr/sbin:/usr/bin:/sbin:/bin"):
            return False
        script = self._directory / "bin" / "killall"
        script.write_text(KILLALL)
        script.chmod(script.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        return True

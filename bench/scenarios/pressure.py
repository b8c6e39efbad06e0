"""Adverts of bystanders, 200 VRs at 10 ms on one link, MASTER all the time, while something goes on.

1000 others at 100 ms on four more links are BACKUP of a bare sender. Gaps between the adverts of each
bystander are measured where they arrive, by the kernel's clock. What goes on is a method of `_Bench`.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from harness import gaps
from harness.daemon import Daemon, text
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import KEEPALIVED, OURS, PHASES, Programs, _wait_ready, finish_capture
from harness.shape import Router, Shape, plan
from harness.steady import wait_for_members
from vrrpd_fast.control.client import call

_BYSTANDERS = Shape(1, 200, interval_cs=1)
_INTERVAL_NS = 10_000_000
_CHECKSUM_AT = 2 * (14 + 20 + 6)  # of VRRP in a frame in hexadecimal
_ASKED_EVERY_S = 0.1
_SCRIPTS = 200


@dataclass(frozen=True)
class _Others(Shape):
    """All links but the first."""

    def routers(self) -> Iterator[Router]:
        return (router for router in super().routers() if router.link > 0)


_OTHERS = _Others(5, 250)


class _Bench:
    """A daemon in its daily work, and what can be done to it."""

    def __init__(self, programs: Programs, wire: Wire, subject: str, with_scripts: bool) -> None:
        self.programs = programs
        self.wire = wire
        self.sender = programs.sender(wire.far, _OTHERS)
        configuration = text(subject, _BYSTANDERS, _OTHERS)
        if with_scripts:
            configuration = _scripted(subject, configuration)
        self.daemon = Daemon(programs, wire.near, subject, configuration)
        wait_for_members(wire.near, _OTHERS.links, self.daemon.last_words)
        time.sleep(1.5)  # the second gratuitous ARPs are over

    def nothing(self, seconds: float) -> None:
        time.sleep(seconds)

    def storm(self, seconds: float) -> None:
        """The others lose their master."""
        before = self.daemon.transitions()
        self.wire.far.stop(self.sender)
        time.sleep(seconds)
        if self.daemon.transitions() - before != len(list(_OTHERS.routers())):
            raise BenchError(f"not all were taken over in {seconds:g} s; log:\n{self.daemon.last_words()}")

    def reload(self, seconds: float) -> None:
        """One virtual router more on each of the others' links."""
        more = _Others(5, 251)
        self.daemon.reload(text(self.daemon.subject, _BYSTANDERS, more))
        time.sleep(seconds)

    def flood(self, seconds: float) -> None:
        """20,000 adverts a second with the bystanders' VRIDs, a higher priority and a wrong checksum."""
        process = self.wire.far.start(
            str(self.programs.directory / "sender"),
            str(_INTERVAL_NS),
            str(PHASES),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin is not None
        process.stdin.write("".join(map(_spoilt, plan(_BYSTANDERS, PHASES).splitlines())).encode())
        process.stdin.close()
        _wait_ready(process)
        time.sleep(seconds)
        self.wire.far.stop(process)

    def status(self, seconds: float) -> None:
        """For everything it knows, ten times a second: vrrpctl's request, keepalived's data dump."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            next_ = time.monotonic() + _ASKED_EVERY_S
            if self.daemon.subject == OURS:
                call(self.daemon.socket, "GetStatus")
            else:
                os.kill(self.daemon.process.pid, signal.SIGUSR1)
            time.sleep(max(0.0, next_ - time.monotonic()))

    def scripts(self, seconds: float) -> None:
        """They run since the start."""
        time.sleep(seconds)


def _spoilt(line: str) -> str:
    interface, phase, frame = line.split()
    checksum = int(frame[_CHECKSUM_AT : _CHECKSUM_AT + 4], 16) ^ 0x5555
    return f"{interface} {phase} {frame[:_CHECKSUM_AT]}{checksum:04x}{frame[_CHECKSUM_AT + 4 :]}\n"


def _scripted(subject: str, configuration: str) -> str:
    """As many of the others watch a check script each that runs every second."""
    names = [router.name for router in _OTHERS.routers()][:_SCRIPTS]
    if subject == OURS:
        document = json.loads(configuration)
        document["vrrp_script"] = {
            f"check_{name}": {"script": "/bin/true", "interval": 1, "weight": 1} for name in names
        }
        for name in names:
            document["vrrp_instance"][name]["track_script"] = [f"check_{name}"]
        return json.dumps(document)
    head, rest = configuration.split("\n}\n", 1)
    scripts = "".join(
        f'vrrp_script check_{name} {{\n  script "/bin/true"\n  interval 1\n  weight 1\n  user root\n}}\n'
        for name in names
    )
    for name in names:
        start = f"vrrp_instance {name} {{\n"
        rest = rest.replace(start, f"{start}  track_script {{\n    check_{name}\n  }}\n")
    return f"{head}\n}}\n{scripts}{rest}"


def _measure(
    situation: Callable[[_Bench, float], None],
    window_s: float | None,
    programs: Programs,
    subject: str,
    effort: Effort,
) -> Mapping[str, float]:
    output = programs.directory / "records"
    with Wire(_OTHERS) as wire:
        bench = _Bench(programs, wire, subject, situation is _Bench.scripts)
        capture = programs.capture(wire.far, output)
        time.sleep(0.1)
        start_ns = time.time_ns()
        situation(bench, window_s or min(5.0, effort.window_s))
        end_ns = time.time_ns()
        time.sleep(0.1)
        finish_capture(capture)
        times = gaps.heard(output, wire.far, range(1, _BYSTANDERS.count + 1))
        if not all(times.values()):
            raise BenchError(f"{subject}: not MASTER of all; log:\n{bench.daemon.last_words()}")
    return gaps.figures(times.values(), start_ns, end_ns, _INTERVAL_NS)


def _scenario(
    situation: Callable[[_Bench, float], None],
    title: str,
    limit: float | None,
    window_s: float | None = None,
    in_quick: bool = False,
) -> Scenario:
    """The limit is on the 99.9th percentile."""
    return Scenario(
        f"pressure-{situation.__name__}",
        f"pressure: advert gaps of 200 bystanders @10 ms, {title}",
        (OURS, KEEPALIVED),
        (
            Metric("p50", "median gap", "intervals"),
            Metric("p99", "99th percentile", "intervals"),
            Metric("p999", "99.9th percentile", "intervals", Budget(limit, False) if limit else None),
            Metric("max", "longest gap", "intervals"),
            Metric("lost", "adverts lost", "%", Budget(_LOST_LIMIT, False) if limit else None),
        ),
        lambda programs, subject, effort: _measure(situation, window_s, programs, subject, effort),
        pairs_max=3,
        in_quick=in_quick,
    )


_LIMIT = 1.5
_LOST_LIMIT = 0.5  # %: what the edges of the measured stretch of time may take away
SCENARIOS = (
    _scenario(_Bench.nothing, "nothing else going on", None),
    _scenario(_Bench.storm, "1000 others are taken over", _LIMIT, 1.0),
    _scenario(_Bench.reload, "a reload of 1200 VRs adds four", _LIMIT, 2.0),
    _scenario(_Bench.flood, "20,000 bad packets/s with their VRIDs", _LIMIT, in_quick=True),
    _scenario(_Bench.status, "status asked 10 times/s", _LIMIT),
    _scenario(_Bench.scripts, "200 check scripts/s", _LIMIT),
)

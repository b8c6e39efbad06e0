"""Trackers of both routers move at random: tests/soak/trackers.py for a short time, each with a new seed."""

import os
import random
import subprocess
import threading

from lab.kit.fixtures import Build, Tap
from soak.trackers import NODES, run

SECONDS = 20.0


def test_never_two_masters_for_more_than_an_interval(build: Build, capture: Tap) -> None:
    """VRRPD_FAST_SEED repeats a run."""
    seed = int(os.environ.get("VRRPD_FAST_SEED", random.SystemRandom().randrange(1 << 32)))
    net = build([*NODES, "client"])
    report = run(net, capture(net), seed, SECONDS)
    print(report)
    assert not report.faults, f"VRRPD_FAST_SEED={seed} repeats this\n{report}"


def test_two_masters_are_seen(build: Build, capture: Tap) -> None:
    """Routers that do not hear each other, as a check of the judge."""
    net = build([*NODES, "client"])

    def part() -> None:
        for node in NODES:
            words = ["link", "set", "dev", net.port(node).peer, "isolated", "on"]
            subprocess.run(["bridge", "-n", net.switch, *words], check=True)

    timer = threading.Timer(4.0, part)
    timer.start()
    report = run(net, capture(net), 1, 6.0)
    timer.join()
    assert any(fault.startswith("two masters of ") for fault in report.faults)
    assert report.longest is not None
    assert report.longest.seconds > 2

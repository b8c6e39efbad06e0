"""Trackers of both routers move at random: tests/soak/trackers.py for a short time, each with a new seed."""

import os
import random

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

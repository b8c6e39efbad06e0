"""When a population has settled, and what happens in a window of time after that."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.network import BenchError, Node
from harness.process import cpu_ns

_SLICE_S = 0.5
_SLICES = 3
_TOLERANCE = 0.03
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Window:
    """Processor time of each process tree asked for, and packets that left a node, in one stretch of time."""

    seconds: float
    packets: int
    cpu_ns: list[int]


def wait_for_rate(
    node: Node, per_second: float, last_words: Callable[[], str], interval_s: float = 0.1
) -> None:
    """Until packets have left the node at this rate, and no other, for 1.5 s or three intervals.

    The rate is taken over whole intervals: all adverts may lie in one lump.
    """
    slice_s = interval_s * math.ceil(_SLICE_S / interval_s)
    deadline = time.monotonic() + _PATIENCE_S
    held = 0
    while held < _SLICES:
        if time.monotonic() > deadline:
            raise BenchError(f"the rate of {per_second:.0f} adverts/s is never reached; log:\n{last_words()}")
        window = observe(node, [], slice_s)
        rate = window.packets / window.seconds
        held = held + 1 if abs(rate / per_second - 1) < _TOLERANCE else 0


def wait_for_members(node: Node, memberships: int, last_words: Callable[[], str]) -> None:
    """Until somebody listens on every link (for each family), and a second more."""
    deadline = time.monotonic() + _PATIENCE_S
    while node.members() != memberships:
        if time.monotonic() > deadline:
            raise BenchError(
                f"nobody has joined {memberships} groups, counted per link and family; log:\n{last_words()}"
            )
        time.sleep(0.05)
    time.sleep(1)


def observe(node: Node, pids: Sequence[int], seconds: float) -> Window:
    """Let a stretch of time pass."""
    started_ns = time.monotonic_ns()
    packets = node.packets_sent()
    before = [cpu_ns(pid) for pid in pids]
    time.sleep(seconds)
    after = [cpu_ns(pid) for pid in pids]
    packets = node.packets_sent() - packets
    elapsed = (time.monotonic_ns() - started_ns) / 1e9
    return Window(elapsed, packets, [late - early for early, late in zip(before, after, strict=True)])

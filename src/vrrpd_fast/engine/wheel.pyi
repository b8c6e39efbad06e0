"""Timer wheel; the C API that the machine uses is in wheel.pxd."""

from typing import Self

from typing_extensions import disjoint_base

@disjoint_base
class Wheel:
    """Timers 0 … capacity-1 with deadlines in nanoseconds: never early, late by at most 16.384 µs."""

    def __new__(cls, capacity: int) -> Self: ...
    def arm(self, timer: int, deadline_ns: int) -> None:
        """Arm or re-arm; a deadline in the past is due at once. IndexError when there is no such timer."""

    def cancel(self, timer: int) -> None:
        """Disarm; no effect when not armed."""

    def next_ns(self) -> int:
        """When pop() may have something next; -1 when nothing is armed."""

    def pop(self, now_ns: int) -> int:
        """Disarm and return a timer due at `now_ns`; -1 when there is none."""

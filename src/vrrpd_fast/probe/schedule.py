"""When probes run: all of them on one timer, so that thousands share their wake-ups.

A probe runs on a grid of its interval divided by 64, of 1 to 10 ms: with 2000 probes at 1 s the helper wakes
100 times a second and not 2000 times, which costs more than most probes do.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable

from vrrpd_fast.judgement import Judgement
from vrrpd_fast.model import NS_PER_S, AnyProbeKind, Probe
from vrrpd_fast.probe.check import Check, Outcome, broken, failure

log = logging.getLogger(__name__)

_GRAINS = 64
_SHORTEST_GRAIN_NS = 1_000_000
_LONGEST_GRAIN_NS = 10_000_000
# Timers of the loop are whole milliseconds, and early by as much. On the grid being late does not add up.
_TIMER_ERROR_NS = 1_000_000
# Then answers are read before more is asked: where processors are scarce they would time out unread.
_PER_WAKE = 128

Make = Callable[[AnyProbeKind], Check]


class Runner:
    """One probe: its check, what its results come to, and when it is to be looked at."""

    __slots__ = (
        "_check",
        "_kind",
        "_make",
        "_on_end",
        "began_ns",
        "deadline_ns",
        "due_ns",
        "duration_ns",
        "grain_ns",
        "interval_ns",
        "is_running",
        "is_stopped",
        "judgement",
        "outcome",
        "runs",
        "serial",
        "skipped",
        "timeout_ns",
    )

    def __init__(
        self, serial: int, probe: Probe, make: Make, on_end: Callable[["Runner", bool], None]
    ) -> None:
        """`on_end(runner, is_change)`: a run is over."""
        self.serial = serial
        self.interval_ns = round(probe.interval * NS_PER_S)
        self.timeout_ns = round(probe.timeout * NS_PER_S)
        self.grain_ns = max(_SHORTEST_GRAIN_NS, min(_LONGEST_GRAIN_NS, self.interval_ns // _GRAINS))
        self.judgement = Judgement(probe.rise, probe.fall, probe.init_fail)
        self.outcome: Outcome | None = None
        self.duration_ns = 0
        self.runs = 0
        self.skipped = 0
        self.due_ns = 0
        self.deadline_ns = 0
        self.began_ns = 0
        self.is_running = False
        self.is_stopped = False
        self._kind = probe.kind
        self._make = make
        self._check: Check | None = None
        self._on_end = on_end

    def begin(self, now_ns: int) -> None:
        """Start a run, and plan the next one."""
        missed = max(0, (now_ns - self.due_ns) // self.interval_ns)
        self.due_ns += (missed + 1) * self.interval_ns
        self.skipped += missed
        if self.is_running:
            self.skipped += 1
            return
        self.runs += 1
        self.is_running = True
        self.began_ns = time.monotonic_ns()
        self.deadline_ns = self.began_ns + self.timeout_ns
        left_ns = self.due_ns - self.began_ns
        if self.timeout_ns <= self.interval_ns and left_ns > self.timeout_ns * 3 // 4:
            # A little late, it ends before the next one, which is not to be left out.
            self.deadline_ns = min(self.deadline_ns, self.due_ns)
        try:
            if self._check is None:
                self._check = self._make(self._kind)
            self._check.begin(self._conclude)
        except OSError as error:
            self._abandon()
            self._conclude(failure(error))
        except Exception as error:
            self._abandon()
            self._conclude(broken(error))

    def time_out(self) -> None:
        """The run has had its time."""
        self._abandon()
        waited = time.monotonic_ns() - self.began_ns
        self._conclude(Outcome(False, f"timed out after {waited / NS_PER_S:.2g} s"))

    def stop(self) -> None:
        """No more runs."""
        self.is_stopped = True
        if self.is_running:
            self._abandon()
            self.is_running = False
        if self._check is not None:
            self._check.close()

    def next_ns(self) -> int:
        """When to look at it again."""
        when_ns = min(self.deadline_ns, self.due_ns) if self.is_running else self.due_ns
        return -(-when_ns // self.grain_ns) * self.grain_ns

    def _abandon(self) -> None:
        if self._check is not None:
            self._check.abandon()

    def _conclude(self, outcome: Outcome) -> None:
        if not self.is_running:
            return
        self.is_running = False
        self.outcome = outcome
        self.duration_ns = time.monotonic_ns() - self.began_ns
        self._on_end(self, self.judgement.add(outcome.is_success))


class Schedule:
    """Runs all probes that it is given."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[int, int, Runner]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0

    def add(self, runner: Runner, share: float) -> None:
        """Run it now, after `share` (0 < share ≤ 1) of its interval, and at every interval from there."""
        now_ns = time.monotonic_ns()
        runner.due_ns = now_ns - round((1.0 - share) * runner.interval_ns)
        heapq.heappush(self._heap, (now_ns, runner.serial, runner))
        self._arm()

    def _wake(self) -> None:
        self._timer = None
        now_ns = time.monotonic_ns()
        heap = self._heap
        for _ in range(_PER_WAKE):
            if not heap or heap[0][0] > now_ns:
                break
            _, serial, runner = heap[0]
            if runner.is_stopped:
                heapq.heappop(heap)
                continue
            if runner.is_running and runner.deadline_ns <= now_ns:
                runner.time_out()
            if runner.due_ns <= now_ns:
                runner.begin(now_ns)
            heapq.heapreplace(heap, (runner.next_ns(), serial, runner))
        self._arm()

    def _arm(self) -> None:
        if not self._heap:
            return
        when_ns = self._heap[0][0]
        if self._timer is not None:
            if self._timer_ns <= when_ns:
                return
            self._timer.cancel()
        self._timer_ns = when_ns
        delay_ns = max(0, when_ns - time.monotonic_ns() + _TIMER_ERROR_NS)
        self._timer = self._loop.call_later(delay_ns / NS_PER_S, self._wake)

"""When a daemon waited for a processor: what a busy machine adds to one gap, not to the whole test."""

import bisect
import itertools
import threading
import time

from lab.kit.daemons import Daemon
from lab.kit.timing import processor_wait_s

PAUSE_S = 0.01


class Waits:
    """Looks every 10 ms how long the daemon's threads have waited so far."""

    def __init__(self, daemon: Daemon) -> None:
        assert daemon.process is not None
        self._pid = daemon.process.pid
        self._times_ns: list[int] = []
        self._waited_s: list[float] = []
        self._closing = threading.Event()
        self._look()
        self._thread = threading.Thread(target=self._run, name="waits", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        self._waited_s.append(processor_wait_s(self._pid))
        self._times_ns.append(time.time_ns())

    def _run(self) -> None:
        while not self._closing.wait(PAUSE_S):
            self._look()

    def between(self, begin_ns: int, end_ns: int) -> float:
        """Seconds waited between two moments, and at most a look before and after."""
        first = max(0, bisect.bisect_right(self._times_ns, begin_ns) - 1)
        last = min(len(self._times_ns) - 1, bisect.bisect_left(self._times_ns, end_ns))
        return self._waited_s[last] - self._waited_s[first]

    def longest_net_gap_s(self, times_ns: list[int]) -> float:
        """The longest time between two of these moments, net of what was waited in it."""
        return max(
            (later - earlier) / 1e9 - self.between(earlier, later)
            for earlier, later in itertools.pairwise(times_ns)
        )

    def close(self) -> None:
        self._closing.set()
        self._thread.join()
        self._look()

"""Bounds on how often the same is logged: peers, scripts and flapping links must not fill a disk."""

import logging
import time
from collections.abc import Callable, Hashable, Mapping

KEY_LIMIT = 1024
FLOOD_COUNT = 50
FLOOD_PERIOD = 10.0
MORE = " (%d more like it were not logged)"


class RateLimit:
    """At most `count` lines a key in `period` seconds; the next one that passes tells how many did not."""

    def __init__(self, count: int, period: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = count
        self.period = period
        self._clock = clock
        self._windows: dict[Hashable, _Window] = {}  # in the order in which they were begun

    def check(self, key: Hashable) -> int | None:
        """None when this line is one too many, else how many lines were suppressed before it."""
        now = self._clock()
        window = self._windows.get(key)
        if window is None or now - window.start >= self.period:
            window = self._begin(key, now, 0 if window is None else window.suppressed)
        if window.passed >= self.count:
            window.suppressed += 1
            return None
        window.passed += 1
        suppressed, window.suppressed = window.suppressed, 0
        return suppressed

    def log(
        self,
        logger: logging.Logger,
        level: int,
        key: Hashable,
        message: str,
        *args: object,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        """Log, unless there were too many of this key."""
        suppressed = self.check(key)
        if suppressed is None:
            return
        if suppressed:
            message, args = message + MORE, (*args, suppressed)
        logger.log(level, message, *args, extra=extra, stacklevel=2)

    def _begin(self, key: Hashable, now: float, suppressed: int) -> "_Window":
        """A new window. Memory is bounded, whoever chooses the keys: the oldest window makes room."""
        if self._windows.pop(key, None) is None and len(self._windows) >= KEY_LIMIT:
            del self._windows[next(iter(self._windows))]
        window = self._windows[key] = _Window(now, suppressed)
        return window


class FloodFilter(logging.Filter):
    """Bounds how often one line of our code says something of the same virtual router, script, interface …

    Each has its own bound, so that a failover of thousands is logged in full, and one that flaps is not. What
    a record is about is its `instance`, else the first argument of its message.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._limit = RateLimit(FLOOD_COUNT, FLOOD_PERIOD, clock)

    def filter(self, record: logging.LogRecord) -> bool:
        about = record.__dict__.get("instance")
        if about is None and isinstance(record.args, tuple) and record.args:
            about = str(record.args[0])
        suppressed = self._limit.check((record.pathname, record.lineno, about))
        if suppressed:
            record.msg, record.args = record.getMessage() + MORE % suppressed, None
        return suppressed is not None


class _Window:
    __slots__ = ("passed", "start", "suppressed")

    def __init__(self, start: float, suppressed: int) -> None:
        self.start = start
        self.passed = 0
        self.suppressed = suppressed

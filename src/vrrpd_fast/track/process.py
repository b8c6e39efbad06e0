"""A vrrp_track_process: up while as many processes as wanted run, with keepalived's delays."""

import asyncio
import logging
from collections.abc import Callable

from vrrpd_fast.model import JSON, ProcessCount
from vrrpd_fast.track.census import Cause
from vrrpd_fast.track.priority import Fault, contribution

log = logging.getLogger(__name__)


class ProcessTracker:
    """`on_change(name)` is called when `state` changes, also first from None. Durations in seconds."""

    def __init__(
        self, wanted: ProcessCount, loop: asyncio.AbstractEventLoop, on_change: Callable[[str], None]
    ) -> None:
        self.wanted = wanted
        self.count = 0
        self.state: bool | None = None  # None until the processes have been counted
        self.source = "unknown"  # of what we know: events, or scan where the kernel tells none
        self._loop = loop
        self._on_change = on_change
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, count: int) -> None:
        """All processes have been looked at; there is no delay the first time."""
        self.count = count
        if self.state is None:
            self._become(self._is_enough())
        else:
            self._judge(0.0)

    def update(self, count: int, cause: Cause) -> None:
        """Another count. What a fork changes waits for fork_delay, what an end does for terminate_delay."""
        self.count = count
        if self.state is not None:
            delays = {Cause.FORK: self.wanted.fork_delay, Cause.EXIT: self.wanted.terminate_delay}
            self._judge(delays.get(cause, 0.0))

    @property
    def text(self) -> str:
        """How it is, as a sentence."""
        return f"vrrp_track_process {self.wanted.name} is {'up' if self.state else 'down'}: {self._shown()}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        """What it adds to the priority of one that tracks it like this."""
        return contribution(weight, reverse, self.state)

    def stop(self) -> None:
        """No change any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def describe(self) -> JSON:
        """What status shows; `delay` is what is left of a delay that runs."""
        left = None if self._timer is None else max(0.0, self._timer.when() - self._loop.time())
        return {
            "name": self.wanted.name,
            "type": "process",
            "state": {True: "up", False: "down", None: "unknown"}[self.state],
            "count": self.count,
            "quorum": self.wanted.quorum,
            "quorum_max": self.wanted.quorum_max,
            "delay": None if left is None else round(left, 3),
            "source": self.source,
        }

    def _is_enough(self) -> bool:
        most = self.wanted.quorum_max
        return self.count >= self.wanted.quorum and (most is None or self.count <= most)

    def _judge(self, delay: float) -> None:
        is_enough = self._is_enough()
        if is_enough == self.state:
            self.stop()
        elif delay == 0:
            self._become(is_enough)
        elif self._timer is None:
            self._timer = self._loop.call_later(delay, self._become, is_enough)

    def _become(self, state: bool) -> None:
        self.stop()
        was_known = self.state is not None
        self.state = state
        if was_known or not state:
            log.log(logging.INFO if state else logging.WARNING, "%s", self.text)
        self._on_change(self.wanted.name)

    def _shown(self) -> str:
        least, most = self.wanted.quorum, self.wanted.quorum_max
        if most is None:
            wanted = f"{least} wanted"
        elif most == least:
            wanted = f"{least} wanted, no more" if least else "none wanted"
        else:
            wanted = f"{least} to {most} wanted"
        return f"{self.count} running, {wanted}"

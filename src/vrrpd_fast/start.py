"""Waiting before virtual routers take part: vrrp_startup_delay and vrrp_delay_after_boot."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from vrrpd_fast.model import Process

log = logging.getLogger(__name__)

UPTIME = Path("/proc/uptime")


class Start:
    """When virtual routers begin: `on_begin` is called once then."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_begin: Callable[[], None]) -> None:
        self._loop = loop
        self._on_begin = on_begin
        self._started = loop.time()
        self._until = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._is_over = False

    def configure(self, process: Process) -> None:
        """Delays as configured now, counted from the start; no effect once virtual routers have begun."""
        if self._is_over:
            return
        self.close()
        now = self._loop.time()
        after_boot = process.delay_after_boot and process.delay_after_boot - _uptime()
        self._until = max(self._started + process.startup_delay, now + after_boot)
        if self._until > now:
            log.info("virtual routers begin in %.1f s", self._until - now)
            self._handle = self._loop.call_later(self._until - now, self._begin)
        else:
            self._begin()

    @property
    def reason(self) -> str | None:
        """Why virtual routers wait; None when they need not."""
        if self._is_over:
            return None
        left = max(0.0, self._until - self._loop.time())
        return f"waits {left:.1f} s more (vrrp_startup_delay, vrrp_delay_after_boot)"

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _begin(self) -> None:
        self._handle = None
        self._is_over = True
        self._on_begin()


def _uptime() -> float:
    """Seconds since the machine was booted."""
    return float(UPTIME.read_text().split()[0])

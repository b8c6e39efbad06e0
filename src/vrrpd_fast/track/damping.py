"""Damping: what goes up and down again and again counts as down until it has been up for a while."""

import asyncio
import logging
from collections.abc import Callable

from vrrpd_fast.model import JSON
from vrrpd_fast.track.priority import Fault, contribution
from vrrpd_fast.track.readings import Judged

log = logging.getLogger(__name__)


class Damped:
    """Stands before a tracker, which `find` gives, and calls `on_change` when its own state is another.

    Down counts at once, always. Up counts at once too, unless it has gone down twice within `seconds`: then
    it flaps, and counts as up only when it has been up for `seconds` without a break.
    """

    def __init__(
        self,
        title: str,
        seconds: float,
        loop: asyncio.AbstractEventLoop,
        find: Callable[[], Judged],
        on_change: Callable[[], None],
    ) -> None:
        self.seconds = seconds
        self.state = self._seen = find().state
        self._title = title
        self._loop = loop
        self._find = find
        self._on_change = on_change
        self._fell_at: float | None = None
        self._flaps = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def text(self) -> str:
        """How it is, as a sentence."""
        text = self._find().text
        if self._timer is None:
            return text
        return f"{text}, but flaps: it is to be up for {self.seconds:g} s first"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        """What it adds to the priority of one that tracks it like this."""
        return contribution(weight, reverse, self.state)

    def describe(self) -> JSON:
        """Its entry in status; `damped` is how many seconds it is still to be up."""
        left = None if self._timer is None else round(max(0.0, self._timer.when() - self._loop.time()), 3)
        held = {} if left is None else {"state": "down"}
        return {**self._find().describe(), **held, "damped": left}

    def look(self) -> None:
        """The tracker may say something else now."""
        before, self._seen = self._seen, self._find().state
        if self._seen is before:
            return
        self.stop()
        if self._seen and self._flaps:
            self._timer = self._loop.call_later(self.seconds, self._settle)
            return
        if before and not self._seen:
            self._note_fall()
        self._become(self._seen)

    def stop(self) -> None:
        """Nothing is told any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _note_fall(self) -> None:
        now = self._loop.time()
        since = None if self._fell_at is None else now - self._fell_at
        if since is not None and since < self.seconds and not self._flaps:
            self._flaps = True
            log.warning(
                "%s flaps: it went down twice within %.3g s, and counts when it has been up for %g s",
                self._title,
                since,
                self.seconds,
            )
        self._fell_at = now

    def _settle(self) -> None:
        self._timer = None
        self._flaps = False
        log.info("%s has been up for %g s and counts again", self._title, self.seconds)
        self._become(True)

    def _become(self, state: bool | None) -> None:
        if state is not self.state:
            self.state = state
            self._on_change()

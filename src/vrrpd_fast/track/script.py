"""A vrrp_script on the loop: runs at its interval, and a judgement that rise and fall steady."""

import asyncio
import logging
from collections.abc import Callable

from .. import model
from ..judgement import Judgement
from ..log import RateLimit
from ..model import NS_PER_S
from ..spawn.command import command, resolve_user
from ..spawn.spawn import Result, Run, Spawner
from .priority import Fault, contribution

log = logging.getLogger(__name__)


class ScriptTracker:
    """Runs one vrrp_script; `on_change(tracker)` is called when `state` changes, first from None."""

    def __init__(
        self, script: model.Script, spawner: Spawner, on_change: Callable[["ScriptTracker"], None]
    ) -> None:
        """ValueError when the script line or its user cannot be used."""
        self.script = script
        self.runs = 0
        self.skipped = 0
        self.last_result: Result | None = None
        self._argv = command(script.script)
        self._identity = resolve_user(script.user, script.group)
        self._spawner = spawner
        self._on_change = on_change
        self._judgement = Judgement(script.rise, script.fall, script.init_fail)
        self._run: Run | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._limit = RateLimit(1, 60.0)

    @property
    def state(self) -> bool | None:
        """True up, False down, None before the first result."""
        return self._judgement.state

    @property
    def text(self) -> str:
        return f"vrrp_script {self.script.name} is {'up' if self.state else 'down'}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        return contribution(weight, reverse, self.state)

    def start(self, share: float = 1.0) -> None:
        """Run now, after `share` (0 < share ≤ 1) of the interval, and at every interval from there."""
        self._due = self._spawner.loop.time() - (1.0 - share) * self.script.interval
        self._tick()

    def stop(self) -> None:
        """No more runs and no more changes; a run in flight ends by itself or by its timeout."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._run is not None:
            self._run.forget()

    def describe(self) -> dict[str, object]:
        """What status shows of this script; durations in seconds."""
        result = self.last_result
        return {
            "name": self.script.name,
            "type": "script",
            "state": {True: "up", False: "down", None: "unknown"}[self.state],
            "last_result": None if result is None else str(result),
            "last_duration": None if result is None else round(result.duration_ns / NS_PER_S, 6),
            "runs": self.runs,
            "skipped": self.skipped,
        }

    def _tick(self) -> None:
        loop = self._spawner.loop
        # Intervals that a blocked loop slept through are not caught up.
        missed = max(0, int((loop.time() - self._due) / self.script.interval))
        self._due += (missed + 1) * self.script.interval
        self._timer = loop.call_at(self._due, self._tick)
        if self._run is not None and self._run.is_alive:
            self.skipped += 1
            self._say("skip", logging.WARNING, "the last run has not ended, one is left out")
            return
        self.runs += 1
        self._run = self._spawner.launch(
            self._argv,
            timeout=self.script.timeout,
            identity=self._identity,
            on_result=self._on_result,
        )

    def _on_result(self, result: Result) -> None:
        self.last_result = result
        if not result.is_verdict:
            self._say("lost", logging.ERROR, f"could not be run, nothing is concluded: {result}")
            return
        was_known = self.state is not None
        if self._judgement.add(result.is_success):
            self._tell_change(result, was_known)
            self._on_change(self)
        elif result.is_success != self.state:
            against, needed = self._judgement.progress
            log.debug("vrrp_script %s: %s, %d of %d", self.script.name, result, against, needed)

    def _tell_change(self, result: Result, was_known: bool) -> None:
        script = self.script
        if result.is_success:
            count = f" after {script.rise} of {script.rise} successes" if was_known else " at its first run"
            log.info("vrrp_script %s: succeeded%s", script.name, count)
        else:
            count = f" after {script.fall} of {script.fall} failures" if was_known else " at its first run"
            log.warning("vrrp_script %s: failed (%s)%s", script.name, result, count)

    def _say(self, key: str, level: int, text: str) -> None:
        self._limit.log(log, level, key, "vrrp_script %s: %s", self.script.name, text)

"""Notify scripts: those of one virtual router run one after the other, those of different ones side by side.

keepalived starts every script at once and forgets it, so that two scripts of one instance can overtake each
other and a takeover of thousands starts thousands of processes. Here they wait their turn, in bounded memory.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable

from msgspec import Struct

from ..log import RateLimit
from ..model import JSON, Command
from ..spawn.command import Identity, arguments
from ..spawn.spawn import Result, Run, Spawner
from .events import Event, Word

log = logging.getLogger(__name__)

# Scripts younger than SETTLED seconds, which work; older ones wait for something and leave their place.
AT_ONCE = max(8, 4 * (os.cpu_count() or 1))
SETTLED = 1.0
MOST = 256  # scripts of any age
LAUNCHES_PER_TURN = 2
WAITING_LIMIT = 64  # scripts of one virtual router that wait; more means that they hang
PATIENCE = 30.0  # seconds after which the next script of a virtual router no longer waits for this one
LIFETIME = 600.0  # seconds after which a script is killed
OVERDUE_LIMIT = 64  # scripts beyond PATIENCE; the oldest is killed when there are more


class Job(Struct, frozen=True):
    """A script to be run: the word of the configuration that names it, what and as whom, with what."""

    word: str
    command: Command
    more: tuple[str, ...]
    event: Event


class Running(Struct):
    job: Job
    started: float  # loop time
    run: Run | None = None


class ScriptQueue:
    """Runs the scripts of all virtual routers through the spawn helper, some at a time."""

    def __init__(
        self,
        spawner: Spawner,
        identity: Callable[[Command], Identity | None],
        *,
        at_once: int = AT_ONCE,
        most: int = MOST,
        waiting_limit: int = WAITING_LIMIT,
        patience: float = PATIENCE,
        lifetime: float = LIFETIME,
        overdue_limit: int = OVERDUE_LIMIT,
    ) -> None:
        self.ran = 0
        self.failed = 0
        self.dropped = 0
        self._spawner = spawner
        self._identity = identity
        self._at_once = at_once
        self._most = most
        self._waiting_limit = waiting_limit
        self._patience = patience
        self._lifetime = lifetime
        self._overdue_limit = overdue_limit
        self._waiting: dict[str, deque[Job]] = {}  # by name of the virtual router
        self._ready: deque[str] = deque()  # those with something that waits and nothing that runs
        self._running: dict[str, Running] = {}  # the longest running first
        self._young: dict[str, Running] = {}  # those of them that have not settled
        self._overdue: dict[int, Running] = {}  # by id, oldest first
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._limit = RateLimit(10, 10.0)

    @property
    def waiting(self) -> int:
        return sum(map(len, self._waiting.values()))

    def describe(self) -> JSON:
        """Counters for status."""
        return {
            "run": self.ran,
            "failed": self.failed,
            "dropped": self.dropped,
            "waiting": self.waiting,
            "running": len(self._running) + len(self._overdue),
        }

    def add(self, job: Job) -> None:
        """Run a script after those of the same virtual router. One too many drops the oldest that waits."""
        name = job.event.name
        waiting = self._waiting.setdefault(name, deque())
        if job.event.word is Word.MASTER_RX_LOWER_PRI and any(
            other.event.word is job.event.word for other in waiting
        ):
            return  # one run answers all that was heard before it starts
        if len(waiting) >= self._waiting_limit:
            waiting.popleft()
            self.dropped += 1
            self._say(job, logging.ERROR, "%d scripts wait, the oldest is not run", self._waiting_limit)
        waiting.append(job)
        if len(waiting) == 1 and name not in self._running:
            self._ready.append(name)
        self._go_on()

    async def drain(self, limit: float) -> int:
        """Until all have run, at most `limit` seconds; how many have not."""
        end = self._spawner.loop.time() + limit
        while (self._waiting or self._running) and self._spawner.loop.time() < end:
            await asyncio.sleep(0.01)
        return self.waiting + len(self._running)

    def close(self) -> None:
        """Start no more; what runs is the helper's to end."""
        for handle in (self._turn, self._timer):
            if handle is not None:
                handle.cancel()
        for running in (*self._running.values(), *self._overdue.values()):
            if running.run is not None:
                running.run.forget()
        self._ready.clear()
        self._waiting.clear()

    @property
    def _has_room(self) -> bool:
        return len(self._young) < self._at_once and len(self._running) + len(self._overdue) < self._most

    def _go_on(self) -> None:
        if self._turn is None and self._ready and self._has_room:
            self._turn = self._spawner.loop.call_soon(self._launch_some)

    def _launch_some(self) -> None:
        self._turn = None
        for _ in range(LAUNCHES_PER_TURN):
            if not self._ready or not self._has_room:
                break
            self._launch(self._ready.popleft())
        self._go_on()

    def _launch(self, name: str) -> None:
        waiting = self._waiting[name]
        job = waiting.popleft()
        if not waiting:
            del self._waiting[name]
        running = Running(job, self._spawner.loop.time())
        self._running[name] = self._young[name] = running
        self.ran += 1
        running.run = self._spawner.launch(
            [*arguments(job.command.script), *job.more],
            timeout=self._lifetime,
            identity=self._identity(job.command),
            environment=job.event.environment(),
            on_result=lambda result: self._on_result(running, result),
        )
        if job.event.story is not None:
            job.event.story.note("script_started", word=job.word)
        self._watch()

    def _on_result(self, running: Running, result: Result) -> None:
        if (story := running.job.event.story) is not None:
            took_us = round((self._spawner.loop.time() - running.started) * 1e6)
            story.note("script_ended", word=running.job.word, result=str(result), took_us=took_us)
        if not result.is_success:
            self.failed += 1
            self._say(running.job, logging.WARNING, "%s", result)
        if self._overdue.pop(id(running), None) is None:
            self._next(running.job.event.name)

    def _next(self, name: str) -> None:
        """The script of a virtual router has ended, or is waited for no longer."""
        del self._running[name]
        self._young.pop(name, None)
        if name in self._waiting:
            self._ready.append(name)
        self._go_on()

    def _watch(self) -> None:
        """While scripts run, look now and then how long they have."""
        if self._timer is None and self._running:
            self._timer = self._spawner.loop.call_later(min(SETTLED, self._patience), self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._spawner.loop.time()
        for name, running in list(self._young.items()):
            if running.started + SETTLED > now:
                break
            del self._young[name]
        for name, running in list(self._running.items()):
            if running.started + self._patience > now:
                break
            self._say(
                running.job, logging.WARNING, "runs for %g s, the next one waits no longer", self._patience
            )
            self._overdue[id(running)] = running
            self._next(name)
            if len(self._overdue) > self._overdue_limit:
                oldest = next(iter(self._overdue.values()))
                assert oldest.run is not None
                self._say(oldest.job, logging.ERROR, "killed: too many scripts hang")
                self._spawner.stop(oldest.run)
        self._watch()
        self._go_on()

    def _say(self, job: Job, level: int, text: str, *arguments: object) -> None:
        where = f"instance {job.event.name}: {job.word} script {job.command.script}: "
        about = {"instance": job.event.name}
        self._limit.log(log, level, job.word, "%s" + text, where, *arguments, extra=about)

"""A configured FIFO at work: its owner, its lines, and the script that reads it."""

import asyncio
import logging

from ..model import JSON, Command, Fifo
from ..spawn.command import arguments, resolve_user
from ..spawn.spawn import Result, Run, Spawner
from .fifo import EventFifo

log = logging.getLogger(__name__)

# A script that keeps ending is started again at once, then after 1, 2, 4, … s.
DELAY_LIMIT = 60.0
HEALTHY_AFTER = 60.0
READ_PATIENCE = 1.0  # seconds that a reader may pause at the end
READ_LIMIT = 5.0  # seconds that it has at the end
LEAVE_PATIENCE = 0.5  # seconds that a script has to end by itself when its FIFO has ended


class FifoScript:
    """Keeps one script running; the path of its FIFO is its last argument."""

    def __init__(self, spawner: Spawner, command: Command, path: str) -> None:
        """ValueError when the command or its user cannot be used."""
        self.command = command
        self.restarts = 0
        self._spawner = spawner
        self._argv = [*arguments(command.script), path]
        self._identity = resolve_user(command.user, command.group)
        self._run: Run | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._delay = 0.0
        self._started_at = 0.0
        self._ended = asyncio.Event()
        self._is_stopping = False

    def start(self) -> None:
        self._timer = None
        self._started_at = self._spawner.loop.time()
        self._run = self._spawner.launch(
            self._argv, timeout=None, identity=self._identity, on_result=self._on_end
        )

    async def stop(self, patience: float) -> None:
        """End it, unless it goes by itself within `patience` seconds."""
        self._is_stopping = True
        if self._timer is not None:
            self._timer.cancel()
        if self._run is None or not self._run.is_alive:
            return
        try:
            async with asyncio.timeout(patience):
                await self._ended.wait()
        except TimeoutError:
            self._spawner.stop(self._run)

    def _on_end(self, result: Result) -> None:
        if self._is_stopping:
            self._ended.set()
            return
        loop = self._spawner.loop
        if loop.time() - self._started_at > HEALTHY_AFTER:
            self._delay = 0.0
        delay = self._delay
        self._delay = min(max(1.0, delay * 2), DELAY_LIMIT)
        when = f"in {delay:.0f} s" if delay else "at once"
        log.warning("FIFO script %s ended (%s); it is started again %s", self._argv[0], result, when)
        self._timer = loop.call_later(delay, self._start_again)

    def _start_again(self) -> None:
        self.restarts += 1
        self.start()


class Channel:
    """Opened at once; OSError or ValueError when the FIFO, its owner or its script cannot be used."""

    def __init__(self, spawner: Spawner, given: Fifo, umask: int | None) -> None:
        self.given = given
        self._spawner = spawner
        self._script: FifoScript | None = None
        self._fresh = self._prepare(given)
        self._fifo = EventFifo(spawner.loop, given.path, owner=_owner(given), umask=umask)

    @property
    def is_in_place(self) -> bool:
        """Whether the path still leads to what we write to."""
        return self._fifo.is_in_place

    def write(self, line: bytes) -> None:
        self._fifo.write(line)

    def prepare(self, given: Fifo) -> None:
        """Look whether it could be used as `given` now says. ValueError, and nothing is changed, if not."""
        _owner(given)
        self._fresh = self._prepare(given)

    def _prepare(self, given: Fifo) -> FifoScript | None:
        """The script, unless it is the one that runs."""
        if given.script is None or (self._script is not None and self._script.command == given.script):
            return None
        return FifoScript(self._spawner, given.script, given.path)

    def use(self, given: Fifo) -> FifoScript | None:
        """Be as last prepared. The FIFO stays open; a script that is no longer wanted is returned."""
        owner = _owner(given)
        if owner != _owner(self.given) and owner is not None:
            self._fifo.chown(owner)
        self.given = given
        former = None
        if self._script is not None and self._script.command != given.script:
            former, self._script = self._script, None
        if self._fresh is not None:
            self._script, self._fresh = self._fresh, None
            self._script.start()
        return former

    async def end(self) -> None:
        """Let the reader take what waits, if it does; then close and remove the FIFO and end the script."""
        lost = await self._fifo.drain(READ_PATIENCE, READ_LIMIT)
        if lost:
            log.warning("FIFO %s: %d lines were read by nobody", self.given.path, lost)
        self._fifo.close()
        if self._script is not None:
            await self._script.stop(LEAVE_PATIENCE)

    def abandon(self) -> None:
        """Close it at once; nothing has been written."""
        self._fifo.close()

    def describe(self) -> JSON:
        """Counters for status."""
        return {
            "path": self.given.path,
            "written": self._fifo.written,
            "waiting": self._fifo.waiting,
            "dropped": self._fifo.dropped,
            "script_restarts": 0 if self._script is None else self._script.restarts,
        }


def _owner(given: Fifo) -> tuple[int, int] | None:
    """Whose the FIFO is to be; None for ours. ValueError names an unknown user."""
    if given.user is None:
        return None
    identity = resolve_user(given.user, given.group)
    return None if identity is None else (identity.uid, identity.gid)

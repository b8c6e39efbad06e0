"""What a kind of probe gives, and what it gets: checks, their outcomes, and what they share."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from msgspec import Struct

log = logging.getLogger(__name__)


class Outcome(Struct, frozen=True):
    """How a run ended; `text` is for people, a few words without a full stop."""

    is_success: bool
    text: str


Conclude = Callable[[Outcome], None]


class Check(Protocol):
    """One configured probe, run again and again and never twice at a time.

    What keeps a run from a verdict is a failure: `begin` may raise OSError, which is told by its text.
    """

    def begin(self, conclude: Conclude) -> None:
        """Start a run without waiting for anything; `conclude` once when it is over, also from within."""

    def abandon(self) -> None:
        """The run has timed out or nobody wants it any more: let go of all it holds, conclude nothing."""

    def close(self) -> None:
        """The probe is not configured any more; no run is under way. Let go of what outlives a run."""


class Shared(Protocol):
    """Something that many checks use: a socket, a cache."""

    def close(self) -> None: ...


S = TypeVar("S", bound=Shared)


class Context:
    """What all checks of the helper have in common."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._shared: dict[object, Any] = {}

    def shared(self, make: Callable[["Context"], S]) -> S:
        """The one thing that `make(context)` makes, at first use; at the next one if it raised."""
        if make not in self._shared:
            self._shared[make] = make(self)
        thing: S = self._shared[make]
        return thing

    def close(self) -> None:
        for thing in self._shared.values():
            thing.close()
        self._shared.clear()


class TaskCheck:
    """A check that is written as a coroutine, `run`. A task per run costs some 20 µs: not for what is cheap.

    A run is cancelled when it is abandoned. OSError is a failure with its text.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> Outcome:
        raise NotImplementedError

    def begin(self, conclude: Conclude) -> None:
        self._task = self.context.loop.create_task(self._run(conclude))

    def abandon(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def close(self) -> None:
        """Nothing outlives a run."""

    async def _run(self, conclude: Conclude) -> None:
        with suppress(asyncio.CancelledError):
            conclude(await self._outcome())

    async def _outcome(self) -> Outcome:
        try:
            return await self.run()
        except OSError as error:
            return failure(error)
        except Exception as error:
            return broken(error)


def failure(error: OSError) -> Outcome:
    """The failure that an OSError means."""
    return Outcome(False, error.strerror or str(error) or type(error).__name__)


def broken(error: Exception) -> Outcome:
    """The failure that a mistake of ours means."""
    log.error("a probe failed in itself", exc_info=error)
    return Outcome(False, f"internal error: {error!r}")

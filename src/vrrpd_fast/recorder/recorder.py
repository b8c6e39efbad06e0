"""The flight recorder: takes notes at once, makes events of them, and writes them after everything else."""

import asyncio
import json
import logging
import os
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from vrrpd_fast.holds import Holds
from vrrpd_fast.model import JSON, Instance, Transition
from vrrpd_fast.recorder import tale
from vrrpd_fast.recorder.ring import RECORD_LIMIT, Ring
from vrrpd_fast.story import Story

log = logging.getLogger(__name__)

PER_SLICE = 16
LIMIT = 50_000  # events that may wait; then the oldest are lost, and counted
LATER_SECONDS = 1.0  # what comes after a transition was told is gathered for so long
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"

_encode = msgspec.json.Encoder().encode


class _Told:
    """A transition whose steps are still to be made words of."""

    __slots__ = ("event", "facts", "instance", "priority", "story")

    def __init__(
        self, facts: JSON, story: Story, event: Transition, instance: Instance, priority: int
    ) -> None:
        self.facts = facts
        self.story = story
        self.event = event
        self.instance = instance
        self.priority = priority


class Recorder:
    """One per daemon. Without `open` it makes ids and writes nothing. `is_busy` says whether to wait.

    `on_takeover(step, late_ns)` is told how late each step of a takeover was (tale.lateness).
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        is_busy: Callable[[], bool],
        holds: Holds,
        on_takeover: Callable[[int, int], None] = lambda step, late_ns: None,
    ) -> None:
        self.lost = 0  # events that could not be written
        self._loop = loop
        self._is_busy = is_busy
        self._holds = holds
        self._on_takeover = on_takeover
        self._ring: Ring | None = None
        self._run = "".join(LETTERS[byte % len(LETTERS)] for byte in os.urandom(4))
        self._number = 0
        self._waiting: deque[JSON | _Told | Story] = deque()
        self._later: dict[Story, None] = {}  # stories that have gone on since they were told
        self._on_later = self._note_later  # one for all of them
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_failing = False

    def open(self, socket_path: str) -> None:
        """Write beside this control socket from now on. Without room for that, the log says so once."""
        try:
            self._ring = Ring(socket_path)
        except OSError as error:
            log.warning("events are not recorded: %s", error)

    def close(self) -> None:
        """Write what there is."""
        for handle in (self._turn, self._timer):
            if handle is not None:
                handle.cancel()
        self._gather()
        while self._waiting:
            self._write_some()
        if self._ring is not None:
            self._ring.close()
            self._ring = None

    # -- what others tell ---------------------------------------------------------------------------------

    def new_id(self) -> str:
        """Of one more failover."""
        self._number += 1
        return f"{self._run}-{self._number}"

    def note(self, event: str, /, at: float | None = None, **facts: Any) -> None:
        """Something happened now, or `at` seconds since 1970. What is None or empty is left out."""
        if self._ring is not None:
            head = {"time": round(time.time() if at is None else at, 6), "event": event}
            self._add(head | {key: value for key, value in facts.items() if value not in (None, "", [], {})})

    def transition(
        self, story: Story, event: Transition, instance: Instance, at: float, priority: int, **facts: Any
    ) -> None:
        """A transition whose work is done, as far as it will be; `priority` is that of its time."""
        if self._ring is None:
            story.take()
            return
        head = {"time": round(at, 6), "event": "transition", "instance": instance.name, "id": story.id}
        kept = {key: value for key, value in facts.items() if value}
        self._add(
            _Told(
                head | tale.transition(event) | {"priority": priority} | kept,
                story,
                event,
                instance,
                priority,
            )
        )

    # -- writing ------------------------------------------------------------------------------------------

    def _add(self, what: JSON | _Told | Story) -> None:
        if len(self._waiting) >= LIMIT:
            self._waiting.popleft()
            self.lost += 1
        self._waiting.append(what)
        if self._turn is None:
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._turn = None
        if not self._is_busy():
            with self._holds.during("events"):
                self._write_some()
        if self._waiting:
            self._turn = self._loop.call_soon(self._serve)

    def _write_some(self) -> None:
        """A slice of what waits, in one write."""
        count = min(PER_SLICE, len(self._waiting))
        made = (self._complete(self._waiting.popleft()) for _ in range(count))
        events = [event for event in made if event is not None]
        if self._ring is None:
            return
        try:
            self._ring.append(
                [_text(number, event) for number, event in enumerate(events, self._ring.last + 1)]
            )
            self._is_failing = False
        except OSError as error:
            self.lost += len(events)
            if not self._is_failing:
                self._is_failing = True
                log.warning("events are lost: %s: %s", self._ring.path, error.strerror or error)

    def _complete(self, what: JSON | _Told | Story) -> JSON | None:
        """The event that is written; None when there is nothing to tell any more."""
        if isinstance(what, Story):
            return _sequel(what)
        if not isinstance(what, _Told):
            return what
        facts, story, event = what.facts, what.story, what.event
        marks = story.take()
        for step, late_ns in tale.lateness(event, marks):
            self._on_takeover(step, late_ns)
        facts["steps"] = tale.steps(event, what.instance, what.priority, marks)
        if story.lost:
            facts["cut"] = tale.too_long(story.lost)
            story.lost = 0
        story.tell_later(self._on_later)
        return facts

    def _note_later(self, story: Story) -> None:
        self._later[story] = None
        if self._timer is None:
            self._timer = self._loop.call_later(LATER_SECONDS, self._gather)

    def _gather(self) -> None:
        """What came after transitions were told becomes events of its own."""
        self._timer = None
        later, self._later = self._later, {}
        for story in later:
            self._add(story)


def _sequel(story: Story) -> JSON | None:
    """What a story has since it was told."""
    steps = tale.work(story.at_ns, story.take())
    if not steps:
        return None
    head = {"time": round(time.time(), 6), "event": "steps", "instance": story.name, "id": story.id}
    lost, story.lost = story.lost, 0
    return head | {"steps": steps} | ({"cut": tale.too_long(lost)} if lost else {})


def _text(number: int, event: JSON) -> bytes:
    """One record. What is too long for one keeps its head."""
    try:
        text = _encode({"seq": number} | event)
    except UnicodeEncodeError:  # a name with bytes that are no UTF-8
        text = json.dumps({"seq": number} | event, ensure_ascii=False).encode(errors="replace")
    if len(text) <= RECORD_LIMIT:
        return text
    short = {key: value for key, value in event.items() if not isinstance(value, (list, dict))}
    short = {key: value[:1000] if isinstance(value, str) else value for key, value in short.items()}
    return _encode({"seq": number} | short | {"cut": "too long to be recorded"})

"""What is done for one transition, noted while it is done: times and counts, nothing that costs.

A note is a tuple; words are made of it when the story is told (recorder/), long after what moves traffic.
"""

import time
from collections.abc import Callable, Collection
from typing import Any

MARKS_LIMIT = 64  # of one story that wait to be told; more is a virtual router with very many addresses

# When it began (ns of CLOCK_MONOTONIC), what was done, to how many, how long it took (ns), and more facts.
Mark = tuple[int, str, int, int, dict[str, Any] | None]


class Story:
    """The work that one transition of the virtual router `name` causes. `at_ns` is the transition's time."""

    __slots__ = ("_on_mark", "at_ns", "done", "id", "lost", "marks", "name", "wanted")

    def __init__(self, id: str, name: str, at_ns: int) -> None:
        self.id = id  # of the failover; members of a sync group share it
        self.name = name
        self.at_ns = at_ns
        self.marks: list[Mark] = []
        self.lost = 0  # marks beyond the limit
        self.wanted = 0  # what the kernel is to add or remove
        self.done = 0  # of that
        self._on_mark: Callable[[Story], None] | None = None

    def mark(
        self, what: str, at_ns: int, count: int = 0, took_ns: int = 0, facts: dict[str, Any] | None = None
    ) -> None:
        """Something was done."""
        if len(self.marks) < MARKS_LIMIT:
            self.marks.append((at_ns, what, count, took_ns, facts))
        else:
            self.lost += 1
        if self._on_mark is not None:
            self._on_mark(self)

    def add(self, count: int, marks: Collection[Mark]) -> None:
        """So many of what is wanted are done, and this is to be told of it."""
        self.done += count
        if len(self.marks) < MARKS_LIMIT:
            self.marks += marks
        else:
            self.lost += len(marks)
        if self._on_mark is not None:
            self._on_mark(self)

    def note(self, what: str, **facts: Any) -> None:
        """Something was done just now."""
        self.mark(what, time.monotonic_ns(), facts=facts)

    def take(self) -> list[Mark]:
        """What is to be told; it is forgotten here."""
        marks, self.marks = self.marks, []
        return marks

    def tell_later(self, on_mark: Callable[["Story"], None]) -> None:
        """It has been told; `on_mark` is called for what comes after."""
        self._on_mark = on_mark

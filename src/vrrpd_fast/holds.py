"""What held the loop: steps of ours that took long are noted, so that a late tick can name its cause."""

import time
from types import TracebackType

NOTED_NS = 1_000_000  # a shorter step makes nobody late


class Holds:
    """Used as `with holds.during("reload"): …` around every step that handles many things at once."""

    def __init__(self) -> None:
        self._what = ""
        self._began_ns = 0
        self._longest: tuple[str, int, int] = ("", 0, 0)  # what, from, to

    def during(self, what: str) -> "Holds":
        """Name the step that begins; steps do not nest."""
        self._what = what
        return self

    def __enter__(self) -> None:
        self._began_ns = time.monotonic_ns()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.note(self._what, self._began_ns)

    def note(self, what: str, began_ns: int) -> None:
        """A step that ends now."""
        ended_ns = time.monotonic_ns()
        took_ns = ended_ns - began_ns
        _, other_began_ns, other_ended_ns = self._longest
        # It replaces the last long one, unless that was longer and both are the same delay's.
        is_longer = took_ns > other_ended_ns - other_began_ns
        if took_ns > NOTED_NS and (is_longer or began_ns > other_ended_ns + took_ns):
            self._longest = (what, began_ns, ended_ns)

    def blame(self, late_ns: int, at_ns: int) -> str | None:
        """Which step of ours made a tick come `late_ns` late at `at_ns`; None: the process did not run."""
        what, began_ns, ended_ns = self._longest
        overlap_ns = min(ended_ns, at_ns) - max(began_ns, at_ns - late_ns)
        return what if 2 * overlap_ns >= late_ns else None

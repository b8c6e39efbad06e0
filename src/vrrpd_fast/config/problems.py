"""What is wrong with a configuration, noted by key path first; line and column are looked up afterwards.

The usual file is right, so nothing here costs anything until the first problem. Some problems are noted with
the place itself: what they are about is no part of the document that the path could lead to.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from msgspec import Struct

from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.model import Severity

Path = tuple[str | int, ...]

# Comparing words is quadratic in hostile hands: only the first mistakes get a suggestion.
_MOST_SUGGESTIONS = 50

_NAMED_BLOCKS = (
    "vrrp_instance",
    "vrrp_script",
    "vrrp_probe",
    "vrrp_track_process",
    "bfd_instance",
    "vrrp_sync_group",
)


class Problem(Struct, frozen=True, kw_only=True):
    """One finding; `place` is None until it is looked up. `other` is a second place the message refers to."""

    path: Path
    message: str
    severity: Severity = Severity.ERROR
    at_key: bool = False
    place: Place | None = None
    other: Path | None = None


class Problems:
    """Collects problems; what is said of a value that already failed on its own is dropped."""

    def __init__(self) -> None:
        self.items: list[Problem] = []
        self._malformed: set[Path] = set()
        self._suggestions = 0

    def at(self, place: Place, path: Path, message: str, severity: Severity = Severity.ERROR) -> None:
        """What stands at `place`, whatever else is wrong with it."""
        self.items.append(Problem(path=path, message=message, severity=severity, place=place))

    def malformed(
        self, path: Path, message: str, *, at_key: bool = False, place: Place | None = None
    ) -> None:
        """A value that is not even of the right shape: whatever follows from it would only mislead."""
        if path in self._malformed:
            return
        self.items.append(Problem(path=path, message=message, at_key=at_key, place=place))
        self._malformed.add(path)
        depth = 3 if path[:1] and path[0] in _NAMED_BLOCKS else 2
        self._malformed.update(path[:length] for length in range(depth, len(path)))

    def incomplete(self, path: Path) -> None:
        """Something of it had to be left out: whatever rests on all of it would only mislead."""
        self._malformed.add(path)

    def error(
        self, path: Path, message: str, *causes: Path, at_key: bool = False, other: Path | None = None
    ) -> None:
        """`causes` are the other values the rule rests on."""
        self._add(Problem(path=path, message=message, at_key=at_key, other=other), causes)

    def warning(self, path: Path, message: str, *causes: Path, at_key: bool = False) -> None:
        self._add(Problem(path=path, message=message, severity=Severity.WARNING, at_key=at_key), causes)

    def _add(self, problem: Problem, causes: tuple[Path, ...]) -> None:
        # A block that is no object spoils all that is in it.
        if self._malformed and not self._malformed.isdisjoint((problem.path, problem.path[:2], *causes)):
            return
        self.items.append(problem)

    def suggestion(self, word: str, known: Iterable[str]) -> str:
        """`; did you mean "…"?` or nothing."""
        if self._suggestions >= _MOST_SUGGESTIONS:
            return ""
        self._suggestions += 1
        return near(word, known)


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean "…"?` or nothing."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(word.casefold(), by_folded, n=1)
    return f"; did you mean {quoted(by_folded[found[0]])}?" if found else ""


def quoted(text: str) -> str:
    """Text of the file made fit for one line of a terminal."""
    if len(text) > 80:
        text = text[:77] + "…"
    return f'"{printable(text)}"'


def printable(text: str) -> str:
    """Text that neither ends the line nor steers the terminal it is shown on."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def in_words(path: Path) -> str:
    """`vrrp_instance 50: priority` for ("vrrp_instance", "50", "priority"); places in lists are left out."""
    parts = [quoted(part)[1:-1] or '""' for part in path if isinstance(part, str)]
    if len(parts) > 1 and parts[0] in _NAMED_BLOCKS:
        parts[:2] = [f"{parts[0]} {parts[1]}"]
    return ": ".join(parts)

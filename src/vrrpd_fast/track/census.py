"""How many processes are what a vrrp_track_process looks for: events and looks into /proc, counted."""

import enum
from collections.abc import Collection, Mapping

from vrrpd_fast.model import ProcessCount
from vrrpd_fast.track import proc
from vrrpd_fast.track.connector import Event, What


class Cause(enum.Enum):
    """What made a count change, as far as delays ask."""

    FORK = enum.auto()  # a matching process has made another
    EXIT = enum.auto()
    OTHER = enum.auto()  # a program was started, or a process renamed


Counts = dict[str, tuple[int, Cause]]  # by name of the vrrp_track_process
_NOBODY: frozenset[str] = frozenset()


class Census:
    """Who counts for which of these. `changed` collects counts that are others now, until it is taken."""

    def __init__(self, wanted: Mapping[str, ProcessCount]) -> None:
        self.counts = dict.fromkeys(wanted, 0)
        self._by_name: dict[bytes, set[str]] = {}
        self._by_command: dict[bytes, list[tuple[str, bytes, bool]]] = {}  # by the first word
        self._size = 0  # bytes of a command line that tell enough
        self._matching: dict[int, frozenset[str]] = {}
        self._changed: Counts = {}
        for name, one in wanted.items():
            words = [word.encode(errors="surrogateescape") for word in one.command]
            if not one.by_command:
                self._by_name.setdefault(words[0], set()).add(name)
                continue
            # keepalived's ways: the whole line; its first words; the same, the last of them only begun.
            line = b"\0".join(words)
            if one.match != "initial" or len(words) == 1:
                line += b"\0"
            is_whole = one.match == "exact" and len(words) > 1
            self._by_command.setdefault(words[0], []).append((name, line, is_whole))
            self._size = max(self._size, len(line) + 1)

    @property
    def matching(self) -> Collection[int]:
        """The processes that count for anything."""
        return self._matching.keys()

    def take_changed(self) -> Counts:
        """What has changed since the last time, and by what most recently."""
        changed, self._changed = self._changed, {}
        return changed

    def follow(self, event: Event) -> None:
        """Take note of an event, whose process may have gone on since."""
        what, pid, parent = event
        if what is What.FORK:
            if parent in self._matching:  # the child has name and command line of its parent
                self._set(pid, self._matching[parent], Cause.FORK)
        elif what is What.EXEC:
            self._set(pid, self._named(pid) | self._commanded(pid), Cause.OTHER)
        elif what is What.COMM:
            commanded = self._matching.get(pid, _NOBODY).difference(*self._by_name.values())
            self._set(pid, self._named(pid) | commanded, Cause.OTHER)
        elif what is What.EXIT and pid in self._matching:
            self._set(pid, _NOBODY, Cause.EXIT)

    def look(self, pid: int) -> None:
        """See what a process is now, without an event; one that has come may come from a fork."""
        names = self._named(pid) | self._commanded(pid)
        if names and not proc.is_running(pid):
            names = _NOBODY
        before = self._matching.get(pid, _NOBODY)
        if names != before:
            self._set(pid, names, Cause.FORK if not before else Cause.EXIT if not names else Cause.OTHER)

    def _named(self, pid: int) -> frozenset[str]:
        return frozenset(self._by_name.get(proc.name(pid), ())) if self._by_name else _NOBODY

    def _commanded(self, pid: int) -> frozenset[str]:
        if not self._by_command:
            return _NOBODY
        line = proc.command(pid, self._size)
        known = self._by_command.get(line.partition(b"\0")[0], ())
        return frozenset(
            [
                name
                for name, text, is_whole in known
                if line.startswith(text) and not (is_whole and line != text)
            ]
        )

    def _set(self, pid: int, names: frozenset[str], cause: Cause) -> None:
        before = self._matching.get(pid, _NOBODY)
        if names:
            self._matching[pid] = names
        else:
            self._matching.pop(pid, None)
        for name in before ^ names:
            self.counts[name] += 1 if name in names else -1
            self._changed[name] = (self.counts[name], cause)

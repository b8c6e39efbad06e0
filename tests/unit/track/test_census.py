"""Who counts for what: names, command lines, and what events make of them."""

from collections.abc import Iterator

import pytest

from vrrpd_fast.model import ProcessCount
from vrrpd_fast.track import proc
from vrrpd_fast.track.census import Cause, Census
from vrrpd_fast.track.connector import What


class Machine:
    """Processes as /proc would show them: name and command line by pid."""

    def __init__(self) -> None:
        self.processes: dict[int, tuple[str, tuple[str, ...]]] = {}
        self.zombies: set[int] = set()

    def name(self, pid: int) -> bytes:
        return self.processes[pid][0].encode()[:15] if pid in self.processes else b""

    def command(self, pid: int, size: int) -> bytes:
        words = self.processes[pid][1] if pid in self.processes else ()
        return b"".join(word.encode() + b"\0" for word in words)[:size]

    def is_running(self, pid: int) -> bool:
        return pid in self.processes and pid not in self.zombies


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    made = Machine()
    for name in ("name", "command", "is_running"):
        monkeypatch.setattr(proc, name, getattr(made, name))
    yield made


def wanted(name: str, *command: str, by_command: bool = False, match: str = "exact") -> ProcessCount:
    return ProcessCount(name=name, command=command, by_command=by_command, match=match)


def census(*counted: ProcessCount) -> Census:
    return Census({one.name: one for one in counted})


# Tried with keepalived 2.2.7: which of these find a process with such a command line.
PATTERNS = (
    wanted("name", "d"),
    wanted("full", "d", by_command=True),
    wanted("none-initial", "d", by_command=True, match="initial"),
    wanted("none-partial", "d", by_command=True, match="partial"),
    wanted("initial", "d", "1", "2", by_command=True, match="initial"),
    wanted("partial", "d", "1", "2", by_command=True, match="partial"),
    wanted("exact", "d", "1", "2", by_command=True),
    wanted("one-word", "d 1 2", by_command=True),
    wanted("empty", "d", "", by_command=True),
    wanted("path", "/bin/d", by_command=True),
)
ANY = {"name", "full", "none-initial", "none-partial"}


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (("d",), ANY),
        (("d", "1"), ANY),
        (("d", "1", "2"), ANY | {"initial", "partial", "exact"}),
        (("d", "1", "23"), ANY | {"initial"}),
        (("d", "1", "2", "3"), ANY | {"initial", "partial"}),
        (("d", "1", "23", "4"), ANY | {"initial"}),
        (("d", "12", "2"), ANY),
        (("d 1 2",), {"name", "one-word"}),
        (("d", ""), ANY | {"empty"}),
        (("dx",), {"name"}),
        (("/bin/d", "1"), {"name", "path"}),
        ((), {"name"}),  # a kernel thread
    ],
)
def test_which_command_lines_count(machine: Machine, command: tuple[str, ...], found: set[str]) -> None:
    machine.processes[5] = ("d", command)
    counted = census(*PATTERNS)
    counted.follow((What.EXEC, 5, 0))
    assert {name for name, count in counted.counts.items() if count} == found


def test_events_move_the_count_and_tell_why(machine: Machine) -> None:
    counted = census(wanted("a", "a"), wanted("line", "a", by_command=True))
    machine.processes[1] = ("a", ("a",))
    counted.follow((What.EXEC, 1, 0))
    assert counted.take_changed() == {"a": (1, Cause.OTHER), "line": (1, Cause.OTHER)}
    counted.follow((What.FORK, 2, 1))
    counted.follow((What.FORK, 3, 99))  # of somebody who does not count
    assert counted.take_changed() == {"a": (2, Cause.FORK), "line": (2, Cause.FORK)}
    machine.processes[2] = ("b", ("a",))
    counted.follow((What.COMM, 2, 0))  # renamed, with the same command line
    assert counted.take_changed() == {"a": (1, Cause.OTHER)}
    machine.processes[2] = ("b", ("b",))
    counted.follow((What.EXEC, 2, 0))
    assert counted.take_changed() == {"line": (1, Cause.OTHER)}
    counted.follow((What.EXIT, 2, 0))
    assert counted.take_changed() == {}
    counted.follow((What.EXIT, 1, 0))
    assert counted.take_changed() == {"a": (0, Cause.EXIT), "line": (0, Cause.EXIT)}
    assert not counted.matching


def test_a_look_finds_what_no_event_told(machine: Machine) -> None:
    counted = census(wanted("a", "a"), wanted("b", "b"))
    machine.processes |= {1: ("a", ()), 2: ("a", ()), 3: ("b", ())}
    machine.zombies.add(2)
    for pid in (1, 2, 3, 4):
        counted.look(pid)
    assert counted.take_changed() == {"a": (1, Cause.FORK), "b": (1, Cause.FORK)}
    machine.processes[1] = ("b", ())
    del machine.processes[3]
    counted.look(1)
    assert counted.take_changed() == {"a": (0, Cause.OTHER), "b": (2, Cause.OTHER)}
    counted.look(3)
    assert counted.take_changed() == {"b": (1, Cause.EXIT)}


def test_a_process_that_is_gone_when_its_event_comes(machine: Machine) -> None:
    counted = census(wanted("a", "a"))
    counted.follow((What.EXEC, 1, 0))
    counted.follow((What.EXIT, 1, 0))
    assert counted.take_changed() == {}

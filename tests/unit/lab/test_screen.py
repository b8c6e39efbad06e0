"""What the lab shows, on a terminal and elsewhere."""

import io

from vrrpd_fast.lab.screen import MOVING, Screen


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def moving(text: str) -> str:
    return f"silent for {MOVING}{text}{MOVING}"


def test_elsewhere_a_table_is_printed_when_it_changed() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.table(["r1 BACKUP"])
    screen.table(["r1 BACKUP"])
    screen.table(["r1 MASTER"])
    assert stream.getvalue() == "r1 BACKUP\nr1 MASTER\n"


def test_what_moves_is_no_change() -> None:
    stream = io.StringIO()
    screen = Screen(stream)
    screen.table([moving("1 s")])
    screen.table([moving("2 s")])
    screen.table(["answered"])
    assert stream.getvalue() == "silent for 1 s\nanswered\n"


def test_on_a_terminal_the_table_is_redrawn_in_place() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.table(["a", moving("1 s")])
    screen.table(["a", moving("2 s")])
    assert stream.getvalue() == "a\nsilent for 1 s\n\x1b[2A\x1b[Ja\nsilent for 2 s\n"


def test_the_story_stands_above_the_table() -> None:
    stream = Terminal()
    screen = Screen(stream)
    screen.table(["a", "b"])
    screen.say("r2 took over")
    screen.table(["c"])
    assert stream.getvalue() == "a\nb\n\x1b[2A\x1b[Jr2 took over\nc\n"


def test_a_row_wider_than_the_terminal_is_cut() -> None:
    stream = Terminal()
    Screen(stream).table(["x" * 1000])
    assert len(stream.getvalue()) < 1000

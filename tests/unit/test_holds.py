"""Who is to blame for a late tick."""

import pytest

from vrrpd_fast import holds
from vrrpd_fast.holds import Holds

MS = 1_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 10_000 * MS

    def monotonic_ns(self) -> int:
        return self.now_ns


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(holds, "time", clock)
    return clock


def hold(noted: Holds, clock: Clock, what: str, milliseconds: float) -> None:
    with noted.during(what):
        clock.now_ns += int(milliseconds * MS)


def test_the_step_that_held_the_loop_is_named(clock: Clock) -> None:
    noted = Holds()
    hold(noted, clock, "reload", 9)
    assert noted.blame(8 * MS, clock.now_ns) == "reload"


def test_a_step_that_ended_before_the_tick_was_due_is_innocent(clock: Clock) -> None:
    noted = Holds()
    hold(noted, clock, "reload", 9)
    clock.now_ns += 20 * MS
    assert noted.blame(15 * MS, clock.now_ns) is None


def test_short_steps_explain_nothing(clock: Clock) -> None:
    noted = Holds()
    for _ in range(20):
        hold(noted, clock, "status", 0.9)
    assert noted.blame(18 * MS, clock.now_ns) is None


def test_the_longest_of_several_steps_is_named(clock: Clock) -> None:
    noted = Holds()
    hold(noted, clock, "addresses", 8)
    hold(noted, clock, "logging", 2)
    assert noted.blame(10 * MS, clock.now_ns) == "addresses"


def test_an_old_long_step_gives_way_to_a_new_one(clock: Clock) -> None:
    noted = Holds()
    hold(noted, clock, "addresses", 30)
    clock.now_ns += 100 * MS
    hold(noted, clock, "logging", 6)
    assert noted.blame(6 * MS, clock.now_ns) == "logging"


def test_a_step_that_raises_is_noted_too(clock: Clock) -> None:
    noted = Holds()
    with pytest.raises(KeyError), noted.during("reload"):
        clock.now_ns += 7 * MS
        raise KeyError
    assert noted.blame(7 * MS, clock.now_ns) == "reload"

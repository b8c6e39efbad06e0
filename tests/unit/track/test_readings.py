"""How a priority comes about, in words."""

from typing import Any

import pytest

from unit.samples import on_file, on_link, on_script
from vrrpd_fast.model import Track, TrackKind
from vrrpd_fast.track.priority import Fault, contribution, contribution_of_value
from vrrpd_fast.track.readings import Reading, explained


class Known:
    """Something tracked that is up, down, or a number."""

    text = ""

    def __init__(self, state: bool | int | None) -> None:
        self.state = state

    def part(self, weight: int, reverse: bool) -> int | Fault:
        if isinstance(self.state, bool) or self.state is None:
            return contribution(weight, reverse, self.state)
        return contribution_of_value(weight, reverse, self.state)

    def describe(self) -> dict[str, Any]:
        if isinstance(self.state, bool) or self.state is None:
            return {"state": {True: "up", False: "down", None: "unknown"}[self.state]}
        return {"state": "read", "value": self.state}


def reading(track: Track, state: bool | int | None) -> Reading:
    known = Known(state)
    return Reading(track, known.part(track.weight, track.reverse), known)


def process(name: str, weight: int) -> Track:
    return Track(kind=TrackKind.PROCESS, name=name, weight=weight, reverse=False)


@pytest.mark.parametrize(
    ("base", "readings", "expected"),
    [
        (100, [], "100 base = 100"),
        (255, [], "255 base = 255"),
        (
            100,
            [reading(on_script("CHK-LB", 2), True), reading(on_link("eth1", -30), False)],
            "100 base, +2 CHK-LB, -30 eth1 down = 72",
        ),
        (100, [reading(on_script("chk", 2), False)], "100 base, +0 chk down = 100"),
        (100, [reading(on_script("chk", 2), None)], "100 base, +0 chk unknown = 100"),
        (100, [reading(on_script("chk", -2), True)], "100 base = 100"),  # all is well
        (100, [reading(on_script("chk", 5, reverse=True), True)], "100 base, -5 chk up = 95"),
        (100, [reading(on_script("chk", 5, reverse=True), False)], "100 base = 100"),
        (100, [reading(on_script("chk", -5, reverse=True), True)], "100 base, +0 chk up = 100"),
        (100, [reading(on_script("chk", -5, reverse=True), False)], "100 base, +5 chk down = 105"),
        (100, [reading(on_script("chk"), True), reading(on_script("other"), False)], "100 base = 100"),
        (100, [reading(on_file("load", 2), 10)], "100 base, +20 load 10 = 120"),
        (100, [reading(on_file("load", 2), 0)], "100 base = 100"),
        (100, [reading(process("web", -150), False)], "100 base, -150 web down = 1 (at least)"),
        (200, [reading(process("web", 100), True)], "200 base, +100 web = 254 (at most)"),
    ],
)
def test_explained(base: int, readings: list[Reading], expected: str) -> None:
    assert explained(base, readings) == expected


def test_whose_the_first_is() -> None:
    assert explained(120, [], "by operator") == "120 by operator = 120"

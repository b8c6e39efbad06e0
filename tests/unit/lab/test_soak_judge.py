"""The judge of two masters: what it takes for one, and what it does not."""

from typing import NamedTuple

import pytest

from soak.judge import overlaps

MS = 1_000_000


class Advert(NamedTuple):
    """Of a virtual router of 100 ms."""

    sender: str
    time_ns: int
    priority: int
    vrid: int
    interval_cs: int = 10


def advert(sender: str, at_ms: int, priority: int = 100, vrid: int = 1) -> Advert:
    return Advert(sender, at_ms * MS, priority, vrid)


def adverts(sender: str, *at_ms: int) -> list[Advert]:
    return [advert(sender, at) for at in at_ms]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        # A takeover, and one by priority 0
        (adverts("a", 0, 100, 200) + adverts("b", 560, 660, 760), []),
        ([*adverts("a", 0, 100), advert("a", 150, 0), *adverts("b", 210, 310)], []),
        # Preempted: the old master sends no more
        (adverts("a", 0, 100, 200) + adverts("b", 250, 350), []),
        # ... or once more, because its advert was under way
        (adverts("a", 0, 100, 200, 300) + adverts("b", 250, 350), [(250, 300)]),
        # Neither yields
        (adverts("a", 0, 100, 200, 300, 400) + adverts("b", 50, 150, 250, 350), [(50, 350)]),
        # Twice
        (
            adverts("a", *range(0, 1100, 100)) + adverts("b", 50, 150, 850, 950),
            [(50, 150), (850, 950)],
        ),
        # Asked back at once by a goodbye: it was not master in between
        ([*adverts("a", 0, 140), advert("b", 40), advert("b", 100, 0)], []),
        # Another virtual router
        (adverts("a", 0, 100, 200) + [advert("b", at, vrid=2) for at in (50, 150)], []),
    ],
)
def test_overlaps(seen: list[Advert], expected: list[tuple[int, int]]) -> None:
    found = overlaps(seen)
    assert [(one.begin_ns // MS, one.end_ns // MS) for one in found] == expected


def test_each_virtual_router_by_itself() -> None:
    seen = [advert(sender, at, vrid=vrid) for vrid in (1, 2) for sender in "ab" for at in (0, 100, 200)]
    assert [(one.vrid, one.seconds) for one in overlaps(seen)] == [(1, 0.2), (2, 0.2)]

"""Two masters at once, as the wire shows it."""

import bisect
import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

SLACK = 1.5  # intervals between two adverts of one mastership, at most


class Heard(Protocol):
    """What is needed of an advert (lab/kit/packets.py)."""

    @property
    def time_ns(self) -> int: ...
    @property
    def sender(self) -> str: ...
    @property
    def vrid(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def interval_cs(self) -> int: ...


class Overlap(NamedTuple):
    """From when to when, in ns, two routers were master of one virtual router."""

    vrid: int
    begin_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        return (self.end_ns - self.begin_ns) / 1e9


def overlaps(adverts: Iterable[Heard]) -> list[Overlap]:
    """All of them, in order of VRID and time.

    A router was master all the time between two of its adverts that are no further apart than those of one
    mastership, unless it was asked back between them: another had taken over and said goodbye (priority 0).
    """
    found = []
    by_vrid: dict[int, list[Heard]] = {}
    for advert in adverts:
        by_vrid.setdefault(advert.vrid, []).append(advert)
    for vrid, seen in sorted(by_vrid.items()):
        seen.sort(key=lambda advert: advert.time_ns)
        spans = [_masterships(seen, sender) for sender in sorted({advert.sender for advert in seen})]
        for one, other in itertools.combinations(spans, 2):
            found += [Overlap(vrid, *both) for both in _joined(_intersections(one, other))]
    return found


Span = tuple[int, int]


def _masterships(seen: Sequence[Heard], sender: str) -> list[Span]:
    """When it was master for certain."""
    goodbyes = [advert.time_ns for advert in seen if advert.sender != sender and advert.priority == 0]
    own = [advert for advert in seen if advert.sender == sender]
    spans: list[Span] = []
    for one, following in itertools.pairwise(own):
        longest_ns = SLACK * one.interval_cs * 10_000_000
        was_asked_back = bisect.bisect(goodbyes, one.time_ns) != bisect.bisect(goodbyes, following.time_ns)
        if one.priority and following.time_ns - one.time_ns <= longest_ns and not was_asked_back:
            spans.append((one.time_ns, following.time_ns))
    return spans


def _intersections(one: Sequence[Span], other: Sequence[Span]) -> list[Span]:
    found: list[Span] = []
    i = j = 0
    while i < len(one) and j < len(other):
        begin, end = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if begin < end:
            found.append((begin, end))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return found


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Those that touch are one."""
    joined: list[Span] = []
    for begin, end in spans:
        if joined and joined[-1][1] >= begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined

"""Announcements on interfaces whose switch bears only so many of them (vrrp_garp_interval, garp_group).

A *lane* is what shares one limit: an interface, or the interfaces of a garp_group, for ARP or for Neighbor
Advertisements. An address has one place among the repetitions of its lane, however often it is to be
announced, so that what waits is bounded; first announcements overtake repetitions, which go round by round.
"""

import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from vrrpd_fast.model import NS_PER_S, Pacing, VirtualAddress
from vrrpd_fast.net.frames import FrameSender
from vrrpd_fast.net.vips import Prepared, PreparedAddresses
from vrrpd_fast.story import Story

STEPS_PER_SLICE = 128
FULL_NS = 1_000_000  # to wait when the kernel takes no more frames


class Paced(Protocol):
    """A virtual router, as far as pacing is concerned. `generation` grows with every transition."""

    addresses: PreparedAddresses
    generation: int
    story: Story | None

    @property
    def name(self) -> str: ...


class Clock(Protocol):
    """What wakes the pacer (alarm.Alarm)."""

    def now_ns(self) -> int: ...

    def set(self, at_ns: int) -> None: ...

    def close(self) -> None: ...


class _Place:
    """An address that waits to be announced `left` times more; void once its generation has passed."""

    __slots__ = ("address", "generation", "left", "router")

    def __init__(self, router: Paced, prepared: Prepared, left: int) -> None:
        self.router = router
        self.address = prepared.key
        self.generation = router.generation
        self.left = left

    @property
    def key(self) -> tuple[object, ...]:
        return (self.router.name, *self.address)

    def prepared(self) -> Prepared | None:
        """The address, as long as it is to be announced."""
        if self.generation != self.router.generation:
            return None
        return self.router.addresses.find(*self.address)  # None when a reload took it away


class _Lane:
    __slots__ = ("firsts", "interval_ns", "is_listed", "last_ns", "repetitions")

    def __init__(self, interval_ns: int, last_ns: int) -> None:
        self.interval_ns = interval_ns
        self.last_ns = last_ns  # when the last frame left
        self.firsts: OrderedDict[tuple[object, ...], _Place] = OrderedDict()
        self.repetitions: OrderedDict[tuple[object, ...], _Place] = OrderedDict()
        self.is_listed = False


class Pacer:
    """All lanes, with one alarm for the soonest of them."""

    def __init__(
        self,
        frames: FrameSender,
        frame: Callable[[Prepared], tuple[int, bytes] | None],
        clock: Callable[[Callable[[], None]], Clock],
    ) -> None:
        self._frames = frames
        self._frame = frame
        self._clock = clock(self.serve)
        self._pacing: Sequence[Pacing] = ()
        self._lanes: dict[tuple[str, int], _Lane] = {}  # by interface and IP version
        self._everywhere_ns = {4: 0, 6: 0}  # on each interface that no garp_group names
        self._due: list[tuple[int, int, _Lane]] = []  # a heap: when, a number, who
        self._number = itertools.count()

    def close(self) -> None:
        self._clock.close()

    def configure(self, pacing: Sequence[Pacing]) -> None:
        """Other limits; what waits goes on waiting under them."""
        if pacing == self._pacing:
            return
        self._pacing = pacing
        old, self._lanes = self._lanes, {}
        self._everywhere_ns = {4: 0, 6: 0}
        self._due.clear()
        for each in pacing:
            intervals_ns = {4: round(each.garp_interval * NS_PER_S), 6: round(each.gna_interval * NS_PER_S)}
            if not each.interfaces:
                self._everywhere_ns = intervals_ns
                continue
            for version, interval_ns in intervals_ns.items():
                keys = [(name, version) for name in each.interfaces]
                last_ns = max((old[key].last_ns for key in keys if key in old), default=0)
                lane = _Lane(interval_ns, last_ns)
                self._lanes.update(dict.fromkeys(keys, lane))
        for key, lane in old.items():
            if key not in self._lanes and (interval_ns := self._everywhere_ns[key[1]]):
                self._lanes[key] = _Lane(interval_ns, lane.last_ns)
        for lane in dict.fromkeys(old.values()):
            self._move(lane)
        self.serve()

    def _move(self, old: _Lane) -> None:
        free = _Lane(0, 0)  # for what is not limited any more
        for place in old.firsts.values():
            lane = self._lane_of(place) or free
            lane.firsts[place.key] = place
            self._list(lane)
        for place in old.repetitions.values():
            lane = self._lane_of(place) or free
            lane.repetitions[place.key] = place
            self._list(lane)

    def _lane_of(self, place: _Place) -> _Lane | None:
        prepared = place.prepared()
        return None if prepared is None else self.lane(prepared.address)

    @property
    def is_used(self) -> bool:
        """Whether anything is limited."""
        return bool(self._pacing)

    def lane(self, address: VirtualAddress) -> _Lane | None:
        """Where announcements of this address are limited; None when they are not."""
        key = (address.dev, int(address.family))
        lane = self._lanes.get(key)
        if lane is None and (interval_ns := self._everywhere_ns[key[1]]):
            lane = self._lanes[key] = _Lane(interval_ns, 0)
        return lane if lane is not None and lane.interval_ns else None

    def first(self, lane: _Lane, router: Paced, prepared: Prepared) -> None:
        """Announce an address that is new in the kernel, at the next `serve` if its lane is free."""
        place = _Place(router, prepared, 1)
        lane.firsts[place.key] = place
        self._list(lane)

    def repeat(self, lane: _Lane, router: Paced, prepared: Prepared, times: int) -> None:
        """Announce an address so many times, or as often as it waits to be anyway if that is more."""
        place = _Place(router, prepared, times)
        waiting = lane.repetitions.get(place.key)
        if waiting is not None and waiting.generation == place.generation:
            waiting.left = max(waiting.left, times)
            return
        lane.repetitions[place.key] = place
        self._list(lane)

    def serve(self) -> None:
        """Send what is due, some of it; the alarm brings the rest."""
        now_ns = self._clock.now_ns()
        for _ in range(STEPS_PER_SLICE):
            if not self._due or self._due[0][0] > now_ns:
                break
            _, _, lane = heapq.heappop(self._due)
            lane.is_listed = False
            self._step(lane, now_ns)
        if self._due:
            self._clock.set(self._due[0][0])

    def _step(self, lane: _Lane, now_ns: int) -> None:
        queue = lane.firsts or lane.repetitions
        key, place = next(iter(queue.items()))
        prepared = place.prepared()
        frame = None if prepared is None else self._frame(prepared)
        if frame is not None and not self._frames.send([frame]):
            self._list(lane, now_ns + FULL_NS)
            return
        del queue[key]
        if frame is not None:
            if queue is lane.firsts and place.router.story is not None:
                place.router.story.mark("announced", now_ns, 1)
            lane.last_ns = now_ns
            place.left -= 1
            if place.left:
                lane.repetitions[key] = place
        if lane.firsts or lane.repetitions:
            self._list(lane)

    def _list(self, lane: _Lane, not_before_ns: int = 0) -> None:
        if not lane.is_listed:
            lane.is_listed = True
            at_ns = max(lane.last_ns + lane.interval_ns, not_before_ns)
            heapq.heappush(self._due, (at_ns, next(self._number), lane))

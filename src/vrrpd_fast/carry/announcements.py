"""Announcements of virtual addresses (gratuitous ARP, unsolicited Neighbor Advertisement): when, how often.

The first announcement of an address moves the traffic and leaves as soon as the address is in the kernel;
its repetitions wait while addresses of other virtual routers are still being added.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby, islice
from operator import itemgetter
from typing import Protocol

from vrrpd_fast.carry.alarm import Alarm
from vrrpd_fast.carry.pacing import Clock, Pacer
from vrrpd_fast.carry.plans import Plans
from vrrpd_fast.holds import Holds
from vrrpd_fast.model import Garp, Instance, Pacing
from vrrpd_fast.net.arp import announcement
from vrrpd_fast.net.frames import FrameSender
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.vips import Prepared, PreparedAddresses
from vrrpd_fast.story import Story

FRAMES_PER_SLICE = 128
FULL_SECONDS = 0.001  # to wait when the kernel takes no more frames
LOWER_PRIO_SECONDS = 1.0  # announcements caused by lower-priority adverts come at most this often

ETHERNET_ADDRESS = 6  # bytes; links with others (point-to-point, loopback) know no ARP


class Announcer(Protocol):
    """A virtual router, as far as announcements are concerned. `generation` grows with every transition,
    `story` is that of the last one.
    """

    instance: Instance
    story: Story | None
    addresses: PreparedAddresses
    generation: int

    @property
    def name(self) -> str: ...


class _Rounds:
    """Some rounds of one virtual router's frames, void once its generation has passed.

    `left` is None until their turn comes: a storm of takeovers has better things to do than to list them.
    """

    __slots__ = ("addresses", "generation", "left", "router", "story", "times")

    def __init__(
        self, router: Announcer, addresses: Sequence[Prepared], times: int, story: Story | None
    ) -> None:
        self.router = router
        self.generation = router.generation
        self.addresses = addresses
        self.times = times
        self.story = story  # which tells of it
        self.left: deque[tuple[int, bytes]] | None = None

    @property
    def is_void(self) -> bool:
        return self.generation != self.router.generation


class Announcements:
    """All announcements of the daemon, sent one slice per turn of the loop.

    What is asked for a virtual router is void as soon as it changes its state.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        frames: FrameSender,
        link: Callable[[str], Link | None],
        holds: Holds,
        clock: Callable[[Callable[[], None]], Clock] | None = None,
    ) -> None:
        self._loop = loop
        self._frames = frames
        self._link = link
        self._holds = holds
        self._waiting: deque[_Rounds] = deque()
        self._pacer = Pacer(frames, self._frame, clock or partial(Alarm, loop))
        self._plans = Plans(loop)
        self._refreshes = Plans(loop)
        self._periodic: set[str] = set()  # virtual routers whose refreshes are planned
        self._challenged: dict[str, float] = {}
        self._is_paused = False
        self._turn: asyncio.Handle | None = None

    def close(self) -> None:
        self.pause()
        self._plans.close()
        self._refreshes.close()
        self._pacer.close()

    def configure(self, pacing: Sequence[Pacing]) -> None:
        """Other limits of how many announcements an interface bears."""
        self._pacer.configure(pacing)

    # -- what others ask for ------------------------------------------------------------------------------

    def first(self, added: Sequence[tuple[Announcer, Prepared]]) -> int | None:
        """Announce addresses that are new in the kernel, once, before returning where nothing limits them.

        When (CLOCK_MONOTONIC, ns) all of them left; None when some did not: those that did are told of then.
        """
        frames: list[tuple[int, bytes]] = []
        origins: list[tuple[Announcer, Prepared]] = []
        is_limited = self._pacer.is_used
        for router, prepared in added:
            if is_limited and (lane := self._pacer.lane(prepared.address)) is not None:
                self._pacer.first(lane, router, prepared)
            elif (frame := self._frame(prepared)) is not None:
                frames.append(frame)
                origins.append((router, prepared))
        sent = self._frames.send(frames)
        if sent == len(added):
            return time.monotonic_ns()
        _note_first(origins[:sent])
        for router, prepared in origins[sent:]:  # no room in the kernel: when it has some
            self._announce(router, [prepared], 1)
        if is_limited:
            self._pacer.serve()
        return None

    def repeat(self, router: Announcer, added: Sequence[Prepared]) -> None:
        """What follows the first: repetitions now, after the delay, and for ever (garp_master_*)."""
        garp = router.instance.garp
        self._announce(router, added, garp.master_repeat - 1, router.story)
        if added and garp.master_delay:
            again = partial(self._announce, router, added, garp.master_repeat, router.story)
            self._plans.later(router, garp.master_delay, again)
        if router.name not in self._periodic:
            self._periodic.add(router.name)
            self._plan_refresh(router, garp)
            self._plan_extra(router, garp)

    def reconfigure(self, router: Announcer, old: Garp) -> None:
        """Settings of a MASTER have changed: its refreshes are planned anew."""
        if router.name in self._periodic and router.instance.garp != old:
            self._refreshes.forget(router.name)
            self._plan_refresh(router, router.instance.garp)
            self._plan_extra(router, router.instance.garp)

    def defend(self, router: Announcer) -> None:
        """A lower-priority router speaks as MASTER: announce again, in bounds (garp_lower_prio_*)."""
        garp = router.instance.garp
        now = self._loop.time()
        quiet = max(LOWER_PRIO_SECONDS, garp.lower_prio_delay)
        if not garp.lower_prio_repeat or now < self._challenged.get(router.name, 0.0):
            return
        self._challenged[router.name] = now + quiet
        self._announce_all(router, garp.lower_prio_repeat)
        if garp.lower_prio_delay:
            again = partial(self._announce_all, router, garp.lower_prio_repeat)
            self._plans.later(router, garp.lower_prio_delay, again)

    def forget(self, name: str) -> None:
        """Plan nothing more for this virtual router; what waits is void by its generation."""
        self._periodic.discard(name)
        self._challenged.pop(name, None)
        self._plans.forget(name)
        self._refreshes.forget(name)

    def pause(self) -> None:
        """Send no repetitions until `resume`: something more urgent is under way."""
        self._is_paused = True
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def resume(self) -> None:
        self._is_paused = False
        self._schedule()

    # -- sending ------------------------------------------------------------------------------------------

    def _plan_refresh(self, router: Announcer, garp: Garp) -> None:
        if garp.master_refresh:
            self._refreshes.later(router, garp.master_refresh, partial(self._refresh, router))

    def _refresh(self, router: Announcer) -> None:
        garp = router.instance.garp
        self._announce_all(router, garp.master_refresh_repeat)
        self._plan_refresh(router, garp)

    def _plan_extra(self, router: Announcer, garp: Garp) -> None:
        if garp.extra_if and garp.extra_if_all:
            self._refreshes.later(router, garp.extra_if, partial(self._remind, router))

    def _remind(self, router: Announcer) -> None:
        """Keep our MAC in the tables of the switches behind other interfaces: one address of each will do."""
        instance = router.instance
        first_of: dict[str, Prepared] = {}
        for each in router.addresses.additions:
            if each.address.dev != instance.interface and self._is_seen(each):
                first_of.setdefault(each.address.dev, each)
        self._announce(router, list(first_of.values()), 1)
        self._plan_extra(router, instance.garp)

    def _announce_all(self, router: Announcer, times: int) -> None:
        """Announce every address that is there; what the kernel refused is not."""
        self._announce(router, [each for each in router.addresses.additions if self._is_seen(each)], times)

    def _is_seen(self, prepared: Prepared) -> bool:
        link = self._link(prepared.address.dev)
        return link is not None and link.carries(prepared.address)

    def _announce(
        self, router: Announcer, addresses: Sequence[Prepared], times: int, story: Story | None = None
    ) -> None:
        """Queue every address's frame `times` times, one round after the other."""
        if self._pacer.is_used and times > 0:
            addresses = [each for each in addresses if not self._pace(router, each, times)]
            self._pacer.serve()
        if times > 0 and addresses:
            self._waiting.append(_Rounds(router, addresses, times, story))
            self._schedule()

    def _pace(self, router: Announcer, prepared: Prepared, times: int) -> bool:
        """Leave it to the pacer; whether the interface has a limit."""
        lane = self._pacer.lane(prepared.address)
        if lane is not None:
            self._pacer.repeat(lane, router, prepared, times)
        return lane is not None

    def _schedule(self) -> None:
        if self._turn is None and self._waiting and not self._is_paused:
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        self._turn = None
        with self._holds.during("announcements"):
            has_room = self._send_slice()
        if has_room:
            self._schedule()
        elif self._waiting:
            self._turn = self._loop.call_later(FULL_SECONDS, self._serve)

    def _send_slice(self) -> bool:
        """Send some of what waits; whether the kernel had room for it."""
        waiting = self._waiting
        slice_: list[tuple[int, bytes]] = []
        for each in waiting:
            if each.left is None or each.is_void:
                each.left = deque(() if each.is_void else self._list(each))
            slice_ += islice(each.left, FRAMES_PER_SLICE - len(slice_))
            if len(slice_) == FRAMES_PER_SLICE:
                break
        sent = self._frames.send(slice_)
        has_room = sent == len(slice_)
        while waiting:
            left = waiting[0].left
            if left is None:  # its turn has not come
                break
            for _ in range(min(sent, len(left))):
                left.popleft()
                sent -= 1
            if left:
                break
            done = waiting.popleft()
            if done.story is not None and not done.is_void:
                done.story.mark("announced_again", time.monotonic_ns(), len(done.addresses) * done.times)
        return has_room

    def _list(self, rounds: _Rounds) -> list[tuple[int, bytes]]:
        carried = rounds.router.addresses
        # What a reload has taken away since is not announced.
        frames = map(self._frame, (each for each in rounds.addresses if carried.find(*each.key)))
        return [frame for frame in frames if frame is not None] * rounds.times

    def _frame(self, prepared: Prepared) -> tuple[int, bytes] | None:
        """Its announcement, packed when the link is first needed; `retarget` makes it void."""
        if prepared.frame is None:
            prepared.frame = self._pack_frame(prepared)
        return prepared.frame

    def _pack_frame(self, prepared: Prepared) -> tuple[int, bytes] | None:
        link = self._link(prepared.address.dev)
        if link is None or len(link.mac) != ETHERNET_ADDRESS:
            return None
        return prepared.ifindex, announcement(prepared.address.address, link.mac)


def _note_first(sent: Sequence[tuple[Announcer, Prepared]]) -> None:
    """First announcements have left, those of one virtual router one behind the other."""
    now_ns = time.monotonic_ns()
    for router, its in groupby(sent, itemgetter(0)):
        if router.story is not None:
            router.story.mark("announced", now_ns, sum(1 for _ in its))

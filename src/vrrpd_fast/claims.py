"""Addresses and their announcements, put into the kernel in slices that a loop full of adverts can bear.

A virtual router that becomes MASTER has a *claim*: its addresses are added and each is announced once as
soon as its slice is in the kernel; the repetitions wait until every claim is served, because the first
announcement is the one that moves the traffic. Whatever else it becomes, its addresses are withdrawn by the
same road. A claim is void as soon as its virtual router has another one, or changes its state.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import Protocol

from vrrpd_fast.holds import Holds
from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import Instance
from vrrpd_fast.net import vips
from vrrpd_fast.net.arp import announcement
from vrrpd_fast.net.frames import FrameSender
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, Netlink
from vrrpd_fast.net.vips import Prepared, PreparedAddresses

log = logging.getLogger(__name__)

CLAIMS_PER_SLICE = 64
FRAMES_PER_SLICE = 128
RETRY_SECONDS = 1.0
LOWER_PRIO_SECONDS = 1.0  # announcements caused by lower-priority adverts come at most this often

ETHERNET_ADDRESS = 6  # bytes; links with others (point-to-point, loopback) know no ARP


class Claimant(Protocol):
    """A virtual router, as far as its addresses are concerned. `generation` grows with every transition."""

    instance: Instance
    addresses: PreparedAddresses
    generation: int

    @property
    def name(self) -> str: ...

    @property
    def is_master(self) -> bool: ...


class _Claim:
    """What is to be added (or removed) for one virtual router, how far that is done, and what was refused."""

    __slots__ = ("addresses", "adds", "done", "generation", "refused", "router")

    def __init__(self, router: Claimant, adds: bool, addresses: Sequence[Prepared]) -> None:
        self.router = router
        self.adds = adds
        self.addresses = addresses
        self.generation = router.generation
        self.done = 0
        self.refused: list[Prepared] = []


class _Announcements:
    """Repetitions of one virtual router's frames, void once its generation has passed.

    `left` is None until their turn comes: a storm of takeovers has better things to do than to list them.
    """

    __slots__ = ("addresses", "generation", "left", "router", "times")

    def __init__(self, router: Claimant, addresses: Sequence[Prepared], times: int) -> None:
        self.router = router
        self.generation = router.generation
        self.addresses = addresses
        self.times = times
        self.left: deque[tuple[int, bytes]] | None = None

    @property
    def is_void(self) -> bool:
        return self.generation != self.router.generation


class Claims:
    """All claims of the daemon, served one slice per turn of the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        netlink: Netlink,
        frames: FrameSender,
        link: Callable[[str], Link | None],
        on_removed: Callable[[int, bytes, int], None],
        holds: Holds,
    ) -> None:
        self._loop = loop
        self._netlink = netlink
        self._frames = frames
        self._link = link
        self._on_removed = on_removed
        self._holds = holds
        self._claims: dict[str, _Claim] = {}  # by name, in the order of their coming
        self._settled: deque[_Claim] = deque()  # served; what follows from that waits until all are
        self._announcements: deque[_Announcements] = deque()
        self._later: dict[str, list[asyncio.TimerHandle]] = {}
        self._refreshing: set[str] = set()
        self._challenged: dict[str, float] = {}
        # Who had addresses added by us, whatever the monitor has heard of it yet.
        self._claimed: set[str] = set()
        self._turn: asyncio.Handle | None = None
        self._limit = RateLimit(1, 60.0)

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        for name in list(self._later):
            self._forget(name)

    # -- what others ask for ------------------------------------------------------------------------------

    def follow(self, router: Claimant) -> None:
        """The virtual router changed its state: add its addresses if it is MASTER, else remove them."""
        self._forget(router.name)
        addresses = router.addresses
        wanted = addresses.additions if router.is_master else self._held(router, addresses.removals)
        self._enter(router, router.is_master, wanted)

    def put_back(self, router: Claimant, prepared: Prepared) -> None:
        """Someone removed an address of a MASTER."""
        self._continue(router, True, [prepared])

    def complete(self, router: Claimant) -> None:
        """Add what a MASTER lacks: an interface that carries some of its addresses has come, or come up."""
        additions = router.addresses.additions
        missing = [each for each in additions if self._is_up(each) and not self._is_seen(each)]
        self._continue(router, True, missing)

    def defend(self, router: Claimant) -> None:
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
            self._plan(router, garp.lower_prio_delay, again)

    def remove_now(self, router: Claimant, gone: Sequence[Prepared]) -> None:
        """Remove some addresses of a virtual router that goes on, before returning."""
        self._remove([(router, each) for each in self._held(router, gone)])

    def withdraw_now(self, routers: Iterable[Claimant]) -> None:
        """Remove all addresses of virtual routers that are to stop, before returning.

        The caller lets the loop turn between a few dozen addresses and the next.
        """
        held: list[tuple[Claimant, Prepared]] = []
        for router in routers:
            held += [(router, each) for each in self._held(router, router.addresses.removals)]
            self._forget(router.name)
            self._claims.pop(router.name, None)
            self._claimed.discard(router.name)
            self._challenged.pop(router.name, None)
        self._remove(held)

    @property
    def is_busy(self) -> bool:
        """Whether addresses wait to be added or removed."""
        return bool(self._claims)

    def _remove(self, held: Sequence[tuple[Claimant, Prepared]]) -> None:
        for first in range(0, len(held), MESSAGES_PER_SEND):
            slice_ = held[first : first + MESSAGES_PER_SEND]
            failures = vips.remove(self._netlink, [each for _, each in slice_], self._on_removed)
            for failure in failures:
                self._tell(slice_[failure.error.index][0], False, failure)

    # -- serving ------------------------------------------------------------------------------------------

    def _enter(self, router: Claimant, adds: bool, prepared: Sequence[Prepared]) -> None:
        self._claims.pop(router.name, None)
        if adds:
            self._claimed.add(router.name)
        if prepared:
            self._claims[router.name] = _Claim(router, adds, prepared)
            self._schedule()

    def _continue(self, router: Claimant, adds: bool, prepared: Sequence[Prepared]) -> None:
        """More of the same; nothing, when meanwhile the contrary is wanted."""
        claim = self._claims.get(router.name)
        if claim is None:
            self._enter(router, adds, prepared)
        elif claim.adds is adds:
            known = set(map(id, claim.addresses[claim.done :]))
            claim.addresses = [*claim.addresses, *(each for each in prepared if id(each) not in known)]

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        """One slice: addresses before repetitions."""
        self._turn = None
        with self._holds.during("addresses"):
            if self._claims:
                self._serve_claims()
            elif self._settled:
                for _ in range(min(len(self._settled), CLAIMS_PER_SLICE)):
                    self._settle(self._settled.popleft())
            elif self._announcements:
                self._serve_announcements()
        if self._claims or self._settled or self._announcements:
            self._schedule()

    def _serve_claims(self) -> None:
        """At most 32 addresses, of as many virtual routers as that takes, all added or all removed."""
        adds = next(iter(self._claims.values())).adds
        owners: list[_Claim] = []
        slice_: list[Prepared] = []
        served: list[_Claim] = []
        for claim in self._claims.values():
            if claim.adds is not adds:
                break
            part = claim.addresses[claim.done : claim.done + MESSAGES_PER_SEND - len(slice_)]
            slice_ += part
            owners += [claim] * len(part)
            claim.done += len(part)
            if claim.done == len(claim.addresses):
                served.append(claim)
            if len(slice_) == MESSAGES_PER_SEND:
                break
        for claim in served:
            del self._claims[claim.router.name]
        if adds:
            failures = vips.add(self._netlink, slice_)
            refused = {failure.error.index for failure in failures}
            self._frames.send(
                [
                    frame
                    for index, each in enumerate(slice_)
                    if index not in refused and (frame := self._frame(each)) is not None
                ]
            )
        else:
            failures = vips.remove(self._netlink, slice_, self._on_removed)
        for failure in failures:
            claim = owners[failure.error.index]
            claim.refused.append(slice_[failure.error.index])
            self._tell(claim.router, adds, failure)
        self._settled += served

    def _settle(self, claim: _Claim) -> None:
        """Addresses are in: repeat their announcements as configured, now, after the delay, and for ever."""
        router = claim.router
        if claim.generation != router.generation:
            return
        if claim.refused:
            self._plan(router, RETRY_SECONDS, partial(self._retry, router, claim.adds, claim.refused))
        if not claim.adds:
            return
        refused = set(map(id, claim.refused))
        added = [each for each in claim.addresses if id(each) not in refused] if refused else claim.addresses
        garp = router.instance.garp
        self._announce(router, added, garp.master_repeat - 1)
        if added and garp.master_delay:
            self._plan(router, garp.master_delay, partial(self._announce, router, added, garp.master_repeat))
        if garp.master_refresh and router.name not in self._refreshing:
            self._refreshing.add(router.name)
            self._plan(router, garp.master_refresh, partial(self._refresh, router))

    def _refresh(self, router: Claimant) -> None:
        garp = router.instance.garp
        if garp.master_refresh:
            self._announce_all(router, garp.master_refresh_repeat)
            self._plan(router, garp.master_refresh, partial(self._refresh, router))
        else:
            self._refreshing.discard(router.name)

    def _announce_all(self, router: Claimant, times: int) -> None:
        """Announce every address that is there; what the kernel refused is not."""
        self._announce(router, [each for each in router.addresses.additions if self._is_seen(each)], times)

    def _announce(self, router: Claimant, addresses: Sequence[Prepared], times: int) -> None:
        """Queue every address's frame `times` times, one round after the other."""
        if times > 0 and addresses:
            self._announcements.append(_Announcements(router, addresses, times))
            self._schedule()

    def _serve_announcements(self) -> None:
        waiting = self._announcements
        slice_: list[tuple[int, bytes]] = []
        for each in waiting:
            if each.left is None or each.is_void:
                each.left = deque(() if each.is_void else self._list(each))
            slice_ += islice(each.left, FRAMES_PER_SLICE - len(slice_))
            if len(slice_) == FRAMES_PER_SLICE:
                break
        sent = self._frames.send(slice_)  # fewer when the kernel has no room: the rest in the next turn
        while waiting:
            left = waiting[0].left
            if left is None:  # its turn has not come
                break
            for _ in range(min(sent, len(left))):
                left.popleft()
                sent -= 1
            if left:
                break
            waiting.popleft()

    def _list(self, announcements: _Announcements) -> list[tuple[int, bytes]]:
        frames = map(self._frame, announcements.addresses)
        return [frame for frame in frames if frame is not None] * announcements.times

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

    # -- later, and failures ------------------------------------------------------------------------------

    def _plan(self, router: Claimant, seconds: float, action: Callable[[], None]) -> None:
        """Do it later, unless the virtual router has changed its state by then."""
        generation = router.generation

        def act() -> None:
            handles.remove(handle)
            if router.generation == generation:
                action()

        handles = self._later.setdefault(router.name, [])
        handle = self._loop.call_later(seconds, act)
        handles.append(handle)

    def _retry(self, router: Claimant, adds: bool, prepared: list[Prepared]) -> None:
        # Whose interface has gone meanwhile comes again with it (complete).
        self._continue(router, adds, [each for each in prepared if each.ifindex])

    def _forget(self, name: str) -> None:
        self._refreshing.discard(name)
        for handle in self._later.pop(name, ()):
            handle.cancel()

    def _held(self, router: Claimant, removals: Sequence[Prepared]) -> Sequence[Prepared]:
        """Those that may be in the kernel: put there by us, or left by whoever was before us."""
        if router.name in self._claimed:
            return removals
        return [each for each in removals if self._is_seen(each)]

    def _is_up(self, prepared: Prepared) -> bool:
        link = self._link(prepared.address.dev)
        return link is not None and link.up

    def _is_seen(self, prepared: Prepared) -> bool:
        link = self._link(prepared.address.dev)
        _, packed, prefixlen = prepared.key
        return link is not None and (int(prepared.address.family), packed, prefixlen) in link.addresses

    def _tell(self, router: Claimant, adds: bool, failure: vips.Failure) -> None:
        verb = "add" if adds else "remove"
        key = (router.name, failure.address, failure.error.errno)
        self._limit.log(log, logging.ERROR, key, "instance %s: cannot %s %s", router.name, verb, failure)

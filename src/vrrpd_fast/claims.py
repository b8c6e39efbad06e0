"""Addresses, put into the kernel in slices that a loop full of adverts can bear.

A virtual router that becomes MASTER has a *claim*: its addresses are added and each is announced once as
soon as its slice is in the kernel; the repetitions wait until every claim is served, because the first
announcement is the one that moves the traffic. Whatever else it becomes, its addresses are withdrawn by the
same road. A claim is void as soon as its virtual router has another one, or changes its state.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from vrrpd_fast.announcements import Announcements, Announcer
from vrrpd_fast.holds import Holds
from vrrpd_fast.log import RateLimit
from vrrpd_fast.net import vips
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, Netlink
from vrrpd_fast.net.vips import Prepared
from vrrpd_fast.plans import Plans

log = logging.getLogger(__name__)

CLAIMS_PER_SLICE = 64
SLOW_SECONDS = 0.001  # a slice of IPv6 that took longer makes the next one the worker's
RETRY_SECONDS = 1.0


class Claimant(Announcer, Protocol):
    """A virtual router, as far as its addresses are concerned."""

    @property
    def is_master(self) -> bool: ...


def _nothing(ifindex: int, packed: bytes, prefixlen: int) -> None:
    """What the worker tells of a removal; it has been told before."""


def _is_ipv6(prepared: Prepared) -> bool:
    return prepared.address.address.version == 6


class _Claim:
    """What is to be added (or removed) for one virtual router, how far that is done, and what was refused."""

    __slots__ = ("addresses", "adds", "done", "generation", "has_ipv6", "refused", "router")

    def __init__(self, router: Claimant, adds: bool, addresses: Sequence[Prepared]) -> None:
        self.router = router
        self.adds = adds
        self.addresses = addresses
        self.has_ipv6 = any(map(_is_ipv6, addresses))
        self.generation = router.generation
        self.done = 0
        self.refused: list[Prepared] = []


class _Slice:
    """What goes to the kernel in one message."""

    __slots__ = ("addresses", "adds", "has_ipv6", "owners", "served")

    def __init__(self, adds: bool, has_ipv6: bool) -> None:
        self.adds = adds
        self.has_ipv6 = has_ipv6
        self.addresses: list[Prepared] = []
        self.owners: list[_Claim] = []  # of each address
        self.served: list[_Claim] = []  # claims that end with this slice

    def take(self, claim: _Claim) -> None:
        """As much of a claim as there is room for."""
        part = claim.addresses[claim.done : claim.done + MESSAGES_PER_SEND - len(self.addresses)]
        self.addresses += part
        self.owners += [claim] * len(part)
        claim.done += len(part)
        if claim.done == len(claim.addresses):
            self.served.append(claim)

    def move(self, netlink: Netlink, on_removed: Callable[[int, bytes, int], None]) -> list[vips.Failure]:
        if self.adds:
            return vips.add(netlink, self.addresses)
        return vips.remove(netlink, self.addresses, on_removed)


class Claims:
    """All claims of the daemon, served one slice per turn of the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        netlink: Netlink,
        bulk: Netlink,
        announcements: Announcements,
        link: Callable[[str], Link | None],
        on_removed: Callable[[int, bytes, int], None],
        holds: Holds,
    ) -> None:
        self._loop = loop
        self._netlink = netlink
        # Adding an IPv6 address takes the kernel the longer the more a link has, up to 1 ms. Then a thread
        # waits for it, which does nothing but send prepared bytes.
        self._bulk = bulk
        self._worker = ThreadPoolExecutor(1, "addresses")
        self._working: asyncio.Future[list[vips.Failure]] | None = None
        self._is_ipv6_slow = False
        self._announcements = announcements
        self._link = link
        self._on_removed = on_removed
        self._holds = holds
        self._claims: dict[str, _Claim] = {}  # by name, in the order of their coming
        self._settled: deque[_Claim] = deque()  # served; what follows from that waits until all are
        self._plans = Plans(loop)
        # Who had addresses added by us, whatever the monitor has heard of it yet.
        self._claimed: set[str] = set()
        self._turn: asyncio.Handle | None = None
        self._limit = RateLimit(1, 60.0)

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        self._worker.shutdown()
        self._plans.close()

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

    def remove_now(self, router: Claimant, gone: Sequence[Prepared]) -> None:
        """Remove some addresses of a virtual router that goes on, before returning."""
        self._remove([(router, each) for each in self._held(router, gone)])

    async def withdraw(self, routers: Sequence[Claimant]) -> None:
        """Remove all addresses of virtual routers that are to stop."""
        while self._working is not None:  # it may be adding some of them
            await self._working
        held: list[tuple[Claimant, Prepared]] = []
        for router in routers:
            held += [(router, each) for each in self._held(router, router.addresses.removals)]
            self._forget(router.name)
            self._claims.pop(router.name, None)
            self._claimed.discard(router.name)
        if not self._is_ipv6_slow or not any(_is_ipv6(each) for _, each in held):
            self._remove(held)
            return
        for first in range(0, len(held), MESSAGES_PER_SEND):
            part = held[first : first + MESSAGES_PER_SEND]
            slice_ = [each for _, each in part]
            self._expect(slice_)
            move = partial(vips.remove, self._bulk, slice_, _nothing)
            for failure in await self._loop.run_in_executor(self._worker, move):
                self._tell(part[failure.error.index][0], False, failure)

    @property
    def is_busy(self) -> bool:
        """Whether addresses wait to be added or removed."""
        return self._is_ready()

    def _expect(self, addresses: Iterable[Prepared]) -> None:
        """The worker is to remove these: their notifications may be read before it is done."""
        for each in addresses:
            self._on_removed(*each.key)

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
            self._announcements.pause()
            self._turn = self._loop.call_soon(self._serve)

    def _serve(self) -> None:
        """One slice."""
        self._turn = None
        with self._holds.during("addresses"):
            if (slice_ := self._take_slice()) is not None:
                self._move(slice_)
            elif self._settled:
                for _ in range(min(len(self._settled), CLAIMS_PER_SLICE)):
                    self._settle(self._settled.popleft())
        if self._settled or self._is_ready():
            self._schedule()
        else:
            self._announcements.resume()

    def _is_ready(self) -> bool:
        """Whether a claim can be served: while the worker is busy, one without IPv6."""
        if self._working is None:
            return bool(self._claims)
        return any(not claim.has_ipv6 for claim in self._claims.values())

    def _take_slice(self) -> "_Slice | None":
        """At most 32 addresses, of as many claims as that takes, all added or all removed."""
        slice_: _Slice | None = None
        for claim in self._claims.values():
            if claim.has_ipv6 and self._working is not None:
                continue
            if slice_ is None:
                slice_ = _Slice(claim.adds, claim.has_ipv6)
            if (claim.adds, claim.has_ipv6) != (slice_.adds, slice_.has_ipv6):
                break
            slice_.take(claim)
            if len(slice_.addresses) == MESSAGES_PER_SEND:
                break
        if slice_ is not None:
            for claim in slice_.served:
                del self._claims[claim.router.name]
        return slice_

    def _move(self, slice_: "_Slice") -> None:
        """Have the kernel add or remove a slice: here, or by the worker where IPv6 takes long."""
        if slice_.has_ipv6 and self._is_ipv6_slow:
            if not slice_.adds:
                self._expect(slice_.addresses)
            self._working = self._loop.run_in_executor(self._worker, slice_.move, self._bulk, _nothing)
            self._working.add_done_callback(partial(self._worked, slice_))
            return
        began = self._loop.time()
        failures = slice_.move(self._netlink, self._on_removed)
        if slice_.has_ipv6:
            self._is_ipv6_slow = self._loop.time() - began > SLOW_SECONDS
        self._finish(slice_, failures)

    def _worked(self, slice_: "_Slice", work: "asyncio.Future[list[vips.Failure]]") -> None:
        self._working = None
        self._finish(slice_, work.result())
        if self._claims or self._settled:
            self._schedule()

    def _finish(self, slice_: "_Slice", failures: Sequence[vips.Failure]) -> None:
        """Announce each address that was added, once; those refused are told and kept for another try."""
        for failure in failures:
            index = failure.error.index
            slice_.owners[index].refused.append(slice_.addresses[index])
            self._tell(slice_.owners[index].router, slice_.adds, failure)
        if slice_.adds:
            refused = {failure.error.index for failure in failures}
            self._announcements.first(
                [
                    (owner.router, each)
                    for index, (owner, each) in enumerate(zip(slice_.owners, slice_.addresses, strict=True))
                    if index not in refused
                ]
            )
        self._settled += slice_.served

    def _settle(self, claim: _Claim) -> None:
        """Addresses are in: repeat their announcements; or they are out. Try again what was refused."""
        router = claim.router
        if claim.generation != router.generation:
            return
        if claim.refused:
            again = partial(self._retry, router, claim.adds, claim.refused)
            self._plans.later(router, RETRY_SECONDS, again)
        if not claim.adds:
            return
        refused = set(map(id, claim.refused))
        added = [each for each in claim.addresses if id(each) not in refused] if refused else claim.addresses
        self._announcements.repeat(router, added)

    # -- later, and failures ------------------------------------------------------------------------------

    def _retry(self, router: Claimant, adds: bool, prepared: list[Prepared]) -> None:
        # Whose interface has gone meanwhile comes again with it (complete).
        self._continue(router, adds, [each for each in prepared if each.ifindex])

    def _forget(self, name: str) -> None:
        self._plans.forget(name)
        self._announcements.forget(name)

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
        return link is not None and link.carries(prepared.address)

    def _tell(self, router: Claimant, adds: bool, failure: vips.Failure) -> None:
        verb = "add" if adds else "remove"
        key = (router.name, failure.address, failure.error.errno)
        self._limit.log(log, logging.ERROR, key, "instance %s: cannot %s %s", router.name, verb, failure)

"""What virtual routers carry, put into the kernel in slices that a loop full of adverts can bear.

A virtual router that becomes MASTER has a *claim*: its addresses are added, each announced once as soon as
its slice is in the kernel. Routes and rules follow when the addresses of all claims are there, and then
repetitions, because the first announcement is the one that moves the traffic, and nobody's is to wait for
another's thousand routes. Whatever else it becomes, all of that is withdrawn by the same road, last to first.
A claim is void as soon as its virtual router has another one, or changes its state.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

from vrrpd_fast.carry.announcements import Announcements
from vrrpd_fast.carry.plans import Plans
from vrrpd_fast.carry.slices import Claim, Claimant, Slice
from vrrpd_fast.holds import Holds
from vrrpd_fast.log import RateLimit
from vrrpd_fast.net import carried
from vrrpd_fast.net.carried import Carried, Failure
from vrrpd_fast.net.firewall import Shield
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, Netlink
from vrrpd_fast.net.vips import Prepared

log = logging.getLogger(__name__)

CLAIMS_PER_SLICE = 64
SLOW_NS = 1_000_000  # a slice of IPv6 that took longer makes the next one the worker's
RETRY_SECONDS = 1.0


def _nothing(each: Carried) -> None:
    """What the worker tells of a removal; it has been told before."""


class Claims:
    """All claims of the daemon, served one slice per turn of the loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        netlink: Netlink,
        bulk: Netlink,
        shield: Shield,
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
        self._working: asyncio.Future[list[Failure]] | None = None
        self._is_ipv6_slow = False
        self._shield = shield
        self._announcements = announcements
        self._link = link
        self._on_address_removed = on_removed
        self._holds = holds
        self._claims: dict[str, Claim] = {}  # by name, in the order of their coming
        self._settled: deque[Claim] = deque()  # served; what follows from that waits until all are
        self._plans = Plans(loop)
        # Who had something added by us, whatever the monitor has heard of it yet.
        self._claimed: set[str] = set()
        self._leaving: set[str] = set()
        self._turn: asyncio.Handle | None = None
        self._limit = RateLimit(1, 60.0)

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        self._worker.shutdown()
        self._plans.close()

    # -- what others ask for ------------------------------------------------------------------------------

    def follow(self, router: Claimant) -> None:
        """The virtual router changed its state: add what it carries if it is MASTER, else remove that."""
        if router.name in self._leaving:
            return
        self._forget(router.name)
        if not router.is_master:
            self._enter(router, False, self._held(router))
        elif router.routing.is_empty:
            self._enter(router, True, router.addresses.additions)
        else:
            addresses, routing = router.addresses.additions, router.routing.entries
            self._enter(router, True, addresses or routing, routing if addresses else ())

    def clear(self, router: Claimant) -> None:
        """Remove what an earlier run left of what a virtual router carries."""
        self._enter(router, False, [*router.routing.removals, *self._held(router)])

    def put_back(self, router: Claimant, items: Sequence[Carried]) -> None:
        """Someone removed something of a MASTER. With an address, routes that need it may be gone."""
        if not router.routing.is_empty and any(isinstance(each, Prepared) for each in items):
            items = [*items, *router.routing.wanted()]
        self._continue(router, True, items)

    def complete(self, router: Claimant, dev: str) -> None:
        """Add what a MASTER lacks: an interface that it needs has come, or come up."""
        missing: list[Carried] = [
            each
            for each in router.addresses.additions
            if (each.address.is_tracked or each.address.dev == dev)
            and self._is_up(each)
            and not self._is_seen(each)
        ]
        if not router.routing.is_empty:
            missing += router.routing.wanted(dev)
        self._continue(router, True, missing)

    async def remove(self, router: Claimant, gone: Sequence[Carried]) -> None:
        """Remove some of what a virtual router carries, which is about to be without it."""
        if router.name not in self._claimed:
            gone = [each for each in gone if isinstance(each, Prepared) and self._is_seen(each)]
        generation = router.generation
        pairs = [(router, each) for each in gone]
        await self._remove(pairs)
        if router.generation != generation:  # some may have been added again meanwhile
            for first in range(0, len(pairs), MESSAGES_PER_SEND):
                self._remove_slice(pairs[first : first + MESSAGES_PER_SEND])

    def unshield(self, router: Claimant) -> None:
        """The virtual router accepts packets from now on."""
        self._shield.remove([(router.name, each) for each in router.addresses.additions])

    async def withdraw(self, routers: Sequence[Claimant]) -> None:
        """Remove all that virtual routers carry that are to stop."""
        while self._working is not None:  # it may be adding some of that
            await self._working
            await asyncio.sleep(0)  # one that is done has told nobody yet
        held: list[tuple[Claimant, Carried]] = []
        names = {router.name for router in routers}
        self._leaving |= names  # whatever they become before they are released
        for router in routers:
            held += [(router, each) for each in self._held(router)]
            self._forget(router.name)
            self._claims.pop(router.name, None)
            self._claimed.discard(router.name)
        if not self._is_ipv6_slow or not any(each.is_slow for _, each in held):
            await self._remove(held)
        else:
            for first in range(0, len(held), MESSAGES_PER_SEND):
                await self._remove_by_worker(held[first : first + MESSAGES_PER_SEND])
        self._leaving -= names

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be added or removed."""
        return self._is_ready()

    def _expect(self, items: Iterable[Carried]) -> None:
        """The worker is to remove these: their notifications may be read before it is done."""
        for each in items:
            self._on_removed(each)

    def _on_removed(self, each: Carried) -> None:
        """Its notification is no news."""
        if isinstance(each, Prepared):
            self._on_address_removed(*each.key)

    async def _remove(self, held: Sequence[tuple[Claimant, Carried]]) -> None:
        """The loop turns between slices, but not for one alone."""
        for first in range(0, len(held), MESSAGES_PER_SEND):
            if first:
                await asyncio.sleep(0)
            self._remove_slice(held[first : first + MESSAGES_PER_SEND])

    def _remove_slice(self, part: Sequence[tuple[Claimant, Carried]]) -> None:
        began_ns = time.monotonic_ns()
        failures = carried.remove(self._netlink, [each for _, each in part], self._on_removed)
        self._removed(part, failures, began_ns)

    async def _remove_by_worker(self, part: Sequence[tuple[Claimant, Carried]]) -> None:
        items = [each for _, each in part]
        self._expect(items)
        move = partial(carried.remove, self._bulk, items, _nothing)
        began_ns = time.monotonic_ns()
        self._removed(part, await self._loop.run_in_executor(self._worker, move), began_ns)

    def _removed(
        self, part: Sequence[tuple[Claimant, Carried]], failures: Sequence[Failure], began_ns: int
    ) -> None:
        took_ns = time.monotonic_ns() - began_ns
        for router, count in Counter(router for router, _ in part if router.name in self._leaving).items():
            if router.story is not None:
                router.story.mark("addresses_removed", began_ns, count, took_ns)
        for failure in failures:
            self._tell(part[failure.error.index][0], False, failure)
        shielded = [
            (router.name, each)
            for router, each in part
            if router.instance.is_shielded and isinstance(each, Prepared)
        ]
        if shielded:
            self._shield.remove(shielded)

    # -- serving ------------------------------------------------------------------------------------------

    def _enter(
        self, router: Claimant, adds: bool, items: Sequence[Carried], then: Sequence[Carried] = ()
    ) -> None:
        self._claims.pop(router.name, None)
        if adds:
            self._claimed.add(router.name)
        if items:
            self._claims[router.name] = Claim(router, adds, items, then)
            self._schedule()

    def _continue(self, router: Claimant, adds: bool, items: Sequence[Carried]) -> None:
        """More of the same; nothing, when meanwhile the contrary is wanted."""
        claim = self._claims.get(router.name)
        if claim is None:
            self._enter(router, adds, items)
        elif claim.adds is adds:
            claim.extend(items)

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
        return any(not claim.is_slow for claim in self._claims.values())

    def _take_slice(self) -> Slice | None:
        """At most 32 items, of as many claims as that takes, all added or all removed."""
        slice_: Slice | None = None
        for claim in self._claims.values():
            if claim.is_slow and self._working is not None:
                continue
            if slice_ is None:
                slice_ = Slice(claim.adds, claim.is_slow)
            if (claim.adds, claim.is_slow) != (slice_.adds, slice_.is_slow):
                break
            slice_.take(claim)
            if slice_.is_full:
                break
        if slice_ is not None:
            for claim in slice_.served:
                del self._claims[claim.router.name]
        return slice_

    def _move(self, slice_: Slice) -> None:
        """Have the kernel add or remove a slice: here, or by the worker where IPv6 takes long."""
        if slice_.is_shielded and slice_.adds:
            self._protect(slice_)
        if slice_.is_slow and self._is_ipv6_slow:
            if not slice_.adds:
                self._expect(slice_.items)
            self._working = self._loop.run_in_executor(self._worker, slice_.move, self._bulk, _nothing)
            self._working.add_done_callback(partial(self._worked, slice_, time.monotonic_ns()))
            return
        began_ns = time.monotonic_ns()
        failures = slice_.move(self._netlink, self._on_removed)
        took_ns = time.monotonic_ns() - began_ns
        if slice_.is_slow:
            self._is_ipv6_slow = took_ns > SLOW_NS
        self._finish(slice_, failures, began_ns, took_ns)

    def _worked(self, slice_: Slice, began_ns: int, work: "asyncio.Future[list[Failure]]") -> None:
        self._working = None
        self._finish(slice_, work.result(), began_ns, time.monotonic_ns() - began_ns)
        if self._claims or self._settled:
            self._schedule()

    def _finish(self, slice_: Slice, failures: Sequence[Failure], began_ns: int, took_ns: int) -> None:
        """Announce each address that was added, once; those refused are told and kept for another try."""
        for failure in failures:
            index = failure.error.index
            slice_.owners[index].refused.append(slice_.items[index])
            self._tell(slice_.owners[index].router, slice_.adds, failure)
        refused = {failure.error.index for failure in failures}
        announced_ns: int | None = None
        if slice_.adds:
            announced_ns = self._announcements.first(
                [
                    (owner.router, each)
                    for index, (owner, each) in enumerate(zip(slice_.owners, slice_.items, strict=True))
                    if index not in refused and isinstance(each, Prepared)
                ]
            )
        elif slice_.is_shielded:
            self._shield.remove(slice_.shielded())
        slice_.note(began_ns, took_ns, refused, announced_ns)
        self._settled += slice_.served

    def _protect(self, slice_: Slice) -> None:
        """Packets to these addresses are dropped before the addresses are there."""
        began_ns = time.monotonic_ns()
        try:
            self._shield.add(slice_.shielded())
            for claim, count in slice_.parts:
                if claim.is_shielded and claim.story is not None:
                    claim.story.mark("firewall", began_ns, count, time.monotonic_ns() - began_ns)
        except OSError as error:
            for claim in slice_.owners:
                if claim.is_shielded:
                    name = claim.router.name
                    text = "instance %s: no_accept is not in force: %s"
                    key, about = (name, "shield"), {"instance": name}
                    self._limit.log(log, logging.ERROR, key, text, name, error.strerror, extra=about)

    def _settle(self, claim: Claim) -> None:
        """Addresses are in: repeat their announcements; or they are out. Try again what was refused."""
        router = claim.router
        if claim.generation != router.generation:
            return
        if claim.refused:
            again = partial(self._retry, router, claim.adds, claim.refused)
            self._plans.later(router, RETRY_SECONDS, again)
        if not claim.adds:
            return
        if claim.then:
            self._continue(router, True, claim.then)
        added = claim.items
        if claim.refused or not router.routing.is_empty:
            refused = set(map(id, claim.refused))
            added = [each for each in added if isinstance(each, Prepared) and id(each) not in refused]
        self._announcements.repeat(router, cast(Sequence[Prepared], added))

    # -- later, and failures ------------------------------------------------------------------------------

    def _retry(self, router: Claimant, adds: bool, items: list[Carried]) -> None:
        # Whose interface has gone meanwhile comes again with it (complete).
        self._continue(
            router, adds, [each for each in items if not isinstance(each, Prepared) or each.ifindex]
        )

    def _forget(self, name: str) -> None:
        self._plans.forget(name)
        self._announcements.forget(name)

    def _held(self, router: Claimant) -> Sequence[Carried]:
        """What may be in the kernel: put there by us, or an address left by whoever was before us."""
        removals = router.addresses.removals
        if router.name not in self._claimed:
            return [each for each in removals if self._is_seen(each)]
        return removals if router.routing.is_empty else [*router.routing.removals, *removals]

    def _is_up(self, prepared: Prepared) -> bool:
        link = self._link(prepared.address.dev)
        return link is not None and link.up

    def _is_seen(self, prepared: Prepared) -> bool:
        link = self._link(prepared.address.dev)
        return link is not None and link.carries(prepared.address)

    def _tell(self, router: Claimant, adds: bool, failure: Failure) -> None:
        verb = "add" if adds else "remove"
        key = (router.name, str(failure.subject), failure.error.errno)
        text, about = "instance %s: cannot %s %s", {"instance": router.name}
        self._limit.log(log, logging.ERROR, key, text, router.name, verb, failure, extra=about)

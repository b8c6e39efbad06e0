"""What claims are made of: the work for one virtual router, and the pieces in which the kernel gets it."""

from collections.abc import Callable, Sequence, Set
from operator import attrgetter
from typing import Protocol

from vrrpd_fast.carry.announcements import Announcer
from vrrpd_fast.net import carried
from vrrpd_fast.net.carried import Carried, Failure
from vrrpd_fast.net.netlink import MESSAGES_PER_SEND, Netlink
from vrrpd_fast.net.routing import PreparedRouting
from vrrpd_fast.net.vips import Prepared
from vrrpd_fast.story import Mark, Story


class Claimant(Announcer, Protocol):
    """A virtual router, as far as what it carries is concerned."""

    routing: PreparedRouting

    @property
    def is_master(self) -> bool: ...


_is_slow = attrgetter("is_slow")


class Claim:
    """What is to be added (or removed) for one virtual router, how far that is done, and what was refused."""

    __slots__ = (
        "adds",
        "done",
        "generation",
        "is_plain",
        "is_shielded",
        "is_slow",
        "items",
        "refused",
        "router",
        "story",
        "then",
    )

    def __init__(
        self, router: Claimant, adds: bool, items: Sequence[Carried], then: Sequence[Carried] = ()
    ) -> None:
        self.router = router
        self.story: Story | None = router.story
        self.adds = adds
        self.items = items
        self.then = then  # to be added when all claims are served
        self.is_slow = any(map(_is_slow, items))
        self.is_shielded = router.instance.is_shielded
        self.is_plain = router.routing.is_empty  # nothing but addresses
        self.generation = router.generation
        self.done = 0
        self.refused: list[Carried] = []
        if self.story is not None:
            self.story.wanted += len(items) + len(then)

    def extend(self, items: Sequence[Carried]) -> None:
        """Do these too, unless they wait already."""
        known = set(map(id, self.items[self.done :]))
        more = [each for each in items if id(each) not in known]
        if self.story is not None:
            self.story.wanted += len(more)
        self.items = [*self.items, *more]
        self.is_slow = any(map(_is_slow, self.items))


class Slice:
    """What goes to the kernel in one message."""

    __slots__ = ("adds", "is_shielded", "is_slow", "items", "owners", "parts", "served")

    def __init__(self, adds: bool, is_slow: bool) -> None:
        self.adds = adds
        self.is_slow = is_slow
        self.is_shielded = False
        self.items: list[Carried] = []
        self.owners: list[Claim] = []  # of each item
        self.parts: list[tuple[Claim, int]] = []  # how many are whose, in their order
        self.served: list[Claim] = []  # claims that end with this slice

    @property
    def is_full(self) -> bool:
        return len(self.items) == MESSAGES_PER_SEND

    def take(self, claim: Claim) -> None:
        """As much of a claim as there is room for."""
        part = claim.items[claim.done : claim.done + MESSAGES_PER_SEND - len(self.items)]
        self.items += part
        self.owners += [claim] * len(part)
        self.parts.append((claim, len(part)))
        self.is_shielded = self.is_shielded or claim.is_shielded
        claim.done += len(part)
        if claim.done == len(claim.items):
            self.served.append(claim)

    def move(self, netlink: Netlink, on_removed: Callable[[Carried], None]) -> list[Failure]:
        """Have the kernel add or remove it."""
        if self.adds:
            return carried.add(netlink, self.items)
        return carried.remove(netlink, self.items, on_removed)

    def note(self, began_ns: int, took_ns: int, refused: Set[int], announced_ns: int | None) -> None:
        """Tell the stories of those concerned that the kernel has it; `announced_ns` is when all of it was
        announced, if it was. Thousands of takeovers come through here before their addresses are announced.
        """
        plain: dict[int, tuple[Mark, ...]] = {}  # by how many addresses; most have as many
        first = 0
        for claim, count in self.parts:
            story = claim.story
            if story is None:
                pass
            elif claim.is_plain and self.adds and not refused:
                if count not in plain:
                    plain[count] = ((began_ns, "addresses_added", count, took_ns, None),)
                    if announced_ns is not None:
                        plain[count] += ((announced_ns, "announced", count, 0, None),)
                story.add(count, plain[count])
            else:
                story.add(count, self._marks(first, count, began_ns, took_ns, refused))
                if announced_ns is not None:
                    story.mark("announced", announced_ns, count)
            first += count

    def _marks(self, first: int, count: int, began_ns: int, took_ns: int, refused: Set[int]) -> list[Mark]:
        """What was done with some of it: addresses, routes and rules, by themselves."""
        verb = "added" if self.adds else "removed"
        addresses = sum(isinstance(each, Prepared) for each in self.items[first : first + count])
        failed = sum(first <= index < first + count for index in refused)
        facts = {"refused": failed} if failed else None
        parts = (("routes", count - addresses), ("addresses", addresses))
        return [(began_ns, f"{what}_{verb}", many, took_ns, facts) for what, many in parts if many]

    def shielded(self) -> list[tuple[str, Prepared]]:
        """Addresses of virtual routers that accept no packets, with whose they are."""
        return [
            (owner.router.name, each)
            for owner, each in zip(self.owners, self.items, strict=True)
            if owner.is_shielded and isinstance(each, Prepared)
        ]

"""Routes and rules of masters stay: what someone removed is put back."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from itertools import islice
from typing import TypeVar

from vrrpd_fast.carry.claims import Claims
from vrrpd_fast.carry.slices import Claimant
from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import OWNER_TAG, Instance
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.removals import RemovalMonitor
from vrrpd_fast.net.routing import Entry

log = logging.getLogger(__name__)

Key = TypeVar("Key", bound=Hashable)

KEYS_PER_SLICE = 64
# A link that goes down takes its IPv6 routes with it, and they are told of before it: time to hear of that.
SETTLE_SECONDS = 0.01


class Guard:
    """Knows who carries which route or rule. Listens only while someone carries any that is tracked."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        own_ports: set[int],
        claims: Claims,
        router: Callable[[str], Claimant | None],
        link: Callable[[str], Link | None],
    ) -> None:
        self._loop = loop
        self._own_ports = own_ports
        self._claims = claims
        self._router = router
        self._link = link
        self._monitor: RemovalMonitor | None = None
        self._carriers: dict[Hashable, set[str]] = {}  # by what of a key does not depend on interfaces
        self._protocols: dict[int, set[str]] = {}
        self._heard: set[int] = set()
        self._lost: dict[Hashable, None] = {}  # in the order of their loss
        self._all: deque[str] = deque()  # who is to be looked at as a whole
        self._turn: asyncio.Handle | None = None
        self._limit = RateLimit(10, 10.0)

    def close(self) -> None:
        if self._turn is not None:
            self._turn.cancel()
        if self._monitor is not None:
            self._monitor.close()

    def register(self, instance: Instance) -> None:
        """A virtual router comes, or has other routes and rules."""
        for place in _places(instance):
            self._carriers.setdefault(place, set()).add(instance.name)
        for number in _protocols(instance):
            self._protocols.setdefault(number, set()).add(instance.name)
        if self._carriers:
            self._listen()

    def unregister(self, instance: Instance) -> None:
        for place in _places(instance):
            _discard(self._carriers, place, instance.name)
        for number in _protocols(instance):
            _discard(self._protocols, number, instance.name)

    def settle(self) -> None:
        """Everybody is registered: stop listening to what nobody carries."""
        if self._carriers:
            self._listen()
        elif self._monitor is not None:
            self._monitor.close()
            self._monitor = None

    def _listen(self) -> None:
        if self._monitor is None:
            self._monitor = RemovalMonitor(self._loop, self._own_ports, self._on_removed, self._on_overrun)
            self._heard.clear()
        if self._heard != self._protocols.keys():
            self._heard = set(self._protocols)
            self._monitor.listen_to(self._heard)

    def _on_removed(self, key: Hashable) -> None:
        if _place(key) in self._carriers:
            self._lost[key] = None
            self._schedule()

    def _on_overrun(self) -> None:
        log.warning("the kernel dropped notifications of routes: adding all that there should be")
        self._all.extend(dict.fromkeys(name for names in self._carriers.values() for name in names))
        self._schedule()

    def _schedule(self) -> None:
        if self._turn is None:
            self._turn = self._loop.call_later(SETTLE_SECONDS, self._serve)

    def _serve(self) -> None:
        self._turn = None
        found: dict[str, list[Entry]] = {}
        for key in list(islice(self._lost, KEYS_PER_SLICE)):
            del self._lost[key]
            for name in self._carriers.get(_place(key), ()):
                found.setdefault(name, []).extend(self._find(name, key))
        for name, entries in found.items():
            if entries and (router := self._router(name)) is not None:
                self._claims.put_back(router, entries)
        if self._all and (router := self._router(self._all.popleft())) is not None and router.is_master:
            self._claims.put_back(router, router.routing.wanted())
        if self._lost or self._all:
            self._turn = self._loop.call_soon(self._serve)

    def _find(self, name: str, key: Hashable) -> Sequence[Entry]:
        """What of a MASTER's is lost with this key; not what went with its link, which comes back with it."""
        router = self._router(name)
        if router is None or not router.is_master:
            return ()
        found = [each for each in router.routing.find(key) if all(map(self._is_up, each.devices))]
        for each in found:
            text = "instance %s: someone removed %s: put back"
            about = {"instance": name}
            self._limit.log(log, logging.WARNING, (name, key), text, name, each, extra=about)
        return found

    def _is_up(self, dev: str) -> bool:
        link = self._link(dev)
        return link is not None and link.up


def _places(instance: Instance) -> set[Hashable]:
    places: set[Hashable] = set()
    for route in instance.routes:
        if route.is_tracked:
            network = route.destination
            places.add((int(route.family), network.network_address.packed, network.prefixlen))
    places.update((int(rule.family), rule.preference) for rule in instance.rules if rule.is_tracked)
    return places


def _place(key: Hashable) -> Hashable:
    """What of a key is known from the configuration: not the table of a VRF device."""
    if isinstance(key, tuple) and len(key) > 2:
        family, _, packed, length, _, _ = key
        return family, packed, length
    return key


def _discard(names: dict[Key, set[str]], key: Key, name: str) -> None:
    names[key].discard(name)
    if not names[key]:
        del names[key]


def _protocols(instance: Instance) -> set[int]:
    return {
        OWNER_TAG if route.protocol is None else route.protocol
        for route in instance.routes
        if route.is_tracked
    }

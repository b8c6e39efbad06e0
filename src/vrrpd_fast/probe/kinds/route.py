"""A route in the kernel's tables: a prefix that a table has, or the way that packets to an address take.

What is asked of the table main is mostly answered by one lookup, however large it is: the best match for the
first address of the prefix is the prefix itself, or a shorter one, and then the table lacks it. Otherwise it
is read up to that prefix, in slices.
"""

import asyncio
import errno
import socket
from collections.abc import Iterable
from contextlib import closing
from ipaddress import ip_address, ip_network

from vrrpd_fast.model import RouteProbe
from vrrpd_fast.net import fib
from vrrpd_fast.net.fib import Hop, Route
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, TaskCheck
from vrrpd_fast.probe.kinds.kernel import rtnetlink
from vrrpd_fast.probe.kinds.links import index_of, name_of

_LEADS_SOMEWHERE = (fib.UNICAST, fib.LOCAL)
_LEADS_NOWHERE = {  # what the kernel answers for routes of these kinds
    errno.EINVAL: "dropped (blackhole)",
    errno.EHOSTUNREACH: "refused (unreachable)",
    errno.EACCES: "refused (prohibit)",
}
_ATTEMPTS = 3  # at reading a table that changes meanwhile


def make(settings: RouteProbe, context: Context) -> Check:
    """The check of a route block."""
    return RouteCheck(settings, context) if settings.to is None else WayCheck(settings, context)


class Wanted:
    """The next hop that is expected: any, or one through an interface or to a gateway."""

    def __init__(self, settings: RouteProbe) -> None:
        self._dev = settings.dev
        self._via = None if settings.via is None else ip_address(settings.via).packed
        self.ifindex = 0

    def renew(self) -> None:
        """Look again which interface has that name; OSError when there is none."""
        if self._dev is not None:
            self.ifindex = index_of(self._dev)

    def is_met(self, hops: Iterable[Hop]) -> bool:
        """Whether one of them can be used and is what is expected."""
        return any(
            hop.is_usable and self.ifindex in (0, hop.ifindex) and (self._via is None or hop.via == self._via)
            for hop in hops
        )


class WayCheck:
    """`to`: up while the kernel would send packets there, and by the way that is expected."""

    def __init__(self, settings: RouteProbe, context: Context) -> None:
        assert settings.to is not None
        self._context = context
        self._wanted = Wanted(settings)
        source = None if settings.source is None else ip_address(settings.source).packed
        self._question = fib.lookup(ip_address(settings.to).packed, source=source)

    def begin(self, conclude: Conclude) -> None:
        self._wanted.renew()
        try:
            route = fib.ask(self._context.shared(rtnetlink), self._question)
        except OSError as error:
            if error.errno not in _LEADS_NOWHERE:
                raise
            conclude(Outcome(False, f"{_LEADS_NOWHERE[error.errno]} by a route"))
            return
        if route is None:
            conclude(Outcome(False, "no route"))
        else:
            is_met = route.kind in _LEADS_SOMEWHERE and self._wanted.is_met(route.hops)
            conclude(Outcome(is_met, described(route.hops)))

    def abandon(self) -> None:
        """Nothing is ever under way."""

    def close(self) -> None:
        """The socket is of all."""


class RouteCheck(TaskCheck):
    """`prefix`: up while the table has exactly this prefix, with a next hop as expected that can be used."""

    def __init__(self, settings: RouteProbe, context: Context) -> None:
        super().__init__(context)
        assert settings.prefix is not None
        network = ip_network(settings.prefix)
        self._destination = network.network_address.packed
        self._length = network.prefixlen
        self._last = fib.last_address(network)
        self._family = socket.AF_INET if network.version == 4 else socket.AF_INET6
        self._table = settings.table
        self._wanted = Wanted(settings)
        # 0.0.0.0 cannot be looked up: it stands for this machine.
        self._is_quick = settings.table == fib.MAIN_TABLE and (network.version == 6 or any(self._destination))
        self._question = fib.lookup(self._destination, fib_match=True)

    def begin(self, conclude: Conclude) -> None:
        self._wanted.renew()
        outcome = self._at_once() if self._is_quick else None
        if outcome is None:
            super().begin(conclude)
        else:
            conclude(outcome)

    async def run(self) -> Outcome:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._read()
            except InterruptedError:
                if attempt == _ATTEMPTS:
                    raise
        raise AssertionError

    def _at_once(self) -> Outcome | None:
        """The verdict if one lookup tells it."""
        try:
            best = fib.ask(self.context.shared(rtnetlink), self._question)
        except OSError:  # something leads nowhere; the prefix may be there behind it
            return None
        if best is None:
            return Outcome(False, "no such route")
        if best.table != self._table or best.kind != fib.UNICAST or best.length > self._length:
            return None
        if best.length < self._length:
            return Outcome(False, "no such route")
        return self._met(best)

    async def _read(self) -> Outcome:
        """Look for it in the table. InterruptedError: it is not there, but the table changed meanwhile."""
        others: list[Hop] = []
        with closing(Netlink()) as netlink:
            for part in netlink.parts(fib.table_dump(self._family, self._table)):
                for message in part:
                    found = fib.destination_of(message)
                    if found is None:
                        continue
                    if found[0] > self._last:
                        return self._missed(others)
                    if found == (self._destination, self._length):
                        route = fib.parse(message)
                        if route is not None and route.kind in _LEADS_SOMEWHERE:
                            outcome = self._met(route)
                            if outcome is not None:
                                return outcome
                            others += route.hops
                await asyncio.sleep(0)
        return self._missed(others)

    def _met(self, route: Route) -> Outcome | None:
        """Success; None when the next hop is another: there may be more routes to the same prefix."""
        return Outcome(True, described(route.hops)) if self._wanted.is_met(route.hops) else None

    def _missed(self, others: list[Hop]) -> Outcome:
        return Outcome(False, described(others) if others else "no such route")


def described(hops: Iterable[Hop]) -> str:
    """Next hops, for people."""
    shown = []
    for hop in list(hops)[:4]:
        via = "" if hop.via is None else f"via {ip_address(hop.via)} "
        shown.append(f"{via}dev {name_of(hop.ifindex)}{'' if hop.is_usable else ' (down)'}")
    return ", ".join(shown) or "no next hop"

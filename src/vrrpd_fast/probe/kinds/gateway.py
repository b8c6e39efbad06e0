"""The gateway of a network: what the routes through one interface lead to, and whether that answers.

Without an address it is the gateway of the default route through the interface that has the lowest metric.
With an address it is that one, as long as the kernel would reach it directly through the interface. Then it
has to answer: ARP or ND, or an echo request.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from ipaddress import ip_address

from vrrpd_fast.model import GatewayProbe, IcmpProbe
from vrrpd_fast.net import fib
from vrrpd_fast.net.fib import Route
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, TaskCheck
from vrrpd_fast.probe.kinds.icmp import EchoCheck
from vrrpd_fast.probe.kinds.kernel import rtnetlink
from vrrpd_fast.probe.kinds.links import index_of
from vrrpd_fast.probe.kinds.neighbour import Solicitation


def make(settings: GatewayProbe, context: Context) -> Check:
    """The check of a gateway block."""
    return GatewayCheck(settings, context)


class GatewayCheck(TaskCheck):
    """Finds the gateway anew at every run, then asks it."""

    def __init__(self, settings: GatewayProbe, context: Context) -> None:
        super().__init__(context)
        self._settings = settings
        self._named = None if settings.address is None else ip_address(settings.address).packed
        self._family = socket.AF_INET if settings.family == "ipv4" else socket.AF_INET6
        self._ifindex = 0
        self._solicitation = Solicitation(context)
        self._echo: EchoCheck | None = None
        self._asked: bytes | None = None

    def begin(self, conclude: Conclude) -> None:
        self._ifindex = index_of(self._settings.interface)
        gateway = self._default_at_once() if self._named is None else self._direct(self._named)
        if gateway is None:
            super().begin(conclude)
        else:
            self._ask(gateway, conclude)

    async def run(self) -> Outcome:
        """With the whole table to be read."""
        gateway = self._nearest([route async for route in self._routes()])
        asked: asyncio.Future[Outcome] = self.context.loop.create_future()
        self._ask(gateway, asked.set_result)
        return await asked

    def abandon(self) -> None:
        super().abandon()
        self._solicitation.abandon()
        if self._echo is not None:
            self._echo.abandon()

    def _ask(self, gateway: bytes, conclude: Conclude) -> None:
        def tell(outcome: Outcome) -> None:
            conclude(Outcome(outcome.is_success, f"{ip_address(gateway)}: {outcome.text}"))

        if self._settings.ask == "icmp":
            self._echo_to(gateway).begin(tell)
        else:
            self._solicitation.begin(self._ifindex, gateway, tell)

    def _echo_to(self, gateway: bytes) -> EchoCheck:
        if self._echo is None or self._asked != gateway:
            settings = IcmpProbe(address=str(ip_address(gateway)), interface=self._settings.interface)
            self._echo, self._asked = EchoCheck(settings, self.context), gateway
        return self._echo

    def _direct(self, address: bytes) -> bytes:
        """The address itself; OSError when it is not on a network of the interface."""
        question = fib.lookup(address, ifindex=self._ifindex)
        route = fib.ask(self.context.shared(rtnetlink), question)
        hops = () if route is None or route.kind != fib.UNICAST else route.hops
        if not any(hop.ifindex == self._ifindex and hop.via is None and hop.is_usable for hop in hops):
            raise OSError(0, f"{ip_address(address)} is on no network of {self._settings.interface}")
        return address

    def _default_at_once(self) -> bytes | None:
        """Where the default route leads; None: only the whole table tells. OSError when there is none.

        In a table of IPv4 default routes come first. In one of IPv6 they come last, but there the address
        that nobody has can be looked up in the table main.
        """
        if self._family == socket.AF_INET:
            with closing(Netlink()) as netlink:
                return self._nearest(filter(None, map(fib.parse, next(netlink.parts(self._dump())))))
        if self._settings.table == fib.MAIN_TABLE:
            question = fib.lookup(bytes(16), ifindex=self._ifindex, fib_match=True)
            best = fib.ask(self.context.shared(rtnetlink), question)
            if best is not None and best.length == 0 and best.table == fib.MAIN_TABLE:
                return self._nearest([best])
        return None

    async def _routes(self) -> AsyncIterator[Route]:
        """All default routes of the table, in slices."""
        with closing(Netlink()) as netlink:
            for part in netlink.parts(self._dump()):
                for message in part:
                    found = fib.destination_of(message)
                    if found is not None and found[1] == 0:
                        route = fib.parse(message)
                        if route is not None:
                            yield route
                await asyncio.sleep(0)

    def _dump(self) -> bytes:
        return fib.table_dump(self._family, self._settings.table, self._ifindex)

    def _nearest(self, routes: Iterable[Route]) -> bytes:
        """The gateway of the default route with the lowest metric; OSError when there is none."""
        ways = [
            (route.metric, hop.via)
            for route in routes
            if route.length == 0 and route.kind == fib.UNICAST
            for hop in route.hops
            if hop.ifindex == self._ifindex and hop.via is not None and hop.is_usable
        ]
        if not ways:
            raise OSError(0, f"no default route through {self._settings.interface}")
        return min(ways)[1]

"""The gateway of a network: what the routes through one interface lead to, and whether that answers.

Without an address it is the gateway of the default route through the interface that has the lowest metric.
With an address it is that one, as long as the kernel would reach it directly through the interface. Then it
has to answer: ARP or ND, or an echo request.
"""

import socket
from contextlib import closing
from ipaddress import ip_address

from vrrpd_fast.model import GatewayProbe, IcmpProbe
from vrrpd_fast.net import fib
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome
from vrrpd_fast.probe.kinds.icmp import EchoCheck
from vrrpd_fast.probe.kinds.kernel import rtnetlink
from vrrpd_fast.probe.kinds.links import index_of
from vrrpd_fast.probe.kinds.neighbour import Solicitation


def make(settings: GatewayProbe, context: Context) -> Check:
    """The check of a gateway block."""
    return GatewayCheck(settings, context)


class GatewayCheck:
    """Finds the gateway anew at every run, then asks it."""

    def __init__(self, settings: GatewayProbe, context: Context) -> None:
        self._context = context
        self._settings = settings
        self._named = None if settings.address is None else ip_address(settings.address).packed
        self._family = socket.AF_INET if settings.family == "ipv4" else socket.AF_INET6
        self._solicitation = Solicitation(context)
        self._echo: EchoCheck | None = None
        self._asked: bytes | None = None

    def begin(self, conclude: Conclude) -> None:
        ifindex = index_of(self._settings.interface)
        gateway = self._default(ifindex) if self._named is None else self._direct(ifindex, self._named)

        def tell(outcome: Outcome) -> None:
            conclude(Outcome(outcome.is_success, f"{ip_address(gateway)}: {outcome.text}"))

        if self._settings.ask == "icmp":
            self._echo_to(gateway).begin(tell)
        else:
            self._solicitation.begin(ifindex, gateway, tell)

    def abandon(self) -> None:
        self._solicitation.abandon()
        if self._echo is not None:
            self._echo.abandon()

    def close(self) -> None:
        """The sockets are of all."""

    def _echo_to(self, gateway: bytes) -> EchoCheck:
        if self._echo is None or self._asked != gateway:
            settings = IcmpProbe(address=str(ip_address(gateway)), interface=self._settings.interface)
            self._echo, self._asked = EchoCheck(settings, self._context), gateway
        return self._echo

    def _default(self, ifindex: int) -> bytes:
        """Where the default route leads; OSError when there is none through the interface.

        Default routes stand first in a table, however long that is, and nothing behind them is read.
        """
        best: tuple[int, bytes] | None = None
        with closing(Netlink()) as netlink:
            for message in next(netlink.parts(fib.table_dump(self._family, self._settings.table, ifindex))):
                route = fib.parse(message)
                if route is None or route.length or route.kind != fib.UNICAST:
                    continue
                for hop in route.hops:
                    if hop.ifindex != ifindex or hop.via is None or not hop.is_usable:
                        continue
                    if best is None or route.metric < best[0]:
                        best = route.metric, hop.via
        if best is None:
            raise OSError(0, f"no default route through {self._settings.interface}")
        return best[1]

    def _direct(self, ifindex: int, address: bytes) -> bytes:
        """The address itself; OSError when it is not on a network of the interface."""
        route = fib.ask(self._context.shared(rtnetlink), fib.lookup(address, ifindex=ifindex))
        hops = () if route is None or route.kind != fib.UNICAST else route.hops
        if not any(hop.ifindex == ifindex and hop.via is None and hop.is_usable for hop in hops):
            raise OSError(0, f"{ip_address(address)} is on no network of {self._settings.interface}")
        return address

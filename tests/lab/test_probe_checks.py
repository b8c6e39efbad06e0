"""Checks of probes against a real kernel, each by itself: what it answers, and what forged answers do."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest

from lab.kit.fixtures import Build
from lab.kit.net import Net
from lab.kit.netns import in_new_namespace, ip
from lab.kit.nsenter import run_in, socket_in
from unit.probe.running import outcome_of
from vrrpd_fast.model import AnyProbeKind, GatewayProbe, IcmpProbe, NeighbourProbe, RouteProbe
from vrrpd_fast.net import fib
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.probe.check import Context, Outcome

Ask = Callable[[AnyProbeKind], Awaitable[Outcome]]
NOTHING = Outcome(False, "no such route")
SILENT = Outcome(False, "timed out")


def asking(story: Callable[[Ask], Awaitable[None]], timeout: float = 0.5) -> None:
    """Run a story on a loop of its own."""

    async def main() -> None:
        context = Context(asyncio.get_running_loop())
        try:
            await story(lambda settings: outcome_of(settings, context, timeout))
        finally:
            context.close()

    asyncio.run(main())


def at(net: Net, story: Callable[[Ask], Awaitable[None]]) -> None:
    """Run a story in the node r1."""
    run_in(net.namespace("r1"), lambda: asking(story))


def nested(base: str, count: int, longest: int) -> list[IPv4Network | IPv6Network]:
    """Prefixes inside each other and side by side."""
    dice = random.Random(5)
    whole = ip_network(base)
    found = {whole}
    while len(found) < count:
        outer = dice.choice(sorted(found, key=str))
        length = min(longest, outer.prefixlen + dice.randint(1, 6))
        if length > outer.prefixlen:
            size = 1 << (whole.max_prefixlen - length)
            first = int(outer.network_address) + size * dice.randrange(1 << (length - outer.prefixlen))
            found.add(type(whole)((first, length)))
    return sorted(found, key=str)


@pytest.mark.parametrize(
    ("base", "longest", "family"),
    [("10.0.0.0/8", 32, socket.AF_INET), ("2001:db8::/32", 96, socket.AF_INET6)],
)
@in_new_namespace
def test_a_table_comes_in_the_order_that_checks_rely_on(base: str, longest: int, family: int) -> None:
    """No prefix comes behind an address that is behind its last_address; that of IPv4 to all is the first."""
    networks = nested(base, 600, longest)
    default = ip_network("0.0.0.0/0" if family == socket.AF_INET else "::/0")
    ip("link set lo up", *(f"route add {network} dev lo table 77" for network in [*networks, default]))
    with closing(Netlink()) as netlink:
        told = [fib.destination_of(message) for message in netlink.dump(fib.table_dump(family, 77))]
    assert None not in told
    found = [(address, length) for address, length in filter(None, told)]
    assert set(found) == {(each.network_address.packed, each.prefixlen) for each in [*networks, default]}
    if family == socket.AF_INET:
        assert found[0] == (bytes(4), 0)
    highest = b""
    for address, length in found:
        assert highest <= fib.last_address(ip_network((address, length)))
        highest = max(highest, address)


@in_new_namespace
def test_routes() -> None:
    ip(
        "link set lo up",
        "link add va type veth peer name vb",
        "link set va up",
        "link set vb up",
        "addr add 10.9.0.1/24 dev va",
        "addr add fd09::1/64 dev va nodad",
        "route add default via 10.9.0.2",
        "route add default via fd09::2",
        "route add 10.50.0.0/16 via 10.9.0.2",
        "route add 10.50.0.0/24 via 10.9.0.3",
        "route add 10.60.0.0/16 via 10.9.0.2 table 77",
        "route add fd60::/16 via fd09::2 table 77",
        "route add blackhole 10.70.0.0/16",
        "route add 10.71.0.0/16 via 10.9.0.2 metric 10",
        "route add 10.71.0.0/16 via 10.9.0.3 metric 20",
        "route add 10.72.0.0/16 nexthop via 10.9.0.2 nexthop via 10.9.0.4",
        "route add unreachable 10.73.0.0/16",
        "route add prohibit 10.74.0.0/16",
    )

    async def story(ask: Ask) -> None:
        def route(**settings: object) -> Awaitable[Outcome]:
            return ask(RouteProbe(**settings))  # type: ignore[arg-type]

        way = Outcome(True, "via 10.9.0.2 dev va")
        assert await route(prefix="10.50.0.0/16") == way
        assert await route(prefix="10.50.0.0/24") == Outcome(True, "via 10.9.0.3 dev va")
        assert await route(prefix="10.50.0.0/20") == NOTHING
        assert await route(prefix="10.51.0.0/16") == NOTHING
        assert await route(prefix="0.0.0.0/0", via="10.9.0.2", dev="va") == way
        assert await route(prefix="0.0.0.0/0", via="10.9.0.3") == Outcome(False, "via 10.9.0.2 dev va")
        assert await route(prefix="0.0.0.0/0", dev="vb") == Outcome(False, "via 10.9.0.2 dev va")
        assert await route(prefix="0.0.0.0/0", dev="vc") == Outcome(False, "there is no interface vc")
        assert await route(prefix="::/0", via="fd09::2") == Outcome(True, "via fd09::2 dev va")
        assert await route(prefix="fd09::/64", dev="va") == Outcome(True, "dev va")
        assert await route(prefix="fd08::/64") == NOTHING
        assert await route(prefix="10.60.0.0/16", table=77) == way
        assert await route(prefix="fd60::/16", table=77) == Outcome(True, "via fd09::2 dev va")
        assert await route(prefix="10.60.0.0/16") == NOTHING
        assert await route(prefix="10.60.0.0/16", table=78) == NOTHING
        assert await route(prefix="10.9.0.1/32", table=255) == Outcome(True, "dev va")
        assert await route(prefix="10.70.0.0/16") == NOTHING
        assert (await route(prefix="10.71.0.0/16", via="10.9.0.3")).is_success
        assert not (await route(prefix="10.71.0.0/16", via="10.9.0.5")).is_success
        assert (await route(prefix="10.72.0.0/16", via="10.9.0.4")).is_success
        assert await route(to="10.50.7.7") == way
        assert await route(to="10.50.0.7", via="10.9.0.2") == Outcome(False, "via 10.9.0.3 dev va")
        assert await route(to="fd09::5", dev="va") == Outcome(True, "dev va")
        assert await route(to="10.70.0.1") == Outcome(False, "dropped (blackhole) by a route")
        assert await route(to="10.73.0.1") == Outcome(False, "refused (unreachable) by a route")
        assert await route(to="10.74.0.1") == Outcome(False, "refused (prohibit) by a route")
        ip("route del default via 10.9.0.2", "link set vb down")
        assert await route(to="198.51.100.1") in (Outcome(False, "no route"), NOTHING)
        assert await route(prefix="10.50.0.0/16") == Outcome(False, "via 10.9.0.2 dev va (down)")
        ip("rule add from 10.9.0.1 table 77", "link set vb up")
        assert await route(to="10.60.0.1", source="10.9.0.1") == way

    asking(story)


def test_neighbours_and_gateways(build: Build) -> None:
    net = build(["r1", "client"])
    client = net.port("client")
    v4, v6 = str(client.ipv4), str(client.ipv6)

    async def story(ask: Ask) -> None:
        for address in (v4, v6, str(client.link_local)):
            for _ in range(2):  # unknown at first, then known
                outcome = await ask(NeighbourProbe(address=address, interface="eth0"))
                assert outcome == Outcome(True, "reachable"), address
        assert await ask(NeighbourProbe(address="10.0.0.99", interface="eth0")) == SILENT
        passive = await ask(NeighbourProbe(address="10.0.0.99", interface="eth0", passive=True))
        assert passive == Outcome(False, "incomplete")
        assert (await ask(NeighbourProbe(address=v4, interface="eth0", passive=True))).is_success
        net.ip("r1", "neigh", "add", "10.0.0.98", "lladdr", "02:00:00:00:00:98", "dev", "eth0")
        static = NeighbourProbe(address="10.0.0.98", interface="eth0")
        assert await ask(static) == Outcome(True, "permanent")
        assert "PERMANENT" in net.run("r1", "ip", "neigh", "show", "10.0.0.98").stdout
        gone = await ask(NeighbourProbe(address=v4, interface="eth9"))
        assert gone == Outcome(False, "there is no interface eth9")

        own = GatewayProbe(interface="eth0")
        assert await ask(own) == Outcome(False, "no default route through eth0")
        net.ip("r1", "route", "add", "default", "via", "10.0.0.99", "metric", "50")
        assert await ask(own) == SILENT
        net.ip("r1", "route", "add", "default", "via", v4, "metric", "20")
        assert await ask(own) == Outcome(True, f"{v4}: reachable")
        assert (await ask(GatewayProbe(interface="eth0", ask="icmp"))).text.startswith(f"{v4}: answered")
        for table in (254, 77):
            net.ip(
                "r1",
                "route",
                "add",
                "default",
                "via",
                str(client.link_local),
                "dev",
                "eth0",
                "table",
                str(table),
            )
            six = await ask(GatewayProbe(interface="eth0", family="ipv6", table=table))
            assert six == Outcome(True, f"{client.link_local}: reachable")
        assert (await ask(GatewayProbe(interface="eth0", address=v4))).is_success
        net.ip("r1", "route", "add", "10.5.0.0/16", "via", v4)
        far = await ask(GatewayProbe(interface="eth0", address="10.5.0.1"))
        assert far == Outcome(False, "10.5.0.1 is on no network of eth0")

    at(net, story)


def test_echoes_and_forged_ones(build: Build) -> None:
    """Another's reply, a repeated one and one with another payload answer nothing."""
    net = build(["r1", "client"])
    client, own = net.port("client"), net.port("r1")
    quiet = "10.0.0.66"  # the client has it and does not answer

    async def story(ask: Ask) -> None:
        for address in (client.ipv4, client.ipv6):
            assert (await ask(IcmpProbe(address=str(address)))).is_success
        through = IcmpProbe(address=str(client.link_local), interface="eth0", source=str(own.link_local))
        assert (await ask(through)).is_success
        wrong_way = IcmpProbe(address=str(client.ipv4), interface="lo")
        assert not (await ask(wrong_way)).is_success
        assert not (await ask(IcmpProbe(address=str(client.ipv4), source="10.0.0.77"))).is_success
        assert await ask(IcmpProbe(address=quiet)) == SILENT

    net.ip("client", "addr", "add", f"{quiet}/24", "dev", "eth0")
    net.run("client", "sysctl", "-q", "-w", "net.ipv4.icmp_echo_ignore_all=0")
    with socket_in(net.namespace("client"), socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as forger:
        net.run(
            "client",
            "nft",
            "add table inet t; add chain inet t out { type filter hook output priority 0; }; "
            f"add rule inet t out ip saddr {quiet} icmp type echo-reply ip ttl != 99 drop",
        )
        forger.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 99)
        forger.bind((quiet, 0))
        forger.settimeout(0.1)
        stop = threading.Event()
        forged = 0

        def forge() -> None:
            nonlocal forged
            while not stop.is_set():
                try:
                    packet, (sender, _) = forger.recvfrom(2048)
                except TimeoutError:
                    continue
                if packet[20] != 8:
                    continue
                for payload in (b"", bytes(32), packet[28:59] + bytes([packet[59] ^ 1]), packet[28:] + b"x"):
                    reply = struct.pack("!BBH", 0, 0, 0) + packet[24:28] + payload
                    summed = sum(
                        struct.unpack(f"!{len(reply + b'0') // 2}H", reply + b"\0" * (len(reply) % 2))
                    )
                    summed = (summed & 0xFFFF) + (summed >> 16)
                    summed = (summed & 0xFFFF) + (summed >> 16)
                    forger.sendto(reply[:2] + struct.pack("!H", ~summed & 0xFFFF) + reply[4:], (sender, 0))
                    forged += 1

        thread = threading.Thread(target=forge)
        thread.start()
        try:
            at(net, story)
        finally:
            stop.set()
            thread.join()
    assert forged >= 4

"""Peers by unicast, groups other than the usual, and where adverts come from."""

from ipaddress import IPv4Address, IPv6Address

from lab.compare.scenario import Scenario, Step
from lab.compare.scenarios.texts import conf, instance, instance6
from lab.compare.side import ROUTER, Side
from lab.compare.steps import (
    ALONE,
    ALONE6,
    LINK_LOCAL6,
    STOP,
    VIP6,
    adverts,
    ended,
    every,
    hear,
    start,
    stop,
)

SIX = {"addresses": [LINK_LOCAL6, VIP6]}
PEER, STRANGER = "r2", "r3"
GROUP4, GROUP6 = IPv4Address("224.0.0.99"), IPv6Address("ff02::99")
SECOND_ADDRESS = "10.0.0.77"


def _peers(*lines: str, source: str = "10.0.0.1", more: str = "") -> str:
    listed = "".join(f"    {line}\n" for line in lines)
    return f"  unicast_src_ip {source}\n  unicast_peer {{\n{listed}  }}\n{more}"


def _ignored(name: str, **more: object) -> Step:
    """A better one that must not be listened to."""
    return Step(name, hear(200, 300, **more), adverts(2), after_advert=True)  # type: ignore[arg-type]


def _heard(name: str, **more: object) -> Step:
    return Step(name, hear(200, 20, **more), adverts(2), after_advert=True)  # type: ignore[arg-type]


def _second_address(side: Side) -> None:
    side.net.ip(ROUTER, "addr", "add", f"{SECOND_ADDRESS}/24", "dev", "eth0")


SCENARIOS = [
    Scenario(
        "unicast",
        ("unicast_src_ip", "unicast_peer"),
        conf(instance(_peers("10.0.0.2", "10.0.0.3"))),
        (ALONE, _heard("a peer is better", to_router=True), STOP),
    ),
    Scenario(
        "unicast-ipv6",
        ("unicast_src_ip", "unicast_peer", "unicast_ttl"),
        conf(instance6(_peers("fe80::2", "fe80::3", source="fe80::1", more="  unicast_ttl 255\n"))),
        (ALONE6, _heard("a peer is better", to_router=True, **SIX), STOP),
    ),
    Scenario(
        "unicast-without-source",
        ("unicast_peer",),
        conf(instance(_peers("10.0.0.2").replace("  unicast_src_ip 10.0.0.1\n", ""))),
        (ALONE, STOP),
    ),
    Scenario(
        "unicast-from-strangers",
        ("unicast_peer",),
        conf(instance(_peers("10.0.0.2"))),
        (ALONE, _heard("a stranger is better", node=STRANGER, to_router=True), STOP),
    ),
    Scenario(
        "check-unicast-src",
        ("check_unicast_src",),
        conf(instance(_peers("10.0.0.2", more="  check_unicast_src\n"))),
        (
            ALONE,
            _ignored("a stranger is better", node=STRANGER, to_router=True),
            _heard("a peer is better", to_router=True),
            STOP,
        ),
    ),
    Scenario(
        "check-unicast-src-everywhere",
        ("vrrp_check_unicast_src",),
        conf(instance(_peers("10.0.0.2")), more_global="  vrrp_check_unicast_src\n"),
        (ALONE, _ignored("a stranger is better", node=STRANGER, to_router=True), STOP),
    ),
    Scenario(
        "unicast-ttl",
        ("unicast_ttl",),
        conf(instance(_peers("10.0.0.2", more="  unicast_ttl 42\n"))),
        (ALONE, _heard("a peer at some distance is better", to_router=True, ttl=200), STOP),
    ),
    Scenario(
        "unicast-ttl-range",
        ("unicast_peer",),
        conf(instance(_peers("10.0.0.2 min_ttl 100 max_ttl 200", "10.0.0.3"))),
        (
            ALONE,
            _ignored("a peer too far away", to_router=True, ttl=99),
            _ignored("a peer too near", to_router=True, ttl=201),
            _heard("a peer at the right distance", to_router=True, ttl=150),
            STOP,
        ),
    ),
    Scenario(
        "unicast-ignores-the-group",
        ("unicast_peer",),
        conf(instance(_peers("10.0.0.2"))),
        (ALONE, _ignored("a better one sends to the group"), STOP),
    ),
    Scenario(
        "unicast-without-peers",
        ("unicast_fault_no_peer",),
        conf(
            instance("  unicast_fault_no_peer\n  unicast_src_ip 10.0.0.1\n"),
            instance(name="OTHER", vrid=60, addresses="10.0.0.92/24"),
        ),
        (
            Step("start", start, adverts(3, vrid=60), is_timed=False),
            Step("stop", stop, every(adverts(1, vrid=60, priority=0), ended), is_timed=False),
        ),
    ),
    Scenario(
        "group4",
        ("vrrp_mcast_group4",),
        conf(instance(), more_global=f"  vrrp_mcast_group4 {GROUP4}\n"),
        (
            ALONE,
            _heard(
                "a better one in this group",
                destination=GROUP4,
                destination_mac="01:00:5e:00:00:63",
            ),
            STOP,
        ),
    ),
    Scenario(
        "group6",
        ("vrrp_mcast_group6",),
        conf(instance6(), more_global=f"  vrrp_mcast_group6 {GROUP6}\n"),
        (
            ALONE6,
            _heard(
                "a better one in this group",
                destination=GROUP6,
                destination_mac="33:33:00:00:00:99",
                **SIX,
            ),
            STOP,
        ),
    ),
    Scenario(
        "group-of-an-instance",
        ("mcast_dst_ip",),
        conf(instance(f"  mcast_dst_ip {GROUP4}\n")),
        (ALONE, STOP),
    ),
    Scenario(
        "mcast-src-ip",
        ("mcast_src_ip",),
        conf(instance(f"  mcast_src_ip {SECOND_ADDRESS}\n")),
        (
            ALONE,
            Step(
                "the same priority from between the two addresses",
                hear(100, 300, source=IPv4Address("10.0.0.50")),
                adverts(2),
                after_advert=True,
            ),
            STOP,
        ),
        prepare=_second_address,
    ),
    Scenario(
        "unicast-ttl-range-ipv6",
        ("unicast_peer", "check_unicast_src"),
        conf(
            instance6(_peers("fe80::2 min_ttl 100 max_ttl 200", source="fe80::1", more="  unicast_ttl 42\n"))
        ),
        (
            ALONE6,
            _ignored("a peer too near", to_router=True, ttl=201, **SIX),
            _ignored("a stranger", node=STRANGER, to_router=True, ttl=150, **SIX),
            _heard("a peer at the right distance", to_router=True, ttl=150, **SIX),
            STOP,
        ),
    ),
]

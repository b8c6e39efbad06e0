"""Lines of virtual_routes: what each word comes to, and what is said of lines that cannot be used."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest

from vrrpd_fast.config import iproute
from vrrpd_fast.config.addresses import EntryError
from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.model import Encapsulation, Family, NextHop

MTU, WINDOW, RTT, RTTVAR, LOCK, FEATURES, RTO_MIN = 2, 3, 4, 5, 1, 12, 13
GATEWAY = IPv4Address("10.0.0.2")


def test_what_is_not_said_is_as_in_keepalived() -> None:
    route = parse_route("10.1.0.0/16 via 10.0.0.2 dev eth0")
    assert route.destination == IPv4Network("10.1.0.0/16")
    assert route.next_hops == (NextHop(via=GATEWAY, dev="eth0"),)
    assert (route.kind, route.table, route.scope, route.metric, route.protocol) == (1, 254, 0, 0, None)
    assert not route.is_exclusive
    assert not route.is_appended
    assert route.is_tracked
    assert route.devices == {"eth0"}


@pytest.mark.parametrize(
    "line",
    [
        "src 192.168.100.1 to 192.168.109.0/24 via 192.168.200.254 dev eth1",
        "192.168.110.0/24 via 192.168.200.254 dev eth1",
        "192.168.111.0/24 dev eth2 no_track",
        "192.168.112.0/24 via 192.168.100.254",
        "192.168.113.0/24 via 192.168.200.254 or 192.168.100.254 dev eth1",
        "blackhole 192.168.114.0/24",
        "0.0.0.0/0 gw 192.168.0.1 table 100",
        "192.168.100.0/24 table 6909 nexthop via 192.168.101.1 dev wlan0 onlink weight 1 "
        "nexthop via 192.168.101.2 dev wlan0 onlink weight 2",
        "192.168.200.0/24 dev p33p1.2 table 6909 tos 0x04 protocol bird scope link priority 12 mtu 1000 "
        "hoplimit 100 advmss 101 rtt 102 rttvar 103 reordering 104 window 105 cwnd 106 ssthresh lock 107 "
        "realms 3/0x14 rto_min 108 initcwnd 109 initrwnd 110 vrf blue features ecn add",
        "2001:470:69e9:1:2::4 dev p33p1.2 table 6909 tos 0x04 protocol bird scope link priority 12 mtu 1000 "
        "hoplimit 100 advmss 101 rtt 102 rttvar 103 reordering 104 window 105 cwnd 106 ssthresh lock 107 "
        "rto_min 108 initcwnd 109 append initrwnd 110 features ecn fastopen_no_cookie 1",
    ],
)
def test_every_line_of_the_manual_is_taken(line: str) -> None:
    assert parse_route(line).text == line


def test_the_family_follows_from_addresses_or_is_named() -> None:
    assert parse_route("default dev eth0").family is Family.IPV4
    assert parse_route("default inet6 dev eth0").destination == IPv6Network("::/0")
    assert parse_route("default via fe80::1 dev eth0").family is Family.IPV6
    hop = parse_route("10.0.0.0/8 via inet6 fe80::1 dev eth0").next_hops[0]
    assert hop.via == IPv6Address("fe80::1")


def test_metrics_and_locks() -> None:
    route = parse_route(
        "10.0.0.0/8 dev e mtu lock 1400 window 9 rtt 300ms rttvar lock 1.5s rto_min 2s features ecn"
    )
    assert dict(route.metrics) == {
        LOCK: 1 << MTU | 1 << RTTVAR,
        MTU: 1400,
        WINDOW: 9,
        RTT: 300 * 8,
        RTTVAR: 1500 * 4,
        FEATURES: 1,
        RTO_MIN: 2000,
    }
    assert dict(parse_route("10.0.0.0/8 dev e rtt 1000").metrics) == {RTT: 1000}


def test_options_of_the_route_itself() -> None:
    route = parse_route(
        "to unicast 10.0.0.0/8 dev e src 10.0.0.7 dsfield 0x10 table 300 protocol static scope link metric 5 "
        "congctl lock cubic ttl-propagate disabled append no_track"
    )
    assert route.preferred_source == IPv4Address("10.0.0.7")
    assert (route.tos, route.table, route.protocol, route.scope, route.metric) == (16, 300, 4, 253, 5)
    assert (route.congestion_control, dict(route.metrics)) == ("cubic", {LOCK: 1 << 16})
    assert (route.ttl_propagate, route.is_appended, route.is_tracked) == (False, True, False)


def test_options_of_ipv6() -> None:
    route = parse_route("2001:db8::/32 from 2001:db8:9::/48 dev e pref high expires 60 add")
    assert route.source == IPv6Network("2001:db8:9::/48")
    assert (route.preference, route.expires, route.is_exclusive) == (1, 60, True)


def test_next_hops() -> None:
    route = parse_route("10.0.0.0/8 nexthop via 10.0.0.2 weight 2 realms 1/2 nexthop dev b onlink")
    assert route.next_hops == (
        NextHop(via=GATEWAY, weight=2, realm=1 << 16 | 2),
        NextHop(dev="b", onlink=True),
    )
    assert [hop.dev for hop in parse_route("10.0.0.0/8 via 10.0.0.2 or 10.0.0.3 dev b").next_hops] == [
        "b",
        "b",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mpls 100/200", Encapsulation(kind="mpls", labels=(100, 200))),
        (
            "ip id 5 dst 10.0.0.9 src 10.0.0.8 tos 4 ttl 9 flags 1",
            Encapsulation(
                kind="ip",
                id=5,
                destination=IPv4Address("10.0.0.9"),
                source=IPv4Address("10.0.0.8"),
                tos=4,
                ttl=9,
                flags=1,
            ),
        ),
        (
            "ip6 dst fd00::9 tc 4 hoplimit 8",
            Encapsulation(kind="ip6", destination=IPv6Address("fd00::9"), tos=4, ttl=8),
        ),
        ("ila 2001:db8:0:1", Encapsulation(kind="ila", locator=0x20010DB800000001)),
    ],
)
def test_encapsulations(words: str, expected: Encapsulation) -> None:
    assert parse_route(f"10.0.0.0/8 encap {words} dev e").next_hops[0].encapsulation == expected


def test_kinds_that_lead_nowhere() -> None:
    for kind, number in (("blackhole", 6), ("unreachable", 7), ("prohibit", 8), ("throw", 9)):
        route = parse_route(f"{kind} 10.0.0.0/8")
        assert (route.kind, route.next_hops) == (number, ())


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ("", None, "is empty"),
        ("dev eth0", None, "needs a destination"),
        ("10.0.0.0/8", None, "leads nowhere"),
        ("10.0.0.1/8 dev e", None, "did you mean 10.0.0.0/8?"),
        ("10.0.0.0/33 dev e", None, "is a number in 0..32"),
        ("10.0.0.0/8 11.0.0.0/8 dev e", None, "has a destination already"),
        ("10.0.0.0/8 va 10.0.0.2", None, 'did you mean "via"?'),
        ("10.0.0.0/8 via", "via", "needs a value"),
        ("10.0.0.0/8 via fe80::1 dev e", "via", "is IPv6 in an IPv4 route"),
        ("10.0.0.0/8 via inet6 10.0.0.2", "via", "is not IPv6"),
        ("10.0.0.0/8 dev e dev f", "dev", "stands twice"),
        ("10.0.0.0/8 dev interface-name-too-long", "dev", "is longer than"),
        ("10.0.0.0/8 dev e table nosuch", "table", "/etc/iproute2/rt_tables"),
        ("10.0.0.0/8 dev e table mian", "table", 'did you mean "main"?'),
        ("10.0.0.0/8 dev e mtu big", "mtu", "is not a number"),
        ("10.0.0.0/8 dev e window lock 5", "window", "cannot be locked"),
        ("10.0.0.0/8 dev e rtt soon", "rtt", "is not a time"),
        ("10.0.0.0/8 dev e hoplimit 256", "hoplimit", "is not in 0..255"),
        ("10.0.0.0/8 dev e pref high", "pref", "IPv6 only"),
        ("10.0.0.0/8 dev e expires 5", "expires", "IPv6 only"),
        ("2001:db8::/32 dev e realms 5", "realms", "IPv4 only"),
        ("blackhole 10.0.0.0/8 dev e", None, "blackhole leads nowhere"),
        ("10.0.0.0/8 via 10.0.0.1 nexthop via 10.0.0.2", None, "via and nexthop"),
        ("10.0.0.0/8 nexthop via 10.0.0.2 mtu 1400", None, "put it before the first one"),
        ("10.0.0.0/8 nexthop", "nexthop", "needs via or dev"),
        ("10.0.0.0/8 or 10.0.0.3 dev e", "or", "stands behind via"),
        ("10.0.0.0/8 dev e add append", "add, append or prepend", "stands twice"),
        ("10.0.0.0/8 dev e encap gre 5", "encap", "is not one of mpls, ip, ip6, ila"),
        ("10.0.0.0/8 dev e encap ip ttl 5", "encap ip", "needs dst or id"),
        ("10.0.0.0/8 dev e encap ip6 dst 10.0.0.1", "encap ip6", "is not IPv6"),
        ("10.0.0.0/8 dev e encap mpls 1048576", "encap mpls", "each in 0..1048575"),
        ("10.0.0.0/8 dev e encap ila 1:2:3", "encap ila", "is not a locator"),
    ],
)
def test_mistakes(line: str, key: str | None, said: str) -> None:
    with pytest.raises(EntryError) as caught:
        parse_route(line)
    assert caught.value.key == key
    assert said in str(caught.value)


def test_names_of_a_file_that_changes(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(iproute, "DIRECTORIES", (str(tmp_path),))
    extra = tmp_path / "rt_tables.d"
    extra.mkdir()
    (tmp_path / "rt_tables").write_text("# tables\n0x64 blue # the first\nbroken\n")
    assert parse_route("10.0.0.0/8 dev e table blue").table == 100
    assert parse_route("10.0.0.0/8 dev e table main").table == 254
    (extra / "red.conf").write_text("200 red\n201 blue\n")
    assert parse_route("10.0.0.0/8 dev e table blue").table == 100
    assert parse_route("10.0.0.0/8 dev e table red").table == 200

"""Routes as messages: what pyroute2 reads in them is what was asked for."""

from ipaddress import ip_address
from typing import Any

import pytest
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.model import OWNER_TAG, VirtualRoute
from vrrpd_fast.net import routes, rtnl
from vrrpd_fast.net.routes import PreparedExclusiveRoute, PreparedRoute

INDEXES = {"a": 4, "b": 5, "blue": 9}


def prepare(text: str) -> PreparedRoute:
    prepared = routes.prepare(parse_route(text), INDEXES.get, {"blue": 77}.get)
    assert prepared is not None
    return prepared


def read(message: bytes) -> Any:
    decoded = rtmsg(message)
    decoded.decode()
    return decoded


def attributes(message: bytes) -> dict[str, Any]:
    return dict(read(message)["attrs"])


def test_a_plain_route() -> None:
    message = prepare("10.1.0.0/16 via 10.0.0.2 dev a table 300 metric 5 src 10.0.0.7 tos 8 scope link").add
    decoded = read(message)
    fields = {name: decoded[name] for name in ("family", "dst_len", "tos", "table", "proto", "scope", "type")}
    assert fields == {
        "family": 2,
        "dst_len": 16,
        "tos": 8,
        "table": 252,
        "proto": OWNER_TAG,
        "scope": 253,
        "type": 1,
    }
    assert attributes(message) == {
        "RTA_DST": "10.1.0.0",
        "RTA_TABLE": 300,
        "RTA_PRIORITY": 5,
        "RTA_OIF": 4,
        "RTA_GATEWAY": "10.0.0.2",
        "RTA_PREFSRC": "10.0.0.7",
    }


def test_a_removal_names_what_tells_the_route_from_others_and_no_more() -> None:
    prepared = prepare(
        "10.1.0.0/16 via 10.0.0.2 dev a metric 5 src 10.0.0.7 mtu 1400 realms 3 scope link protocol static"
    )
    decoded = read(prepared.remove)
    assert (decoded["header"]["type"], decoded["proto"], decoded["scope"]) == (rtnl.RTM_DELROUTE, 4, 255)
    assert set(attributes(prepared.remove)) == {
        "RTA_DST",
        "RTA_TABLE",
        "RTA_PRIORITY",
        "RTA_OIF",
        "RTA_GATEWAY",
    }


@pytest.mark.parametrize(
    ("word", "flags"),
    [
        ("", rtnl.NLM_F_CREATE),
        ("prepend", rtnl.NLM_F_CREATE),
        ("append", rtnl.NLM_F_CREATE | rtnl.NLM_F_APPEND),
        ("add", rtnl.NLM_F_CREATE | rtnl.NLM_F_EXCL),
    ],
)
def test_where_it_goes_among_others(word: str, flags: int) -> None:
    prepared = prepare(f"10.0.0.0/8 dev a {word}")
    assert read(prepared.add)["header"]["flags"] == rtnl.NLM_F_REQUEST | flags
    assert isinstance(prepared, PreparedExclusiveRoute) is (word == "add")


def test_metrics_and_what_only_ipv6_has() -> None:
    prepared = prepare("2001:db8::/32 from fd00::/64 dev a mtu lock 1400 congctl cubic pref high")
    found = attributes(prepared.add)
    assert dict(found["RTA_METRICS"]["attrs"]) == {"RTAX_LOCK": 4, "RTAX_MTU": 1400, "RTAX_CC_ALGO": "cubic"}
    assert (found["RTA_SRC"], found["RTA_PREF"], read(prepared.add)["src_len"]) == ("fd00::", 1, 64)


def test_several_next_hops() -> None:
    text = (
        "10.0.0.0/8 nexthop via 10.0.0.2 dev a weight 3 realms 7 nexthop dev b onlink "
        "nexthop via inet6 fe80::1 dev a"
    )
    first, second, third = attributes(prepare(text).add)["RTA_MULTIPATH"]
    assert (first["oif"], first["hops"], dict(first["attrs"])) == (
        4,
        2,
        {"RTA_GATEWAY": "10.0.0.2", "RTA_FLOW": 7},
    )
    assert (second["oif"], second["flags"], second["attrs"]) == (5, 4, [])
    assert dict(third["attrs"]) == {"RTA_VIA": {"family": 10, "addr": "fe80::1"}}


def test_labels_in_front_of_packets() -> None:
    found = attributes(prepare("10.0.0.0/8 encap mpls 100/200 dev a").add)
    assert found["RTA_ENCAP_TYPE"] == 1
    labels = dict(found["RTA_ENCAP"]["attrs"])["MPLS_IPTUNNEL_DST"]
    assert [(each["label"], each["bos"]) for each in labels] == [(100, 0), (200, 1)]


@pytest.mark.parametrize(
    ("words", "kind", "inner"),
    [
        # linux/lwtunnel.h: LWTUNNEL_IP_ID 1, _DST 2, _SRC 3, _TTL 4, _TOS 5, _FLAGS 6
        ("ip id 5 dst 10.0.0.9 ttl 7 tos 4", 2, {1: "0000000000000005", 2: "0a000009", 4: "07", 5: "04"}),
        (
            "ip6 id 5 src fd00::9 flags 3",
            4,
            {1: "0000000000000005", 3: ip_address("fd00::9").packed.hex(), 6: "0003"},
        ),
        ("ila 2001:db8:0:1", 3, {1: "20010db800000001"}),
    ],
)
def test_tunnels(words: str, kind: int, inner: dict[int, str]) -> None:
    message = prepare(f"10.0.0.0/8 encap {words} dev a").add
    outer = {k: (start, end) for k, start, end in rtnl.attributes(message, 28, len(message))}
    assert int.from_bytes(message[slice(*outer[21])][:2], "little") == kind
    start, end = outer[22]
    assert {k: message[a:b].hex() for k, a, b in rtnl.attributes(message, start, end)} == inner


def test_no_route_while_an_interface_is_missing() -> None:
    assert routes.prepare(parse_route("10.0.0.0/8 dev nosuch"), INDEXES.get, {}.get) is None
    assert routes.prepare(parse_route("10.0.0.0/8 dev a vrf b"), INDEXES.get, {}.get) is None


def test_the_table_of_a_vrf() -> None:
    assert attributes(prepare("10.0.0.0/8 dev a vrf blue").add)["RTA_TABLE"] == 77
    assert prepare("10.0.0.0/8 dev a vrf blue").key[1] == 77


@pytest.mark.parametrize(
    "text",
    [
        "10.1.0.0/16 via 10.0.0.2 dev a table 300 metric 5 tos 8",
        "blackhole 10.0.0.0/8",
        "default dev a",
        "2001:db8::/32 dev a metric 7",
        "2001:db8::/32 dev a",
    ],
)
def test_a_notification_has_the_key_of_the_route(text: str) -> None:
    prepared = prepare(text)
    told = bytearray(prepared.add)
    if text == "2001:db8::/32 dev a":  # the kernel's own default (linux/ipv6_route.h: IP6_RT_PRIO_USER)
        told += rtnl.attribute(6, (1024).to_bytes(4, "little"))
    assert routes.parse(told, rtnl.HEADER.size, len(told)) == (prepared.key, OWNER_TAG)


def test_what_is_no_route_of_ours_is_not_read() -> None:
    message = prepare("10.0.0.0/8 dev a").add
    cached = bytearray(message)
    cached[24:28] = (0x200).to_bytes(4, "little")  # RTM_F_CLONED
    assert routes.parse(cached, 16, len(cached)) is None
    assert routes.parse(message, 16, 20) is None
    other = bytearray(message)
    other[16] = 28  # AF_MPLS
    assert routes.parse(other, 16, len(other)) is None


def test_it_is_called_by_its_line() -> None:
    route: VirtualRoute = parse_route("10.0.0.0/8   dev a")
    assert str(prepare(route.text)) == "route 10.0.0.0/8 dev a"

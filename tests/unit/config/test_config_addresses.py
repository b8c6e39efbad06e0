"""One-line and object form of virtual addresses."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vrrpd_fast.config.addresses import EntryError, parse_address, virtual_address
from vrrpd_fast.config.schema import AddressEntry
from vrrpd_fast.model import VirtualAddress

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_everything_in_one_line() -> None:
    line = "192.168.0.75/24 dev eth1 brd + label eth1:1 scope link"
    expected = VirtualAddress(
        address=IPv4Address("192.168.0.75"),
        prefixlen=24,
        dev="eth1",
        scope=253,
        label="eth1:1",
        broadcast=IPv4Address("192.168.0.255"),
    )
    assert virtual_address(line, "eth0") == expected
    entry = AddressEntry(address="192.168.0.75/24", dev="eth1", brd="+", label="eth1:1", scope="link")
    assert virtual_address(entry, "eth0") == expected


def test_defaults() -> None:
    assert virtual_address("10.0.0.1", "eth0") == VirtualAddress(
        address=IPv4Address("10.0.0.1"), prefixlen=32, dev="eth0"
    )
    assert virtual_address(" fe80::1 \t", "eth0") == VirtualAddress(
        address=IPv6Address("fe80::1"), prefixlen=128, dev="eth0", preferred_lft=0
    )


@pytest.mark.parametrize(
    ("brd", "broadcast"),
    [("+", "10.1.255.255"), ("-", "10.1.0.0"), ("10.1.9.9", "10.1.9.9")],
)
def test_broadcast(brd: str, broadcast: str) -> None:
    assert virtual_address(f"10.1.2.3/16 brd {brd}", "eth0").broadcast == IPv4Address(broadcast)
    assert virtual_address(f"10.1.2.3/16 broadcast {brd}", "eth0").broadcast == IPv4Address(broadcast)


@pytest.mark.parametrize(
    ("scope", "number"),
    [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255), ("7", 7), ("255", 255)],
)
def test_scope(scope: str, number: int) -> None:
    assert virtual_address(f"10.0.0.1 scope {scope}", "eth0").scope == number
    assert virtual_address(AddressEntry(address="10.0.0.1", scope=number), "eth0").scope == number


def test_every_option_of_ipv6() -> None:
    line = "2001:db8::1/64 dev eth1 home -nodad mngtmpaddr noprefixroute autojoin no_track preferred_lft 60"
    expected = VirtualAddress(
        address=IPv6Address("2001:db8::1"),
        prefixlen=64,
        dev="eth1",
        home=True,
        nodad=False,
        mngtmpaddr=True,
        noprefixroute=True,
        autojoin=True,
        is_tracked=False,
        preferred_lft=60,
    )
    assert virtual_address(line, "eth0") == expected
    entry = AddressEntry(
        address="2001:db8::1/64",
        dev="eth1",
        home=True,
        dad=True,
        mngtmpaddr=True,
        noprefixroute=True,
        autojoin=True,
        no_track=True,
        preferred_lft=60,
    )
    assert virtual_address(entry, "eth0") == expected


def test_duplicate_address_detection_may_be_asked_for() -> None:
    assert virtual_address("fe80::1", "eth0").nodad
    assert not virtual_address(AddressEntry(address="fe80::1", dad=True), "eth0").nodad


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        *[("fe80::1", 0), ("fe80::1/64", None), ("10.0.0.1", None), ("10.0.0.1/24", None)],
        *[("fe80::1 preferred_lft forever", None), ("fe80::1/64 preferred_lft 0", 0)],
        ("10.0.0.1 preferred_lft 4294967294", 4294967294),
    ],
)
def test_preferred_lifetime(line: str, seconds: int | None) -> None:
    assert virtual_address(line, "eth0").preferred_lft == seconds


@pytest.mark.parametrize(
    ("line", "peer", "length"),
    [
        ("10.0.0.1 peer 10.0.0.2", IPv4Address("10.0.0.2"), 32),
        ("10.0.0.1 peer 10.0.1.0/24", IPv4Address("10.0.1.0"), 24),
        ("fe80::1 peer fe80::2/64", IPv6Address("fe80::2"), 64),
    ],
)
def test_peer(line: str, peer: IPv4Address | IPv6Address, length: int) -> None:
    address = virtual_address(line, "eth0")
    assert (address.peer, address.peer_prefixlen) == (peer, length)


REFUSED = """
    10.0.0|10.0.0.01|10.0.0.1/0|10.0.0.1/+8|10.0.0.1/٣|10.0.0.1/24/24|1٠.0.0.1|vip|10.0.0.1\0|\ud800
    ::1|::|ff02::12|::ffff:10.0.0.1|fe80::1/129|fe80::1%2|10.0.0.1 10.0.0.2|10.0.0.1 label
    10.0.0.1 scope 256|10.0.0.1 scope ٣|10.0.0.1 dev .|10.0.0.1 dev sixteen-letters.
    10.0.0.1 dev ééééééééé|10.0.0.1/31 brd +|10.0.0.1 brd ::1|10.0.0.1 label \x1b|
    10.0.0.1 home|10.0.0.1 mngtmpaddr|fe80::1 brd +|fe80::1 home home|fe80::1 preferred_lft 4294967295
    10.0.0.1 preferred_lft ٣|10.0.0.1 peer fe80::1|10.0.0.1 peer 10.0.0.2/0|10.0.0.1 use_vmac|10.0.0.1 peer
"""


@pytest.mark.parametrize("line", [line for row in REFUSED.strip().splitlines() for line in row.split("|")])
def test_refused(line: str) -> None:
    with pytest.raises(EntryError):
        virtual_address(line, "eth0")


@UNTIMED
@given(st.ip_addresses())
def test_addresses_parse_as_in_the_standard_library(address: IPv4Address | IPv6Address) -> None:
    assert parse_address(str(address)) == address


@UNTIMED
@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        virtual_address(text, "eth0")
    except EntryError as error:
        assert str(error).isprintable()

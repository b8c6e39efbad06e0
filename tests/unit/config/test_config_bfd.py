"""bfd_instance in both forms: what a session comes to, and what cannot be one."""

import json
from ipaddress import ip_address
from typing import Any

import pytest

from unit.config.conf.conf_texts import errors, instance_text, loaded
from vrrpd_fast.config.load import load_text
from vrrpd_fast.model import BfdSession, ConfigError, Track, TrackKind

ROUTER = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1/24"]}


def told(**blocks: dict[str, Any]) -> tuple[dict[str, BfdSession], list[str]]:
    """What blocks come to, unless one cannot be used, and what is said about them."""
    document = {"bfd_instance": blocks, "vrrp_instance": {"A": {**ROUTER, "track_bfd": list(blocks)}}}
    try:
        result = load_text(json.dumps(document), "a.json")
    except ConfigError as error:
        return {}, [finding.message for finding in error.findings]
    return result.config.bfd, [finding.message for finding in result.findings]


def session(neighbour: str = "10.0.0.2", **more: Any) -> BfdSession:
    return BfdSession(name="up", neighbour=ip_address(neighbour), **more)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"neighbor_ip": "10.0.0.2"}, session()),
        (
            {"neighbor_ip": "10.0.0.2", "source_ip": "10.0.0.1"},
            session(source=ip_address("10.0.0.1")),
        ),
        (
            {"neighbor_ip": "10.0.0.2", "min_rx": 3.312, "min_tx": 50, "idle_tx": 2000, "multiplier": 3},
            session(min_rx_us=3312, min_tx_us=50_000, idle_tx_us=2_000_000, multiplier=3),
        ),
        ({"neighbor_ip": "10.0.0.2", "passive": True}, session(is_passive=True)),
        ({"neighbor_ip": "10.0.0.2", "ttl": 64}, session(ttl=64, least_ttl=64)),
        ({"neighbor_ip": "10.0.0.2", "max_hops": 2}, session(least_ttl=253)),
        ({"neighbor_ip": "10.0.0.2", "ttl": 3, "max_hops": 5}, session(ttl=3, least_ttl=0)),
        ({"neighbor_ip": "10.0.0.2", "max_hops": -1}, session(least_ttl=0)),
        ({"neighbor_ip": "10.0.0.2", "max_hops": 255}, session(least_ttl=0)),
        ({"neighbor_ip": "10.0.0.2", "multihop": True}, session(is_multihop=True, least_ttl=0)),
        (
            {"neighbor_ip": "10.0.0.2", "multihop": True, "max_hops": 3},
            session(is_multihop=True, least_ttl=252),
        ),
        ({"neighbor_ip": "2001:db8::2"}, session("2001:db8::2", least_ttl=64)),
        ({"neighbor_ip": "2001:db8::2", "ttl": 255}, session("2001:db8::2")),
        ({"neighbor_ip": "fe80::2%eth0"}, session("fe80::2", interface="eth0", least_ttl=64)),
    ],
)
def test_what_a_block_comes_to(block: dict[str, Any], expected: BfdSession) -> None:
    assert told(up=block) == ({"up": expected}, [])


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "neighbor_ip"),
        ({"neighbor_ip": "there"}, 'neighbor_ip: "there" is not an IP address'),
        ({"neighbor_ip": "224.0.0.1"}, "neighbor_ip: 224.0.0.1 is no address of one router"),
        ({"neighbor_ip": "fe80::2"}, "neighbor_ip: fe80::2 is link-local and needs its interface"),
        ({"neighbor_ip": "10.0.0.2%eth0"}, "neighbor_ip: only a link-local address has an interface: %eth0"),
        (
            {"neighbor_ip": "10.0.0.2", "source_ip": "fd00::1"},
            "source_ip: fd00::1 is of another address family",
        ),
        ({"neighbor_ip": "10.0.0.2", "source_ip": "10.0.0.2"}, "source_ip: is the address of the neighbour"),
        ({"neighbor_ip": "10.0.0.2", "min_rx": 0.5}, "min_rx: 0.5 is not in 1..4294967"),
        ({"neighbor_ip": "10.0.0.2", "min_tx": 3.3121}, "min_tx: 3.3121 has more than three decimals"),
        ({"neighbor_ip": "10.0.0.2", "idle_tx": 999}, "idle_tx: 999 is not in 1000..4294967"),
        ({"neighbor_ip": "10.0.0.2", "multiplier": 256}, "multiplier: 256 is not in 1..255"),
        ({"neighbor_ip": "10.0.0.2", "ttl": 0}, "ttl: 0 is not in 1..255"),
        ({"neighbor_ip": "10.0.0.2", "max_hops": 256}, "max_hops: 256 is not in -1..255"),
        ({"neighbor_ip": "10.0.0.2", "weight": 254}, "weight: 254 is not in -253..253"),
    ],
)
def test_what_cannot_be(block: dict[str, Any], message: str) -> None:
    sessions, messages = told(up=block)
    assert not sessions
    assert any(message in one for one in messages), messages


def test_sessions_that_packets_could_not_tell_apart() -> None:
    near = {"neighbor_ip": "10.0.0.2", "source_ip": "10.0.0.1"}
    other = {"neighbor_ip": "10.0.0.2", "source_ip": "10.0.0.9"}
    assert told(a=near, b=other)[1] == []
    assert told(a=near, b={**near, "multihop": True})[1] == []
    for second in (near, {"neighbor_ip": "10.0.0.2"}):
        (message,) = told(a=near, b=second)[1]
        assert '10.0.0.2 is the neighbour of bfd_instance "a", too' in message


def test_both_forms_and_weights_of_entries() -> None:
    text = (
        "bfd_instance up {\n  neighbour_ip 10.0.0.2\n  min_rx 50\n  weight -5 reverse\n}\n"
        "bfd_instance far {\n  neighbor_ip 10.9.0.2\n}\n"
    )
    config = loaded(text + instance_text("track_bfd {\n up\n far weight 253 noreverse\n }")).config
    assert config.bfd["up"] == session(min_rx_us=50_000)
    assert config.instances["one"].tracks == (
        Track(kind=TrackKind.BFD, name="up", weight=-5, reverse=True),
        Track(kind=TrackKind.BFD, name="far", weight=253, reverse=False),
    )
    assert errors(text + instance_text("track_bfd {\n upp\n }"))[0].endswith(
        'there is no bfd_instance "upp"; did you mean "up"?'
    )

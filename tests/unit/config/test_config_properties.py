"""Whatever happens to a file: a ConfigError with places inside it, and one verdict from both readers."""

import copy
import json
from typing import Any
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vrrpd_fast.config import native, schema
from vrrpd_fast.config.load import load_text
from vrrpd_fast.model import Config, ConfigError, Finding

# A busy machine may stall any example; what counts is the outcome.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

VALID: dict[str, Any] = {
    "net_namespace": "blue",
    "garp_group": [{"garp_interval": 0.1, "interfaces": ["eth0", "eth1"]}],
    "interface_up_down_delays": {"eth0": 0.1, "eth1": [0.5, 1]},
    "global_defs": {
        "vrrp_garp_extra_if": "all 100",
        "notify_fifo": {"path": "/run/vrrp", "user": "nobody"},
        "notify_fifo_script": "/read.sh",
        "vrrp_cpu_affinity": [0, 1],
        "umask": "IWGRP|IWOTH",
        "vrrp_rx_bufs_policy": "MTU",
        "dynamic_interfaces": True,
        "router_id": "r1",
        "vrrp_version": 3,
        "vrrp_garp_master_refresh": 60,
        "checksum": "rfc9568",
    },
    "vrrp_script": {"CHK": {"script": "killall -0 haproxy", "interval": 2, "weight": 2, "user": "nobody"}},
    "vrrp_instance": {
        "one": {
            "state": "BACKUP",
            "interface": "eth0",
            "virtual_router_id": 50,
            "priority": 150,
            "advert_int": 0.1,
            "nopreempt": True,
            "unicast_src_ip": "192.0.2.1",
            "unicast_peer": ["192.0.2.2 min_ttl 254", {"address": "192.0.2.3", "max_ttl": 255}],
            "virtual_ipaddress": [
                "192.0.2.75/24 brd + label eth0:1",
                {"address": "192.0.2.76", "scope": "link"},
            ],
            "virtual_ipaddress_excluded": ["2001:db8::75/64 dev eth1"],
            "track_script": ["CHK weight 5"],
            "track_interface": [{"interface": "eth1", "weight": -20}],
        },
        "two": {
            "interface": "eth1",
            "virtual_router_id": 50,
            "virtual_ipaddress": ["fe80::1", "2001:db8::1/64 preferred_lft 10 home"],
            "virtual_routes": ["2001:db8:1::/64 via fe80::2 dev eth1"],
            "virtual_rules": ["from 2001:db8:1::/64 table 100 preference 100"],
            "notify_master": {"script": "/master.sh", "user": "nobody nogroup"},
            "notify": "/notify.sh",
            "strict_mode": True,
        },
        "many{n}": {
            "range": {"n": [1, 3]},
            "interface": "eth{n+1}",
            "virtual_router_id": "{n}",
            "version": 2,
            "virtual_ipaddress": ["192.0.2.{n+100}"],
        },
        "three": {
            "interface": "eth1",
            "virtual_router_id": 52,
            "virtual_ipaddress": ["192.0.2.1"],
            "version": 2,
            "authentication": {"auth_type": "PASS", "auth_pass": "1234"},
            "no_accept": True,
        },
    },
}
TEXT = json.dumps(VALID, indent=2)

KEYS = [
    field
    for block in (schema.File, schema.GlobalDefs, schema.VrrpInstance, schema.VrrpScript, schema.GarpGroup)
    for field in block.__struct_encode_fields__
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1000, 1000),
    st.sampled_from([2, 3, 100, 255, 0.01, 0.015, 1.0, 40.95, 41, 10**30, -0.0, 1e300]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        ["MASTER", "eth0", "eth1", "10.0.0.1", "fe80::1", "fe80::1%1", "CHK", "CHK weight 300", "lo"]
    ),
    st.sampled_from(
        [
            "rfc9568",
            "strict",
            "AH",
            "all 5",
            "{n}",
            "x{m",
            "{n/0}",
            "10.0.0.8 max_ttl 1",
            "default via 10.0.0.1",
            "from all table 5",
            "224.0.0.18",
            "10.0.0.1/24 brd - dev x",
            "ff02::12",
            "a b c",
            "\ud800",
        ]
    ),
)
ANY = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)


def containers(value: Any) -> list[Any]:
    """The value and everything in it that has members."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    found = [value] if isinstance(value, dict | list) and value else []
    return found + [container for item in inner for container in containers(item)]


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """The valid file with one to four members replaced, removed, added or renamed."""
    value = copy.deepcopy(VALID)
    for _ in range(draw(st.integers(1, 4))):
        places = containers(value)
        if not places:
            break
        place = draw(st.sampled_from(places))
        if isinstance(place, list):
            index = draw(st.integers(0, len(place) - 1))
            match draw(st.sampled_from("-=+")):
                case "-":
                    del place[index]
                case "=":
                    place[index] = draw(ANY)
                case "+":
                    place.insert(index, draw(ANY))
            continue
        key = draw(st.sampled_from(sorted(place)))
        match draw(st.sampled_from("-=+r")):
            case "-":
                del place[key]
            case "=":
                place[key] = draw(ANY)
            case "+":
                place[draw(st.sampled_from(KEYS) | st.text(max_size=5))] = draw(ANY)
            case "r":
                place[draw(st.sampled_from(KEYS) | st.text(max_size=5))] = place.pop(key)
    return value


@st.composite
def scribbled(draw: st.DrawFn) -> str:
    """The valid text with pieces cut out, doubled or put in."""
    text = TEXT
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(text)))
        end = min(len(text), begin + draw(st.integers(0, 40)))
        piece = draw(
            st.sampled_from(['"', ",", "{", "}", "[", "]", ":", "\\", "\n", "//", "\0", "\ud800", "1e9"])
            | st.text(max_size=5)
            | st.just(text[begin:end] * 2)
        )
        text = text[:begin] + piece + text[end:]
    return text


def judge(text: str) -> tuple[Config | None, list[Finding]]:
    try:
        loaded = load_text(text, "f")
    except ConfigError as error:
        assert any(finding.severity == "error" for finding in error.findings)
        return None, error.findings
    assert all(finding.severity == "warning" for finding in loaded.findings)
    return loaded.config, loaded.findings


def hold(text: str) -> None:
    """The two promises, for one text."""
    config, findings = judge(text)
    lines = text.encode(errors="surrogatepass").decode(errors="surrogateescape").split("\n")
    for finding in findings:
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert finding.message.isprintable()
    assert findings == sorted(findings, key=lambda finding: (finding.line, finding.column))
    assert config is not None or findings
    with mock.patch.object(native, "_decode", return_value=None):
        assert judge(text) == (config, findings)


@UNTIMED
@given(mutated(), st.sampled_from([None, 2]), st.booleans())
def test_mutated_values(value: Any, indent: int | None, ascii_only: bool) -> None:
    hold(json.dumps(value, indent=indent, ensure_ascii=ascii_only))


@UNTIMED
@given(scribbled())
def test_scribbled_text(text: str) -> None:
    hold(text)


def test_the_untouched_file_has_no_finding() -> None:
    config, findings = judge(TEXT)
    assert config is not None and findings == []
    hold(TEXT)

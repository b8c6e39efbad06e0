"""vrrp_probe in both forms: every kind, every key of it, and the page that shows them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from unit.config.conf.conf_texts import errors, instance_text
from vrrpd_fast import model
from vrrpd_fast.config.conf.keyword import Block, Weight
from vrrpd_fast.config.conf.keywords_probe import VRRP_PROBE
from vrrpd_fast.config.load import load, load_text
from vrrpd_fast.config.probe_kinds import KINDS
from vrrpd_fast.config.schema import PROBE_KINDS, VrrpProbe
from vrrpd_fast.probe.kinds import MODULES

PAGE = Path(__file__).parents[3] / "docs" / "PROBES.md"
ROUTER = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1/24"]}

HTTP = {
    "address": "2001:db8::1",
    "source": "2001:db8::9",
    "host": "www.example.com",
    "method": "OPTIONS",
    "path": "/health?a=b%20c",
    "status": "200-299, 301",
    "expect": "b",
    "matches": "b[0-9]",
}
HTTP_SETTINGS: dict[str, Any] = HTTP | {"status": ((200, 299), (301, 301))}

# By kind: a block of the native form with every key, and the settings it comes to.
WHOLE: dict[str, tuple[dict[str, Any], model.AnyProbeKind]] = {
    "tcp": (
        {"address": "192.0.2.1", "port": 80, "source": "192.0.2.9", "send": "a", "expect": "b"},
        model.TcpProbe(address="192.0.2.1", port=80, source="192.0.2.9", send="a", expect="b"),
    ),
    "unix": (
        {"path": "/run/a", "send": "a", "expect": "b"},
        model.UnixProbe(path="/run/a", send="a", expect="b"),
    ),
    "http": (
        HTTP | {"port": 8080},
        model.HttpProbe(**HTTP_SETTINGS, port=8080),
    ),
    "https": (
        HTTP | {"port": 8443, "verify": True, "ca_file": "/etc/ca.pem", "certificate_days": 7},
        model.HttpsProbe(**HTTP_SETTINGS, port=8443, ca_file="/etc/ca.pem", certificate_days=7),
    ),
    "systemd": (
        {"unit": "haproxy", "states": ["active"]},
        model.SystemdProbe(unit="haproxy.service", states=("active",)),
    ),
    "icmp": (
        {"address": "fe80::1", "interface": "eth0", "source": "fe80::2"},
        model.IcmpProbe(address="fe80::1", interface="eth0", source="fe80::2"),
    ),
    "dns": (
        {
            "server": "fe80::53%eth0",
            "port": 5353,
            "source": "2001:db8::9",
            "name": "www.example.com",
            "type": "AAAA",
            "rcode": "NOERROR",
            "expect": "2001:db8::1",
        },
        model.DnsProbe(
            server="fe80::53%eth0",
            port=5353,
            source="2001:db8::9",
            name="www.example.com",
            type="AAAA",
            expect="2001:db8::1",
        ),
    ),
    "process": ({"name": "haproxy", "quorum": 2}, model.ProcessProbe(name="haproxy", quorum=2)),
    "route": (
        # not prefix and table together with to and source: see test_routes
        {"prefix": "10.0.0.0/8", "table": "local", "via": "fe80::1", "dev": "eth1"},
        model.RouteProbe(prefix="10.0.0.0/8", table=255, via="fe80::1", dev="eth1"),
    ),
    "neighbour": (
        {"address": "fe80::1", "interface": "eth0", "passive": True},
        model.NeighbourProbe(address="fe80::1", interface="eth0", passive=True),
    ),
    "gateway": (
        {"interface": "eth0", "family": "ipv6", "table": 77, "ask": "icmp"},
        model.GatewayProbe(interface="eth0", family="ipv6", table=77, ask="icmp"),
    ),
    "value": (
        {"sysctl": "net.ipv4.conf.eth0/100.forwarding", "expect": "= 1"},
        model.ValueProbe(path="/proc/sys/net/ipv4/conf/eth0.100/forwarding", expect="= 1"),
    ),
}
# Keys that the block of WHOLE cannot have beside the others; they have tests of their own.
NOT_TOGETHER = {"route": {"to", "source"}, "gateway": {"address"}, "value": {"file"}}


def probes(document: dict[str, Any]) -> dict[str, model.Probe]:
    loaded = load_text(json.dumps({"vrrp_probe": document, "vrrp_instance": {"A": ROUTER}}), "a.json")
    return loaded.config.probes


def findings(document: dict[str, Any]) -> list[str]:
    with pytest.raises(model.ConfigError) as refused:
        probes(document)
    return [finding.message for finding in refused.value.findings if finding.severity == "error"]


def keys_of(block: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(block)}


def test_every_kind_is_known_everywhere() -> None:
    kinds = set(KINDS)
    assert set(MODULES) == set(PROBE_KINDS) == set(WHOLE) == kinds
    assert kinds == {word for word, entry in VRRP_PROBE.items() if isinstance(entry, Block)}
    assert kinds == {one.__struct_config__.tag for one in model.AnyProbeKind.__args__}
    assert kinds <= keys_of(VrrpProbe)


@pytest.mark.parametrize("word", WHOLE)
def test_every_key_of_a_kind(word: str) -> None:
    block, settings = WHOLE[word]
    assert set(block) | NOT_TOGETHER.get(word, set()) == keys_of(PROBE_KINDS[word])
    probe = probes({"P": {word: block}})["P"]
    assert probe == model.Probe(name="P", kind=settings)
    assert probe.kind.word == word and probe.kind.target
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(probe), type=model.Probe) == probe


@pytest.mark.parametrize("word", WHOLE)
def test_words_and_keys_are_the_same(word: str) -> None:
    entry = VRRP_PROBE[word]
    assert isinstance(entry, Block)
    assert set(entry.table) == keys_of(PROBE_KINDS[word])


def test_words_and_keys_of_the_block_are_the_same() -> None:
    assert set(VRRP_PROBE) == keys_of(VrrpProbe) - {"range", "reverse"}
    assert isinstance(VRRP_PROBE["weight"], Weight)


def test_what_all_probes_have() -> None:
    block = {"interval": 0.05, "timeout": 0.02, "weight": -20, "reverse": True, "rise": 2, "fall": 3}
    unix = {"unix": {"path": "@a"}}
    assert probes({"P": block | {"init_fail": True} | unix})["P"] == model.Probe(
        name="P",
        kind=model.UnixProbe(path="@a"),
        interval=0.05,
        timeout=0.02,
        rise=2,
        fall=3,
        init_fail=True,
    )
    assert probes({"P": {"interval": 5} | unix})["P"].timeout == 5


def test_what_is_doubtful() -> None:
    block = {"interval": 1, "timeout": 2, "unix": {"path": "/a"}}
    loaded = load_text(json.dumps({"vrrp_probe": {"P": block}, "vrrp_instance": {"A": ROUTER}}), "a.json")
    unused, late = sorted(str(finding) for finding in loaded.findings)
    assert "warning: vrrp_probe P: is tracked by no vrrp_instance" in unused
    assert "warning: vrrp_probe P: timeout: 2 s is longer than the interval of 1 s" in late


def test_a_probe_that_is_not_there() -> None:
    router = ROUTER | {"track_probe": ["web1 weight 5"]}
    block = {"unix": {"path": "/a"}}
    with pytest.raises(model.ConfigError) as refused:
        load_text(json.dumps({"vrrp_probe": {"web": block}, "vrrp_instance": {"A": router}}), "a.json")
    assert 'there is no vrrp_probe "web1"; did you mean "web"?' in str(refused.value)


def test_a_range_stands_for_many() -> None:
    block = {"range": {"n": [1, 3]}, "tcp": {"address": "192.0.2.{n}", "port": "{n+8000}"}}
    found = probes({"web{n}": block})
    assert [probe.kind.target for probe in found.values()] == [f"192.0.2.{n}:{8000 + n}" for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({}, "says nothing to ask"),
        ({"tcp": {"address": "::1", "port": 1}, "unix": {"path": "/a"}}, "unix: asks tcp already"),
        ({"interval": 0.001, "unix": {"path": "/a"}}, "interval: 0.001 is not in 0.01..86400"),
        ({"tpc": {}, "unix": {"path": "/a"}}, 'tpc: unknown key; did you mean "tcp"?'),
        ({"tcp": {"address": "web", "port": 1}}, 'tcp: address: "web" is not an IP address'),
        ({"tcp": {"address": "::1", "port": 0}}, "tcp: port: 0 is not in 1..65535"),
        ({"tcp": {"address": "fe80::1", "port": 1}}, "write fe80::1%INTERFACE"),
        ({"tcp": {"address": "::1", "port": 1, "source": "10.0.0.1"}}, "is of another family than ::1"),
        ({"tcp": {"address": "::1", "port": 1, "send": "a"}}, "tcp: send: needs expect"),
        ({"unix": {"path": "a"}}, 'unix: path: "a" is neither an absolute path nor @NAME'),
        ({"unix": {"path": "/" + "a" * 107}}, "longer than 107 bytes"),
        ({"unix": {"path": "/a", "expect": "a" * 4097}}, "unix: expect: is longer than 4096 bytes"),
        ({"http": {"address": "::1", "host": "a:80"}}, 'http: host: "a:80" is not the name of a host'),
        ({"http": {"address": "::1", "path": "a"}}, 'http: path: "a" does not begin with /'),
        ({"http": {"address": "::1", "path": "/a b"}}, 'http: path: "/a b" does not begin with /'),
        ({"http": {"address": "::1", "method": "PUT"}}, 'http: method: "PUT" is not'),
        ({"http": {"address": "::1", "status": "2xx"}}, 'http: status: "2xx" is neither a status code nor'),
        ({"http": {"address": "::1", "status": "299-200"}}, 'http: status: "299-200" is neither'),
        ({"http": {"address": "::1", "status": 99}}, "http: status: 99 is not in 100..599"),
        ({"http": {"address": "::1", "matches": "("}}, 'http: matches: "(" is no regular expression'),
        ({"http": {"address": "::1", "method": "HEAD", "expect": "a"}}, "an answer to HEAD has no body"),
        ({"https": {"address": "::1", "ca_file": "a"}}, 'https: ca_file: "a" is not an absolute path'),
        ({"https": {"address": "::1", "verify": False, "ca_file": "/a"}}, "ca_file: has no meaning while"),
        ({"systemd": {"unit": "a b"}}, 'systemd: unit: "a b" is not the name of a unit'),
        ({"systemd": {"unit": "a", "states": []}}, "systemd: states: is empty"),
        ({"systemd": {"unit": "a", "states": ["running"]}}, 'systemd: states: "running" is not'),
        ({"icmp": {"address": "fe80::1"}}, "icmp: address: fe80::1 is an address of one link: write"),
        ({"icmp": {"address": "fe80::1%a", "interface": "a"}}, "icmp: address: "),
        ({"icmp": {"address": "::1", "interface": "a b"}}, 'icmp: interface: "a b" is not an interface'),
        ({"icmp": {"address": "::1", "source": "10.0.0.1"}}, "icmp: source: 10.0.0.1 is of another family"),
        ({"dns": {"server": "::1", "name": "a..b"}}, "dns: name: "),
        ({"dns": {"server": "::1", "name": "a b"}}, 'dns: name: "a b" is not a name in DNS'),
        ({"dns": {"server": "::1", "name": "x" * 64}}, "and 1 to 63 between two dots"),
        ({"dns": {"server": "::1", "name": "a.b", "type": "ANY"}}, "dns: type: "),
        ({"dns": {"server": "::1", "name": "a.b", "expect": "::1"}}, "dns: expect: ::1 is not IPv4"),
        ({"dns": {"server": "::1", "name": "a.b", "type": "AAAA", "expect": "a"}}, "dns: expect: "),
        (
            {"dns": {"server": "::1", "name": "a.b", "type": "MX", "rcode": "NXDOMAIN", "expect": "1 a."}},
            "dns: expect: an answer NXDOMAIN has no record",
        ),
        ({"process": {"name": "/sbin/init"}}, "process: name: "),
        ({"process": {"name": "init", "quorum": 0}}, "process: quorum: 0 is not in 1..65535"),
        ({"route": {}}, "route: needs either prefix or to"),
        ({"route": {"prefix": "10.0.0.1/8"}}, "bits behind its length; did you mean 10.0.0.0/8?"),
        ({"route": {"prefix": "ten"}}, 'route: prefix: "ten" is not a prefix'),
        ({"route": {"prefix": "10.0.0.0/8", "table": "mian"}}, 'did you mean "main"?'),
        ({"route": {"prefix": "10.0.0.0/8", "source": "10.0.0.1"}}, "route: source: goes with to"),
        ({"route": {"to": "10.0.0.1", "table": 77}}, "route: table: goes with prefix"),
        ({"route": {"to": "10.0.0.1/8"}}, 'route: to: "10.0.0.1/8" is not an IP address'),
        ({"route": {"to": "::1", "via": "10.0.0.1"}}, "route: via: 10.0.0.1 is no gateway of an IPv6 route"),
        ({"neighbour": {"address": "fe80::1%a", "interface": "a"}}, "neighbour: address: "),
        ({"gateway": {"interface": "a", "address": "::1", "family": "ipv4"}}, "gateway: family: ::1 is of"),
        ({"gateway": {"interface": "a", "address": "::1", "table": 7}}, "gateway: table: is where a default"),
        ({"gateway": {"interface": "a", "ask": "arp"}}, "gateway: ask: "),
        ({"value": {"expect": "1"}}, "value: needs either file or sysctl"),
        ({"value": {"file": "a", "expect": "1"}}, 'value: file: "a" is not an absolute path'),
        ({"value": {"sysctl": "net..x", "expect": "1"}}, 'value: sysctl: "net..x" is not the name'),
        ({"value": {"sysctl": "../a/../b", "expect": "1"}}, 'value: sysctl: "../a/../b" is not the name'),
        ({"value": {"file": "/a", "expect": "< x"}}, 'value: expect: "< x": < needs a number behind it'),
        ({"value": {"file": "/a", "expect": "9..1"}}, "the first number of a range is at most the second"),
        ({"value": {"file": "/a", "expect": "~ ("}}, "is no regular expression"),
    ],
)
def test_mistakes(block: dict[str, Any], message: str) -> None:
    (told,) = findings({"P": block})
    assert told.startswith("vrrp_probe P") and message in told


def test_keys_that_stand_in_each_others_place() -> None:
    to = {"route": {"to": "::1", "source": "::2", "dev": "lo"}}
    assert probes({"P": to})["P"].kind == model.RouteProbe(to="::1", source="::2", dev="lo")
    named = {"gateway": {"interface": "eth0", "address": "fe80::1"}}
    assert probes({"P": named})["P"].kind == model.GatewayProbe(
        interface="eth0", address="fe80::1", family="ipv6"
    )
    file = {"value": {"file": "/run/a", "expect": "1..2"}}
    assert probes({"P": file})["P"].kind == model.ValueProbe(path="/run/a", expect="1..2")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.100/forwarding", "net/ipv4/conf/eth0.100/forwarding"),
        ("net.ipv4.conf.eth0/100.forwarding", "net/ipv4/conf/eth0.100/forwarding"),
        ("kernel.hostname", "kernel/hostname"),
    ],
)
def test_names_of_sysctls_are_those_of_sysctl(name: str, file: str) -> None:
    kind = probes({"P": {"value": {"sysctl": name, "expect": "1"}}})["P"].kind
    assert isinstance(kind, model.ValueProbe) and kind.path == f"/proc/sys/{file}"


def test_a_mistake_in_conf_has_its_line() -> None:
    text = "vrrp_probe P {\n tcp {\n  address 192.0.2.1\n  port 99999\n }\n}\n"
    with pytest.raises(model.ConfigError) as refused:
        load_text(text, "a.conf")
    assert "a.conf:4:8: error: vrrp_probe P: tcp: port: 99999 is not in 1..65535" in str(refused.value)


def test_escapes_of_conf() -> None:
    text = (
        'vrrp_probe P {\n unix {\n path /a\n send "a\\\\b\\t\\r\\n"\n expect "%s"\n }\n}\n' + instance_text()
    )
    kind = load_text(text % "b", "a.conf").config.probes["P"].kind
    assert kind == model.UnixProbe(path="/a", send="a\\b\t\r\n", expect="b")
    assert errors(text % "\\x") == ['5: vrrp_probe P: unix: expect: "\\x" is not one of \\r \\n \\t \\\\']


def shown() -> Iterator[tuple[str, list[str]]]:
    """By kind: the examples of PROBES.md."""
    for section in PAGE.read_text().split("\n## ")[1:]:
        word = section.split("\n", 1)[0]
        if word in KINDS:
            yield word, re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_page_shows_every_kind_in_both_forms() -> None:
    examples = dict(shown())
    assert set(examples) == set(KINDS)
    for word, (native, conf) in examples.items():
        document = json.loads(native)["vrrp_probe"]
        both = probes(document), load_text(conf + instance_text(), "a.conf").config.probes
        assert both[0] == both[1]
        assert {probe.kind.word for probe in both[0].values()} == {word}


def test_the_examples_are_one_in_two_forms() -> None:
    both = [load(PAGE.parents[1] / "examples" / f"probes.{form}") for form in ("json", "conf")]
    assert [loaded.findings for loaded in both] == [[], []]
    # The check of address lists is a default of keepalived's form.
    instances = [replace(loaded.config.instances["lan"], check_addresses=False) for loaded in both]
    assert instances[0] == instances[1]
    assert both[0].config.probes == both[1].config.probes

"""vrrp_probe in both forms: every kind, every key of it, and the page that shows them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from unit.config.conf.conf_texts import errors, instance_text
from vrrpd_fast import model
from vrrpd_fast.config.conf.keyword import Block, Weight
from vrrpd_fast.config.conf.keywords_probe import VRRP_PROBE
from vrrpd_fast.config.load import load_text
from vrrpd_fast.config.probe_kinds import KINDS
from vrrpd_fast.config.schema import PROBE_KINDS, VrrpProbe
from vrrpd_fast.probe.kinds import MODULES

PAGE = Path(__file__).parents[3] / "docs" / "PROBES.md"
ROUTER = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1/24"]}

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
}


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
    assert set(block) == keys_of(PROBE_KINDS[word])
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
        weight=-20,
        reverse=True,
        rise=2,
        fall=3,
        init_fail=True,
    )
    assert probes({"P": {"interval": 5} | unix})["P"].timeout == 5


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
    ],
)
def test_mistakes(block: dict[str, Any], message: str) -> None:
    (told,) = findings({"P": block})
    assert told.startswith("vrrp_probe P") and message in told


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

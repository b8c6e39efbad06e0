"""A corpus of mistakes: each file of mistakes/ gets exactly the findings of the .expected file beside it."""

import json
import re
from pathlib import Path

import pytest

from vrrpd_fast.config.load import check, load, load_text
from vrrpd_fast.model import ConfigError, Severity

MISTAKES = sorted((Path(__file__).parent / "mistakes").glob("*.json"))


def test_corpus_is_there() -> None:
    assert len(MISTAKES) >= 50
    assert len(MISTAKES) == len(list(MISTAKES[0].parent.glob("*.expected")))


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_mistake(path: Path) -> None:
    findings = check(path)
    told = [str(finding).removeprefix(f"{path}:") for finding in findings]
    assert told == path.with_suffix(".expected").read_text().splitlines()
    if any(finding.severity is Severity.ERROR for finding in findings):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.findings == findings
    else:
        assert path.stem.startswith("warning_")
        assert load(path).findings == findings


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_mistake_is_placed_on_what_it_tells(path: Path) -> None:
    """A value that a message quotes stands in the line that the message tells."""
    lines = path.read_text().splitlines()
    for finding in check(path):
        assert 1 <= finding.line <= max(len(lines), 1)
        rest = lines[finding.line - 1][finding.column - 1 :] if lines else ""
        value = re.search(r': ("[^"]+"|[0-9.]+) is not ', finding.message)
        if value and " more of " not in finding.message:  # of a range, whose text is not the value
            assert value[1].strip('"') in rest


@pytest.mark.parametrize(
    ("key", "line", "entry"),
    [
        ("virtual_ipaddress", "10.0.0.300", {"address": "10.0.0.300"}),
        ("virtual_ipaddress", "10.0.0.1/33", {"address": "10.0.0.1/33"}),
        ("virtual_ipaddress", "10.0.0.1 scope 256", {"address": "10.0.0.1", "scope": 256}),
        ("virtual_ipaddress", "10.0.0.1 scope far", {"address": "10.0.0.1", "scope": "far"}),
        ("virtual_ipaddress", "10.0.0.1 dev a/b", {"address": "10.0.0.1", "dev": "a/b"}),
        ("virtual_ipaddress", "10.0.0.1 brd x", {"address": "10.0.0.1", "brd": "x"}),
        ("virtual_ipaddress", "fe80::1 brd +", {"address": "fe80::1", "brd": "+"}),
        ("virtual_ipaddress", "10.0.0.1 use_vmac", {"address": "10.0.0.1", "use_vmac": True}),
        ("virtual_ipaddress", "10.0.0.1 home", {"address": "10.0.0.1", "home": True}),
        ("virtual_ipaddress", "10.0.0.1 peer fe80::1", {"address": "10.0.0.1", "peer": "fe80::1"}),
        (
            "virtual_ipaddress",
            "fe80::1 preferred_lft 4294967295",
            {"address": "fe80::1", "preferred_lft": 4294967295},
        ),
        ("virtual_ipaddress", "fe80::1 preferred_lft x", {"address": "fe80::1", "preferred_lft": "x"}),
        ("unicast_peer", "10.0.0.8 min_ttl 256", {"address": "10.0.0.8", "min_ttl": 256}),
        ("unicast_peer", "10.0.0.8 max_ttl x", {"address": "10.0.0.8", "max_ttl": "x"}),
        ("unicast_peer", "10.0.0.8 min_ttl 9 max_ttl 8", {"address": "10.0.0.8", "min_ttl": 9, "max_ttl": 8}),
        ("unicast_peer", "10.0.0.1", {"address": "10.0.0.1"}),
        ("track_interface", "eth1 weight 254", {"interface": "eth1", "weight": 254}),
        ("track_interface", "eth1 weight x", {"interface": "eth1", "weight": "x"}),
        ("track_interface", "a/b", {"interface": "a/b"}),
        ("track_script", "S weight -254", {"name": "S", "weight": -254}),
        ("track_script", "T", {"name": "T"}),
    ],
)
def test_both_forms_of_an_entry_are_judged_in_the_same_words(key: str, line: str, entry: object) -> None:
    """But that an object has a place for each word, the first word too."""
    first = re.compile(r": (address|interface|name): ")

    def told(one: object) -> list[str]:
        block = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1"]} | {
            key: [one]
        }
        blocks = {"vrrp_script": {"S": {"script": "true"}}, "vrrp_instance": {"one": block}}
        with pytest.raises(ConfigError) as caught:
            load_text(json.dumps(blocks), "f")
        return [first.sub(": ", finding.message) for finding in caught.value.findings]

    assert told(line) == told(entry)

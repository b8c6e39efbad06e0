"""The nftables tables of no_accept, as the kernel has them."""

import json
import subprocess
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from lab.kit.netns import closed_later, in_new_namespace
from vrrpd_fast.model import Firewall, VirtualAddress
from vrrpd_fast.net import nftables
from vrrpd_fast.net.firewall import Shield, remove_tables
from vrrpd_fast.net.vips import Prepared, PreparedAddresses

SETTINGS = Firewall()


def prepare(*texts: str, ifindex: int = 1) -> list[Prepared]:
    addresses = [
        VirtualAddress(address=(address := ip_address(text)), prefixlen=address.max_prefixlen, dev="lo")
        for text in texts
    ]
    return PreparedAddresses(addresses, lambda _: ifindex).additions


def named(name: str, *texts: str) -> list[tuple[str, Prepared]]:
    return [(name, each) for each in prepare(*texts)]


def shown() -> list[dict[str, Any]]:
    text = subprocess.run(["nft", "-j", "list", "ruleset"], check=True, capture_output=True).stdout
    listed: list[dict[str, Any]] = json.loads(text)["nftables"]
    return listed


def families() -> set[str]:
    return {each["table"]["family"] for each in shown() if "table" in each}


def elements() -> Iterator[Any]:
    for each in shown():
        yield from each.get("set", {}).get("elem", [])


@in_new_namespace
def test_tables_are_there_for_the_families_that_need_them() -> None:
    shield = closed_later(Shield())
    shield.configure(SETTINGS, [4, 6])
    shield.settle()
    assert families() == {"ip", "ip6"}
    shield.configure(SETTINGS, [6])
    assert families() == {"ip", "ip6"}  # until everybody has changed
    shield.settle()
    assert families() == {"ip6"}
    shield.close()
    assert families() == set()


@in_new_namespace
def test_name_priority_and_counters_are_the_operators() -> None:
    shield = closed_later(Shield())
    shield.configure(Firewall(table="mine", priority=-200, counters=True), [6])
    shield.add(named("VI", "fe80::1", "2001:db8::1"))
    listed = shown()
    chains = [each["chain"] for each in listed if "chain" in each]
    assert {(each["table"], each["hook"], each["prio"], each["policy"]) for each in chains} == {
        ("mine", "input", -200, "accept"),
        ("mine", "output", -200, "accept"),
    }
    rules = [each["rule"]["expr"] for each in listed if "rule" in each]
    dropping = [rule for rule in rules if {"drop": None} in rule]
    assert len(rules) == 8
    assert len(dropping) == 4
    assert all(any("counter" in part for part in rule) for rule in dropping)


@in_new_namespace
def test_an_element_stays_while_somebody_wants_it() -> None:
    shield = closed_later(Shield())
    shield.configure(SETTINGS, [4, 6])
    shield.add(named("ONE", "10.0.0.1", "10.0.0.2"))
    shield.add(named("TWO", "10.0.0.1", "fe80::1"))
    shield.add(named("TWO", "10.0.0.1"))
    assert list(elements()) == ["10.0.0.1", "10.0.0.2", {"concat": ["fe80::1", "lo"]}]
    shield.remove(named("TWO", "10.0.0.1", "fe80::1"))
    assert list(elements()) == ["10.0.0.1", "10.0.0.2"]
    shield.remove(named("ONE", "10.0.0.1", "10.0.0.2", "10.0.0.3"))
    assert list(elements()) == []


@in_new_namespace
def test_more_than_one_message_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a table that somebody removed, which an old kernel cannot prevent, comes back whole."""
    monkeypatch.setattr(nftables, "TABLE_OWNED", 0)
    shield = closed_later(Shield())
    shield.configure(SETTINGS, [4])
    many = [f"10.1.{n >> 8}.{n & 255}" for n in range(3000)]
    shield.add(named("VI", *many))
    assert len(list(elements())) == 3000
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    shield.add(named("VI", "10.0.0.1"))
    assert len(list(elements())) == 3001


@in_new_namespace
def test_a_table_that_an_earlier_run_left_is_replaced_or_removed() -> None:
    subprocess.run(["nft", "add table ip vrrpd-fast; add chain ip vrrpd-fast old"], check=True)
    shield = closed_later(Shield())
    shield.configure(SETTINGS, [4])
    assert {each["chain"]["name"] for each in shown() if "chain" in each} == {"in", "out"}
    shield.close()
    subprocess.run(["nft", "add table ip vrrpd-fast; add table ip6 other"], check=True)
    assert remove_tables("vrrpd-fast") == 1
    assert families() == {"ip6"}
    assert remove_tables("vrrpd-fast") == 0


@in_new_namespace
def test_a_refusal_is_an_error_with_the_reason() -> None:
    owner, other = closed_later(Shield()), closed_later(Shield())
    owner.configure(SETTINGS, [4])
    with pytest.raises(PermissionError, match="nftables: "):
        other.configure(SETTINGS, [4])

"""no_accept: a master routes for its address and answers ARP for it, but takes no packets to it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from lab.kit.fixtures import Build
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net
from lab.kit.settings import FAST, FAST6, FLAVOURS, Flavour
from lab.kit.vrrpd import DAEMON, VrrpdFast, environment
from lab.kit.waiting import wait_until

TABLE = "vrrpd-fast"
by_family = pytest.mark.parametrize("kind", [FAST, FAST6], ids=["ipv4", "ipv6"])


def ruleset(net: Net, node: str) -> list[dict[str, Any]]:
    """What nftables has in a node, without what differs from one time to the next."""
    shown = json.loads(net.run(node, "nft", "-j", "list", "ruleset").stdout)["nftables"]
    return [each for each in shown if "metainfo" not in each]


def tables(net: Net, node: str) -> set[tuple[str, str]]:
    return {
        (each["table"]["family"], each["table"]["name"]) for each in ruleset(net, node) if "table" in each
    }


def elements(net: Net, node: str) -> set[str]:
    """Members of all sets."""
    found = [each["set"].get("elem", []) for each in ruleset(net, node) if "set" in each]
    return {json.dumps(element) for listed in found for element in listed}


def neighbour(net: Net, node: str, address: str) -> str | None:
    entries = net.ip_json(node, "neigh", "show", "to", address)
    return next((entry["lladdr"] for entry in entries if "lladdr" in entry), None)


@pytest.mark.rfc("A3", "E4")
@pytest.mark.parametrize("kind", [FLAVOURS["v2"], FAST, FAST6], ids=["v2", "ipv4", "ipv6"])
def test_the_address_is_answered_for_but_not_at(build: Build, kind: Flavour) -> None:
    net = build(["r1", "client"])
    daemon = VrrpdFast(net, "r1", VI=kind.settings(200, accept=False))
    daemon.start()
    wait_until(lambda: daemon.holds(kind.vip), 8, "the master has the address")
    for address in kind.addresses:
        vip = address.split("/")[0]
        target = f"{vip}%eth0" if vip.startswith("fe80") else vip
        assert not net.pings("client", target)
        assert neighbour(net, "client", vip) == "02:00:00:00:00:01"
    own = net.port("r1")
    net.must_ping("client", str(own.ipv6 if kind.family == 6 else own.ipv4))
    family = "ip6" if kind.family == 6 else "ip"
    assert tables(net, "r1") == {(family, TABLE)}
    assert daemon.stop() == 0
    assert tables(net, "r1") == set()


@by_family
def test_what_goes_through_the_router_is_not_touched(build: Build, kind: Flavour) -> None:
    net = build(["r1", "client"], ["r1", "far"])
    daemon = VrrpdFast(net, "r1", VI=kind.settings(200, accept=False))
    daemon.start()
    wait_until(lambda: daemon.holds(kind.vip), 5, "the master has the address")
    port, near = net.port("far", 1), net.port("r1", 1)
    version = kind.family
    target, back = (port.ipv4, near.ipv4) if version == 4 else (port.ipv6, near.ipv6)
    net.ip("client", f"-{version}", "route", "add", str(target), "via", kind.vip, "dev", "eth0")
    net.ip("far", f"-{version}", "route", "add", "default", "via", str(back))
    net.must_ping("client", str(target))


def test_only_a_master_has_elements_and_only_who_needs_it_a_table(build: Build) -> None:
    net = build(["r1", "r2"])
    first = VrrpdFast(net, "r1", VI=FAST.settings(200, accept=False))
    second = VrrpdFast(
        net,
        "r2",
        VI=FAST.settings(100, accept=False),
        OPEN=FAST.settings(100, vrid=52) | {"virtual_ipaddress": ["10.0.0.101/24"]},
    )
    first.start()
    second.start()
    wait_until(lambda: elements(net, "r1") == {'"10.0.0.100"'}, 5, "the master drops")
    second.wait_state("OPEN", "MASTER")
    second.wait_state("VI", "BACKUP")
    assert elements(net, "r2") == set()
    assert tables(net, "r2") == {("ip", TABLE)}
    first.kill()
    second.wait_state("VI", "MASTER")
    wait_until(lambda: elements(net, "r2") == {'"10.0.0.100"'}, 2, "the new master drops")


def test_accept_can_be_changed_by_a_reload(build: Build) -> None:
    net = build(["r1", "client"])
    daemon = VrrpdFast(net, "r1", VI=FAST.settings(200))
    daemon.start()
    wait_until(lambda: daemon.holds(FAST.vip), 5, "the master has the address")
    net.must_ping("client", FAST.vip)
    assert tables(net, "r1") == set()
    daemon.change(VI=FAST.settings(200, accept=False))
    assert "1 changed" in daemon.ctl("reload").stdout
    wait_until(lambda: not net.pings("client", FAST.vip, 0.2), 3, "no answer any more")
    daemon.change(VI=FAST.settings(200))
    assert "1 changed" in daemon.ctl("reload").stdout
    net.must_ping("client", FAST.vip)
    assert tables(net, "r1") == set()
    assert daemon.statistics("VI")["master_transitions"] == 1


def test_a_flush_by_another_program_leaves_it_alone(build: Build) -> None:
    """As the scripts of most firewalls begin with."""
    net = build(["r1", "client"])
    daemon = VrrpdFast(net, "r1", VI=FAST.settings(200, accept=False))
    daemon.start()
    wait_until(lambda: daemon.holds(FAST.vip), 5, "the master has the address")
    net.run("r1", "nft", "flush", "ruleset")
    assert elements(net, "r1") == {'"10.0.0.100"'}
    assert not net.pings("client", FAST.vip, 0.2)


def test_nothing_of_it_outlives_a_kill(build: Build) -> None:
    net = build(["r1"])
    daemon = VrrpdFast(net, "r1", VI=FAST.settings(200, accept=False))
    daemon.start()
    wait_until(lambda: daemon.holds(FAST.vip), 5, "the master has the address")
    daemon.kill()
    assert tables(net, "r1") == set()
    # A table as an older kernel leaves it, which has no owners.
    net.run("r1", "nft", "add", "table", "ip", TABLE)
    argv = net.command("r1", sys.executable, "-m", DAEMON, "--withdraw")
    told = subprocess.run(argv, check=True, capture_output=True, text=True, env=environment()).stdout
    assert told == "1 address, 1 nftables table removed\n"
    assert tables(net, "r1") == set()


def test_who_cannot_be_protected_is_named(build: Build) -> None:
    """Here because another daemon owns the table; the log says so at the start, and the address is there."""
    net = build(["r1", "client"])
    owner = VrrpdFast(net, "r1", VI=FAST.settings(200, accept=False))
    owner.start()
    wait_until(lambda: owner.holds(FAST.vip), 5, "the owner of the table is MASTER")
    settings = FAST.settings(200, vrid=52, accept=False, virtual_ipaddress=["10.0.0.101/24"])
    document = {"global_defs": {"router_id": "other"}, "vrrp_instance": {"OTHER": settings}}
    other = VrrpdFast(net, "r1", document)
    other.config_path = other.directory / "other.json"
    other.socket_path = other.directory / "other.sock"
    other.start()
    assert "error no_accept is not in force for instance OTHER: nftables: " in other.log
    wait_until(lambda: other.holds("10.0.0.101"), 5, "the other is MASTER all the same")
    net.must_ping("client", "10.0.0.101")
    argv = net.command("r1", sys.executable, "-m", DAEMON, "--withdraw")
    subprocess.run(argv, check=True, capture_output=True, env=environment())
    wait_until(lambda: owner.holds(FAST.vip), 2, "a running daemon puts back what is its own")
    assert not net.pings("client", FAST.vip, 0.2)


@pytest.mark.peer("keepalived")
def test_the_rules_drop_what_those_of_keepalived_drop(build: Build) -> None:
    """The same sets and verdicts; where keepalived jumps to a chain for link-local addresses, we do not."""
    settings = {
        "VI": FAST.settings(200, no_accept=True),
        "VI6": FAST6.settings(200, vrid=52, no_accept=True),
    }
    ours = VrrpdFast(
        build(["r1"]),
        "r1",
        VI=FAST.settings(200, accept=False),
        VI6=FAST6.settings(200, vrid=52, accept=False),
    )
    theirs = Keepalived(build(["r1"]), "r1", **settings)
    for daemon in (ours, theirs):
        daemon.start()
        wait_until(
            lambda daemon=daemon: len(elements(daemon.net, "r1")) >= 3, 8, f"all is there:\n{daemon.log}"
        )  # type: ignore[misc]
    members = elements(ours.net, "r1")
    assert members == {'"10.0.0.100"', '"2001:db8::100"', '{"concat": ["fe80::100", "eth0"]}'}
    assert members <= elements(theirs.net, "r1")

    def chains(net: Net) -> set[tuple[str, str, int]]:
        found = [each["chain"] for each in ruleset(net, "r1") if "chain" in each]
        return {(each["family"], each["hook"], each["prio"]) for each in found if "hook" in each}

    assert chains(ours.net) == chains(theirs.net)

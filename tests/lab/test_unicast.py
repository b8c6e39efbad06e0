"""Unicast peers instead of multicast (draft-abinabraham-vrrp-unicast, keepalived's unicast_peer)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.kit.daemons import Settings
from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.net import now_ns
from lab.kit.peers import PEERS
from lab.kit.settings import FAST, FAST6, Flavour
from lab.kit.timing import EARLY_S
from lab.kit.vectors import right_advert
from lab.kit.vrrpd import DAEMON, VrrpdFast, environment
from lab.kit.waiting import wait_until

by_family = pytest.mark.parametrize("kind", [FAST, FAST6], ids=["ipv4", "ipv6"])


def between(kind: Flavour, priority: int, own: int, *others: int) -> Settings:
    """A virtual router of node number `own` with the nodes `others` as its peers."""
    prefix = "10.0.0." if kind.family == 4 else "fe80::"
    return kind.settings(
        priority, unicast_src_ip=f"{prefix}{own}", unicast_peer=[f"{prefix}{other}" for other in others]
    )


@pytest.mark.rfc("U2", "U4", "U5", "U7")
@by_family
@pytest.mark.parametrize("peer", ["vrrpd-fast", "keepalived"])
def test_unicast_election_and_takeover(build: Build, capture: Tap, peer: str, kind: Flavour) -> None:
    net = build(["r1", "r2", "r3"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=between(kind, 100, 1, 2, 3))
    # keepalived leaves the hop limit of unicast adverts over IPv6 to the kernel's default unless told.
    more = {"unicast_ttl": 255} if peer == "keepalived" else {}
    other = PEERS[peer](net, "r2", VI=between(kind, 200, 2, 1, 3) | more)
    other.start()
    wire.wait_advert("r2")
    ours.start()
    wire.wait_adverts(10, "r2", after=now_ns())
    ours.wait_state("VI", "BACKUP")
    assert not wire.adverts("r1")
    other.kill()
    last = wire.adverts("r2")[-1]
    taken = wire.wait_advert("r1")
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    assert kind.down_s(100) - EARLY_S < silence_s < kind.down_s(100) + ours.late_s()

    # One copy to each peer, never one to the group, and nothing but the destination differs.
    wire.wait_adverts(6, "r1", after=taken.time_ns)
    sent = wire.adverts("r1")[:6]
    prefix = "10.0.0." if kind.family == 4 else "fe80::"
    assert {str(advert.destination) for advert in sent} == {f"{prefix}2", f"{prefix}3"}
    assert {advert.ttl for advert in sent} == {255}
    assert {advert.message[:6] for advert in sent} == {sent[0].message[:6]}
    assert {str(advert.source) for advert in sent} == {f"{prefix}1"}


@pytest.mark.rfc("U5", "U6")
def test_only_peers_are_heard(build: Build) -> None:
    """With check_unicast_src and min_ttl a stranger's advert, and a peer's from afar, move counters only."""
    net = build(["r1", "r2", "stranger"])
    settings = between(FAST, 100, 1, 2) | {"unicast_peer": ["10.0.0.2 min_ttl 255"]}
    ours = VrrpdFast(net, "r1", VI=settings | {"check_unicast_src": True})
    ours.start()
    ours.wait_state("VI", "MASTER")
    own = net.port("r1")
    right = right_advert("v3-ipv4", 51, 10, 200)
    direct = {"destination": own.ipv4, "destination_mac": own.mac}
    stranger, peer = Injector(net, "stranger"), Injector(net, "r2")
    stranger.advert(**right | direct)
    wait_until(lambda: ours.statistics("VI")["peer_errors"] == 1, 2, "it was counted")
    assert ours.state("VI") == "MASTER"
    peer.advert(**right | direct | {"ttl": 254})
    wait_until(lambda: ours.statistics("VI")["ip_ttl_errors"] == 1, 2, "it was counted")
    assert ours.state("VI") == "MASTER"
    peer.advert(**right | direct)
    ours.wait_state("VI", "BACKUP", timeout=1)
    stranger.close()
    peer.close()


def test_without_interface_and_source_the_routes_decide(build: Build, capture: Tap) -> None:
    """r1 speaks over the LAN to which a route leads, from its address there, and hears the answer there."""
    net = build(["r1", "r2"], ["r1", "r2"])
    wire = capture(net)

    def loose(priority: int, other: str) -> Settings:
        settings = FAST.settings(priority, virtual_ipaddress=["10.0.0.100/24 dev eth0"], unicast_peer=[other])
        return {key: value for key, value in settings.items() if key != "interface"}

    net.ip("r2", "addr", "add", "10.7.0.2/32", "dev", "eth1")
    first = VrrpdFast(net, "r1", VI=loose(200, "10.7.0.2"))
    second = VrrpdFast(net, "r2", VI=loose(100, "10.1.0.1") | {"unicast_src_ip": "10.7.0.2"})
    first.start()
    status = first.wait_state("VI", "FAULT")
    assert "10.7.0.2" in status["reason"]
    net.ip("r1", "route", "add", "10.7.0.2", "via", "10.1.0.2")
    first.wait_state("VI", "MASTER")
    second.start()
    second.wait_state("VI", "BACKUP")
    seen = wire.wait_advert("r1", after=now_ns())
    assert (seen.lan, str(seen.source), str(seen.destination)) == (1, "10.1.0.1", "10.7.0.2")
    assert second.statistics("VI")["master_transitions"] == 0


@pytest.mark.rfc("U1", "U3")
@pytest.mark.parametrize(
    ("peers", "told"),
    [([], "unicast_peer"), (["10.0.0.1"], "10.0.0.1"), (["fe80::2"], "fe80::2"), (["nobody"], "nobody")],
)
def test_a_list_of_peers_that_makes_no_sense_is_refused(tmp_path: Path, peers: list[str], told: str) -> None:
    """No peer at all, ourselves, another family: said by --check, instead of falling back to multicast."""
    path = tmp_path / "vips.json"
    instance = FAST.settings(unicast_src_ip="10.0.0.1", unicast_peer=peers)
    path.write_text(json.dumps({"vrrp_instance": {"VI": instance}}, indent=1))
    words = [sys.executable, "-m", DAEMON, "--config", str(path), "--check"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, env=environment())
    assert done.returncode == 2
    assert told in done.stdout

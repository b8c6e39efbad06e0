"""Every option of virtual_ipaddress: what keepalived puts into the kernel, we put there too."""

from typing import Any

import pytest

from lab.kit.fixtures import Build
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net
from lab.kit.settings import FAST
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

ADDRESSES = [
    "10.0.0.100/24",
    "10.0.0.101 peer 10.0.0.200",
    "10.0.0.102/24 brd + label eth0:x",
    "10.0.0.103/24 noprefixroute",
    "10.0.0.104/24 brd - preferred_lft 3000",
]
EXCLUDED = [
    "10.0.0.120/32 scope link",
    "10.88.0.1/24 scope site",
    "2001:db8::a0",
    "2001:db8::a1/64 preferred_lft forever",
    "2001:db8::a2/64 home mngtmpaddr",
    "2001:db8::a3/64 home noprefixroute",
    "2001:db8::a4/64 -nodad",
    "2001:db8::a6 peer 2001:db8::99 preferred_lft 3000",
    "2001:db8::a7/64 mngtmpaddr",
    "fe80::a8/64",
]
# Seconds that run while we look.
RUNNING = ("preferred_life_time",)


def virtual(net: Net) -> list[dict[str, Any]]:
    """All addresses but the node's own, without their protocol."""
    port = net.port("r1")
    own = {str(port.ipv4), str(port.ipv6), str(port.link_local)}
    (link,) = net.ip_json("r1", "-d", "addr", "show", "dev", "eth0")
    found = []
    for entry in link["addr_info"]:
        if entry["local"] not in own:
            kept = {key: value for key, value in entry.items() if key != "protocol"}
            for key in RUNNING:
                kept[key] = kept[key] if kept[key] in (0, 0xFFFFFFFF) else kept[key] // 100
            found.append(kept)
    return sorted(found, key=lambda each: str(each["local"]))


@pytest.mark.peer("keepalived")
def test_flags_lifetimes_and_peers_are_those_of_keepalived(build: Build) -> None:
    settings = FAST.settings(
        200, virtual_ipaddress=ADDRESSES, virtual_ipaddress_excluded=EXCLUDED, advert_int=0.5
    )
    ours, theirs = VrrpdFast(build(["r1"]), "r1", VI=settings), Keepalived(build(["r1"]), "r1", VI=settings)
    count = len(ADDRESSES) + len(EXCLUDED)
    for daemon in (ours, theirs):
        daemon.start()
    for daemon in (ours, theirs):
        wait_until(lambda net=daemon.net: len(virtual(net)) == count, 8, f"all are there:\n{daemon.log}")  # type: ignore[misc]
    assert virtual(ours.net) == virtual(theirs.net)
    assert "cannot add" not in ours.log
    assert ours.stop() == 0
    assert virtual(ours.net) == []


def test_an_address_with_a_peer_is_put_back_and_one_without_tracking_is_not(build: Build) -> None:
    net = build(["r1"])
    lines = ["10.0.0.100/24", "10.0.0.101 peer 10.0.0.200", "10.0.0.102/24 no_track"]
    daemon = VrrpdFast(net, "r1", VI=FAST.settings(200, virtual_ipaddress=lines))
    daemon.start()
    wait_until(lambda: daemon.holds("10.0.0.102"), 5, "all are there")
    net.ip("r1", "addr", "del", "10.0.0.102/24", "dev", "eth0")
    net.ip("r1", "addr", "del", "10.0.0.101", "peer", "10.0.0.200/32", "dev", "eth0")
    wait_until(lambda: daemon.holds("10.0.0.101"), 2, f"the one with a peer is back:\n{daemon.log}")
    assert not daemon.holds("10.0.0.102")
    assert "removed 10.0.0.102" not in daemon.log


def test_promote_secondaries_is_set_while_we_run(build: Build) -> None:
    net = build(["r1"])

    def switch() -> str:
        return net.run("r1", "cat", "/proc/sys/net/ipv4/conf/eth0/promote_secondaries").stdout.strip()

    assert switch() == "0"
    settings = FAST.settings(200, promote_secondaries=True)
    settings["virtual_ipaddress"] = ["10.0.0.100/24", "10.77.0.1/24", "10.77.0.2/24"]
    daemon = VrrpdFast(net, "r1", VI=settings)
    daemon.start()
    wait_until(lambda: daemon.holds("10.77.0.2"), 5, "all are there")
    assert switch() == "1"
    settings["virtual_ipaddress"] = ["10.0.0.100/24", "10.77.0.2/24"]
    daemon.change(VI=settings)
    assert "1 changed" in daemon.ctl("reload").stdout
    assert daemon.holds("10.77.0.2")
    assert "put back" not in daemon.log
    daemon.change(VI=settings | {"promote_secondaries": False})
    assert "1 changed" in daemon.ctl("reload").stdout
    assert switch() == "0"
    daemon.change(VI=settings)
    assert "1 changed" in daemon.ctl("reload").stdout
    assert switch() == "1"
    assert daemon.stop() == 0
    assert switch() == "0"


def test_secondaries_that_go_with_their_primary_come_back(build: Build) -> None:
    """Without promote_secondaries: the kernel removes them, and we put them back."""
    net = build(["r1"])
    settings = FAST.settings(200, virtual_ipaddress=["10.77.0.1/24", "10.77.0.2/24", "10.77.0.3/24"])
    daemon = VrrpdFast(net, "r1", VI=settings)
    daemon.start()
    wait_until(lambda: daemon.holds("10.77.0.3"), 5, "all are there")
    daemon.change(VI=settings | {"virtual_ipaddress": ["10.77.0.2/24", "10.77.0.3/24"]})
    assert "1 changed" in daemon.ctl("reload").stdout
    wait_until(
        lambda: daemon.holds("10.77.0.2") and daemon.holds("10.77.0.3") and not daemon.holds("10.77.0.1"),
        2,
        f"those that stay are there:\n{daemon.log}",
    )

"""Links that go down, vanish, come late or lose their address: FAULT with the reason, and the way back."""

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.settings import FAST, FAST6, Flavour
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

by_family = pytest.mark.parametrize("kind", [FAST, FAST6], ids=["ipv4", "ipv6"])
NOTICE_S = 0.5  # a link event is handled in milliseconds; the kernel itself may hold a carrier event back


def pair(net: Net, kind: Flavour) -> tuple[VrrpdFast, VrrpdFast]:
    """Two routers, the first of which is MASTER."""
    first, second = VrrpdFast(net, "r1", VI=kind.settings(200)), VrrpdFast(net, "r2", VI=kind.settings(100))
    first.start()
    second.start()
    first.wait_state("VI", "MASTER")
    second.wait_state("VI", "BACKUP")
    return first, second


def unplug(net: Net, node: str) -> None:
    net.ip("switch", "link", "set", net.port(node).peer, "down")


def plug(net: Net, node: str) -> None:
    net.ip("switch", "link", "set", net.port(node).peer, "up")


def add_link(net: Net, node: str, name: str, address: str) -> None:
    """A new link of a node, bridged into the LAN: what a hot-plugged card or a late VLAN looks like."""
    far = f"{node}.new"
    net.ip("switch", "link", "add", far, "type", "veth", "peer", "name", name, "netns", net.namespace(node))
    net.ip("switch", "link", "set", far, "master", "br0", "up")
    net.ip(node, "addr", "add", f"{address}/24", "dev", name)
    net.ip(node, "link", "set", name, "up")


@pytest.mark.rfc("I3", "I2")
@by_family
@pytest.mark.parametrize("how", ["carrier", "admin"])
def test_link_down_and_up(build: Build, capture: Tap, how: str, kind: Flavour) -> None:
    """FAULT and why, the other takes over; with the link it comes back and preempts."""
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    first, second = pair(net, kind)
    said = len(first.log)
    if how == "carrier":
        unplug(net, "r1")
    else:
        net.ip("r1", "link", "set", "eth0", "down")
    status = first.wait_state("VI", "FAULT", timeout=NOTICE_S)
    assert "down" in status["reason"].lower()
    assert not first.holds(kind.vip)
    last = wire.adverts("r1")[-1]
    taken = wire.wait_advert("r2", after=last.time_ns)
    assert (taken.time_ns - last.time_ns) / 1e9 < kind.down_s(100) + second.late_s()
    second.wait_state("VI", "MASTER")
    first.wait_log("FAULT", after=said)

    up_ns = now_ns()
    if how == "carrier":
        plug(net, "r1")
    else:
        net.ip("r1", "link", "set", "eth0", "up")
        if kind.family == 6:  # the kernel flushed it with the link
            net.ip("r1", "addr", "add", f"{net.port('r1').link_local}/64", "dev", "eth0", "nodad")
    first.wait_state("VI", "MASTER", timeout=3)
    assert not wire.adverts("r1", after=last.time_ns, before=up_ns)
    second.wait_state("VI", "BACKUP")
    wait_until(lambda: net.pings("client", kind.vip), 3, "the client reaches the address")


def test_a_backup_without_link_is_no_master(build: Build) -> None:
    net = build(["r1", "r2"])
    first, second = pair(net, FAST)
    unplug(net, "r2")
    second.wait_state("VI", "FAULT", timeout=NOTICE_S)
    assert not second.holds(FAST.vip)
    assert second.statistics("VI")["master_transitions"] == 0
    plug(net, "r2")
    second.wait_state("VI", "BACKUP", timeout=2)
    assert first.state("VI") == "MASTER"
    assert second.statistics("VI")["master_transitions"] == 0


@pytest.mark.rfc("I3")
def test_an_interface_is_deleted_and_created_again(build: Build, capture: Tap) -> None:
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    first, second = pair(net, FAST)
    net.ip("r1", "link", "del", "eth0")
    status = first.wait_state("VI", "FAULT", timeout=NOTICE_S)
    assert status["reason"]
    second.wait_state("VI", "MASTER", timeout=2)
    gone_ns = now_ns()

    # Another index and another MAC address: everything prepared for the old one must be renewed.
    add_link(net, "r1", "eth0", "10.0.0.1")
    first.wait_state("VI", "MASTER", timeout=3)
    wait_until(lambda: first.holds(FAST.vip), 2, "the address is on the new link")
    second.wait_state("VI", "BACKUP")
    wait_until(lambda: net.pings("client", FAST.vip), 2, "the client reaches the address")
    assert wire.adverts("r2", after=gone_ns)


def test_an_interface_that_appears_after_the_start(build: Build) -> None:
    net = build(["r1", "r2"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings(interface="late0"))
    ours.start()
    status = ours.wait_state("VI", "FAULT")
    assert "late0" in status["reason"] or "late0" in ours.log
    add_link(net, "r1", "late0", "10.0.0.9")
    ours.wait_state("VI", "MASTER", timeout=3)
    wait_until(lambda: FAST.vip in net.addresses("r1", "late0"), 2, "the address is on the new link")


def test_a_renamed_interface_is_another_one(build: Build) -> None:
    """The name is what the file says: eth0 renamed is eth0 gone, and back when it is renamed back."""
    net = build(["r1", "r2"])
    ours = VrrpdFast(net, "r1", VI=FAST.settings())
    ours.start()
    ours.wait_state("VI", "MASTER")
    net.ip("r1", "link", "set", "eth0", "down")
    net.ip("r1", "link", "set", "eth0", "name", "other0")
    net.ip("r1", "link", "set", "other0", "up")
    ours.wait_state("VI", "FAULT", timeout=NOTICE_S)
    net.ip("r1", "link", "set", "other0", "down")
    net.ip("r1", "link", "set", "other0", "name", "eth0")
    net.ip("r1", "link", "set", "eth0", "up")
    ours.wait_state("VI", "MASTER", timeout=3)
    assert FAST.vip in net.addresses("r1", "eth0")


@pytest.mark.rfc("I3", "P1", "P3")
@by_family
def test_without_a_primary_address_there_is_no_router(build: Build, capture: Tap, kind: Flavour) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    first, second = pair(net, kind)
    port = net.port("r1")
    primary = f"{port.ipv4}/24" if kind.family == 4 else f"{port.link_local}/64"
    net.ip("r1", "addr", "del", primary, "dev", "eth0")
    status = first.wait_state("VI", "FAULT", timeout=NOTICE_S)
    assert "address" in status["reason"].lower()
    second.wait_state("VI", "MASTER", timeout=2)
    assert not first.holds(kind.vip)
    without_ns = now_ns()
    wire.wait_adverts(3, "r2", after=without_ns)
    back_ns = now_ns()
    assert not wire.adverts("r1", after=without_ns, before=back_ns)
    nodad = ["nodad"] if kind.family == 6 else []
    net.ip("r1", "addr", "add", primary, "dev", "eth0", *nodad)
    first.wait_state("VI", "MASTER", timeout=3)


@pytest.mark.rfc("P1")
def test_a_new_primary_address_is_the_source_at_once(build: Build, capture: Tap) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    # As systemd sets it; without, the kernel deletes every other address of the subnet with the first.
    net.run("r1", "sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/eth0/promote_secondaries")
    ours = VrrpdFast(net, "r1", VI=FAST.settings())
    ours.start()
    wire.wait_advert("r1")
    net.ip("r1", "addr", "add", "10.0.0.60/24", "dev", "eth0")
    net.ip("r1", "addr", "del", "10.0.0.1/24", "dev", "eth0")

    def from_new() -> bool:
        return any(str(advert.source) == "10.0.0.60" for advert in wire.adverts("r1"))

    wire.wait(from_new, 3, "adverts come from the new address")
    assert str(wire.wait_advert("r1", after=now_ns()).source) == "10.0.0.60"
    assert ours.state("VI") == "MASTER"


def test_the_virtual_address_is_never_the_source(build: Build, capture: Tap) -> None:
    """A virtual address that sorts before the primary one, on a master that is started again beside it."""
    net = build(["r1", "r2"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(virtual_ipaddress=["10.0.0.0/24", "9.0.0.1/8"]))
    ours.start()
    wire.wait_advert("r1")
    ours.kill()
    again_ns = now_ns()
    ours.start()
    sent = wire.wait_adverts(3, "r1", after=again_ns)
    assert {str(advert.source) for advert in sent} == {"10.0.0.1"}


def test_track_interface(build: Build, capture: Tap) -> None:
    """Weight 0 is FAULT while the other link is down, a negative weight lowers the priority."""
    net = build(["r1", "r2"], ["r1", "r2"])
    wire: Capture = capture(net)
    ours = VrrpdFast(
        net,
        "r1",
        HARD=FAST.settings(150, vrid=51, track_interface=["eth1"]),
        SOFT=FAST.settings(
            150, vrid=52, virtual_ipaddress=["10.0.0.200/24"], track_interface=["eth1 weight -30"]
        ),
    )
    ours.start()
    ours.wait_state("HARD", "MASTER")
    wire.wait_advert("r1", vrid=52, priority=150)
    net.ip("switch", "link", "set", net.port("r1", 1).peer, "down")
    ours.wait_state("HARD", "FAULT", timeout=NOTICE_S)
    wire.wait_advert("r1", vrid=51, priority=0)
    wire.wait_advert("r1", vrid=52, priority=120)
    assert ours.instance("SOFT")["effective_priority"] == 120
    assert ours.instance("SOFT")["priority"] == 150
    net.ip("switch", "link", "set", net.port("r1", 1).peer, "up")
    since = now_ns()
    wire.wait_advert("r1", vrid=52, priority=150, after=since)
    ours.wait_state("HARD", "MASTER", timeout=3)

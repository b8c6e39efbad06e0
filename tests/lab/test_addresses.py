"""Virtual addresses: on the master and nowhere else, announced, answered for, put back."""

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.settings import FAST, FAST6, Flavour
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

MAC1, MAC2 = "02:00:00:00:00:01", "02:00:00:00:00:02"
by_family = pytest.mark.parametrize("kind", [FAST, FAST6], ids=["ipv4", "ipv6"])


def neighbour(net: Net, node: str, address: str) -> str | None:
    """The MAC address a node has learned for an IP address."""
    entries = net.ip_json(node, "neigh", "show", "to", address)
    return next((entry["lladdr"] for entry in entries if "lladdr" in entry), None)


@pytest.mark.rfc("B1", "B3", "A1", "A3", "B5", "O5", "O9", "O10")
@by_family
def test_only_the_master_has_the_address_and_the_client_follows(
    build: Build, capture: Tap, kind: Flavour
) -> None:
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    first, second = VrrpdFast(net, "r1", VI=kind.settings(200)), VrrpdFast(net, "r2", VI=kind.settings(100))
    first.start()
    second.start()
    first.wait_state("VI", "MASTER")
    second.wait_state("VI", "BACKUP")
    wait_until(lambda: first.holds(kind.vip), 2, "the master has the address")
    assert not second.holds(kind.vip)
    # What is sent to the address ends at the master (8.3.1) and is nobody else's.
    assert net.route_type("r1", kind.vip) == "local"
    assert net.route_type("r2", kind.vip) != "local"
    net.must_ping("client", kind.vip)
    assert neighbour(net, "client", kind.vip) == MAC1

    first.stop()
    goodbye = wire.wait_advert("r1", priority=0)
    announced = wire.wait(
        lambda: wire.announcements("r2", kind.vip, after=goodbye.time_ns), 2, "the new master announces"
    )
    assert (announced[0].time_ns - goodbye.time_ns) / 1e9 < kind.skew_s(100) + second.late_s()
    # Nobody asked: the client's entry moved with the announcement.
    wait_until(
        lambda: neighbour(net, "client", kind.vip) == MAC2, 1, "the client learned the new master's MAC"
    )
    net.must_ping("client", kind.vip)
    assert second.holds(kind.vip)
    assert not first.holds(kind.vip)


@pytest.mark.rfc("B1", "B3")
@by_family
def test_a_backup_answers_for_nothing(build: Build, capture: Tap, kind: Flavour) -> None:
    """With the master dead and its address gone, a BACKUP alone is no answer; once MASTER, it is."""
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    slow = {"advert_int": 1}
    first = VrrpdFast(net, "r1", VI=kind.settings(200, **slow))
    first.start()
    first.wait_state("VI", "MASTER", timeout=6)
    second = VrrpdFast(net, "r2", VI=kind.settings(100, **slow))
    second.start()
    second.wait_state("VI", "BACKUP")
    wire.wait_advert("r1", after=now_ns())
    net.ip("r1", "link", "set", "eth0", "down")
    assert not net.pings("client", kind.vip)
    assert second.state("VI") == "BACKUP"
    second.wait_state("VI", "MASTER")
    net.must_ping("client", kind.vip)


@pytest.mark.rfc("B5", "I1", "O5", "O7")
@pytest.mark.parametrize("count", [1, 3])
def test_arp_announcements_in_two_sets(build: Build, capture: Tap, count: int) -> None:
    """Five per address at once, five more after the delay, as keepalived does; then silence."""
    net = build(["r1", "client"])
    wire = capture(net)
    vips = [f"10.0.0.{100 + number}" for number in range(count)]
    ours = VrrpdFast(
        net,
        "r1",
        VI=FAST.settings(virtual_ipaddress=[f"{vip}/24" for vip in vips], garp_master_delay=1),
    )
    ours.start()
    first = wire.wait_advert("r1")
    second_ns = first.time_ns + 1_000_000_000
    wire.wait_time(second_ns, slack=0.5)
    for vip in vips:
        seen = wire.announcements("r1", vip)
        assert len(seen) == 10
        for each in seen:
            assert each.kind == "arp"
            assert each.operation == 1
            assert each.destination == "ff:ff:ff:ff:ff:ff"
            assert each.mac == each.source_mac == MAC1
        early, late = seen[:5], seen[5:]
        assert early[-1].time_ns < first.time_ns + round(ours.late_s() * 1e9)
        assert early[0].time_ns > first.time_ns - 20_000_000
        assert all(abs(each.time_ns - second_ns) < ours.late_s() * 1e9 for each in late)


@pytest.mark.rfc("B5", "I1", "A1", "O7")
def test_neighbour_advertisements_in_two_sets(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST6.settings(garp_master_delay=1, garp_master_repeat=3))
    ours.start()
    first = wire.wait_advert("r1")
    second_ns = first.time_ns + 1_000_000_000
    wire.wait_time(second_ns, slack=0.5)
    for vip in ("fe80::100", "2001:db8::100"):
        # The kernel announces nothing by itself: ndisc_notify is off.
        seen = wire.announcements("r1", vip)
        assert len(seen) == 6
        for each in seen:
            assert each.kind == "na"
            assert each.operation == 0xA0  # R and O, not S (RFC 9568 6.4.2)
            assert each.destination == "ff02::1"
            assert each.hop_limit == 255
            assert each.mac == each.source_mac == MAC1
        assert seen[2].time_ns < first.time_ns + round(ours.late_s() * 1e9)
        assert all(abs(each.time_ns - second_ns) < ours.late_s() * 1e9 for each in seen[3:])


def test_announcements_are_refreshed(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    refresh = {"garp_master_delay": 0, "garp_master_refresh": 0.5, "garp_master_refresh_repeat": 2}
    ours = VrrpdFast(net, "r1", VI=FAST.settings() | refresh)
    ours.start()
    first = wire.wait_advert("r1")
    wire.wait_time(first.time_ns + 1_200_000_000)
    at_ms = [(each.time_ns - first.time_ns) / 1e6 for each in wire.announcements("r1", FAST.vip)]
    assert len(at_ms) == 9
    assert at_ms[5:7] == pytest.approx([500, 500], abs=ours.late_s() * 1000)
    assert at_ms[7:9] == pytest.approx([1000, 1000], abs=ours.late_s() * 1000)


def test_addresses_are_what_the_file_says(build: Build) -> None:
    """Prefix length, interface, label, broadcast, scope; excluded ones are carried but not advertised."""
    net = build(["r1", "client"], ["r1", "client"])
    ours = VrrpdFast(
        net,
        "r1",
        VI=FAST.settings(
            virtual_ipaddress=[
                "10.0.0.100/24 brd + label eth0:vip",
                {"address": "10.0.0.101"},
                "10.1.0.100/28 dev eth1 scope link",
            ],
            virtual_ipaddress_excluded=["10.0.0.102/32", "2001:db8::102/64", "2001:db8::103"],
        ),
    )
    ours.start()
    ours.wait_state("VI", "MASTER")
    wait_until(lambda: ours.holds("2001:db8::103"), 2, "the last address is there")

    def entry(interface: str, address: str) -> dict[str, object]:
        for link in net.ip_json("r1", "addr", "show", "dev", interface):
            for found in link["addr_info"]:
                if found["local"] == address:
                    return dict(found)
        raise AssertionError(f"{address} is not on {interface}")

    labelled = entry("eth0", "10.0.0.100")
    assert (labelled["prefixlen"], labelled["label"]) == (24, "eth0:vip")
    assert labelled["broadcast"] == "10.0.0.255"
    assert entry("eth0", "10.0.0.101")["prefixlen"] == 32
    elsewhere = entry("eth1", "10.1.0.100")
    assert (elsewhere["prefixlen"], elsewhere["scope"]) == (28, "link")
    assert entry("eth0", "10.0.0.102")["prefixlen"] == 32
    assert entry("eth0", "2001:db8::102")["prefixlen"] == 64
    # A /128 is deprecated from the start, so that nothing picks it as its own source address.
    assert entry("eth0", "2001:db8::103")["preferred_life_time"] == 0

    ours.stop()
    left = net.addresses("r1")
    assert not left & {
        "10.0.0.100",
        "10.0.0.101",
        "10.1.0.100",
        "10.0.0.102",
        "2001:db8::102",
        "2001:db8::103",
    }


@pytest.mark.rfc("P7", "P11")
def test_adverts_list_the_addresses_in_order(build: Build, capture: Tap) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    vips = [f"10.0.0.{number}" for number in (150, 120, 199, 101)]
    ours = VrrpdFast(
        net,
        "r1",
        VI=FAST.settings(virtual_ipaddress=vips, virtual_ipaddress_excluded=["10.0.0.77", "2001:db8::77/64"]),
    )
    ours.start()
    advert = wire.wait_advert("r1")
    assert advert.count == 4
    assert advert.addresses == vips


@by_family
def test_an_address_deleted_by_hand_is_put_back_and_told(build: Build, capture: Tap, kind: Flavour) -> None:
    net = build(["r1", "client"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=kind.settings())
    ours.start()
    ours.wait_state("VI", "MASTER")
    wait_until(lambda: ours.holds(kind.vip), 2, "the master has the address")
    said = len(ours.log)
    deleted_ns = now_ns()
    net.ip("r1", "addr", "del", kind.addresses[-1], "dev", "eth0")
    wait_until(lambda: ours.holds(kind.vip), 1, "the address is back")
    ours.wait_log(kind.vip, after=said)
    wire.wait(lambda: wire.announcements("r1", kind.vip, after=deleted_ns), 1, "it is announced again")
    assert ours.instance("VI")["statistics"]["master_transitions"] == 1
    assert not wire.adverts("r1", priority=0)


def test_an_address_of_a_backup_is_nobodys_business(build: Build) -> None:
    """An operator who adds and deletes the address while we are BACKUP gets it neither back nor reported."""
    net = build(["r1", "r2"])
    first, second = VrrpdFast(net, "r1", VI=FAST.settings(200)), VrrpdFast(net, "r2", VI=FAST.settings(100))
    first.start()
    first.wait_state("VI", "MASTER")
    second.start()
    second.wait_state("VI", "BACKUP")
    net.ip("r2", "addr", "add", "10.0.0.100/24", "dev", "eth0")
    net.ip("r2", "addr", "del", "10.0.0.100/24", "dev", "eth0")
    second.wait_state("VI", "BACKUP")
    assert not second.holds(FAST.vip)

"""Receive checks: RFC 9568 7.1, RFC 3768 7.1, unicast rules; each failure moves exactly one counter."""

from typing import Any

import pytest

from machine.bench import IFINDEX, Bench, cs, parameters, primary
from machine.packets import Arrival, arrival
from reference.codec import GROUPS, ipv4
from reference.machine import COUNTER_OF
from vrrpd_fast.engine.wire import REJECTS

VARIANTS = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])
FAMILIES = pytest.mark.parametrize("family", [4, 6])


def backup(family: int = 4, version: int = 3, **options: Any) -> tuple[Bench, int]:
    """A backup that just heard a good advert (master .20, priority 200)."""
    bench = Bench()
    handle = bench.add(parameters(family, version, **options))
    bench.start(handle)
    return bench, handle


def assert_refused(bench: Bench, handle: int, reason: str, **wrong: Any) -> None:
    """The reason, one counter by one, and no trace in state and timers, as backup and as master."""
    for state in ("BACKUP", "MASTER"):
        if state == "MASTER":
            bench.sleep_until(bench.machine.down_deadline_ns(handle) + 20_000)
            bench.sent[handle].clear()
        assert bench.state(handle) == state
        before = bench.machine.snapshot(handle).statistics
        deadline_ns = bench.machine.down_deadline_ns(handle)
        for priority in (0, 1, 100, 255):
            assert bench.hear(handle, priority, **wrong) == reason
        after = bench.machine.snapshot(handle).statistics
        moved = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        assert moved == {COUNTER_OF[reason]: 4}
        assert bench.machine.down_deadline_ns(handle) == deadline_ns
        assert bench.state(handle) == state
        assert bench.sent[handle] == []


def assert_accepted(bench: Bench, handle: int, **fields: Any) -> None:
    bench.sleep(50_000_000)
    assert bench.hear(handle, 200, **fields) == ""
    assert bench.down_in_ns(handle) == bench.routers[handle].down_interval_ns
    assert bench.count(handle, "advertisement_rcvd") == 1


def test_reasons_and_counters_are_those_of_the_reference() -> None:
    assert dict(REJECTS[1:]) == COUNTER_OF
    assert REJECTS[0] == ("accepted", "advertisement_rcvd")


@VARIANTS
def test_a_good_advert_is_accepted(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    assert_accepted(bench, handle)


@pytest.mark.rfc("R1")
@VARIANTS
@pytest.mark.parametrize("ttl", [0, 1, 64, 254])
def test_r1_ttl(family: int, version: int, ttl: int) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "ttl", ttl=ttl)


@pytest.mark.rfc("R2")
@VARIANTS
@pytest.mark.parametrize("length", [0, 1, 2, 7])
def test_r2_fixed_header(family: int, version: int, length: int) -> None:
    """Who is too short to have a VRID belongs to nobody, who has one to its virtual router."""
    bench, handle = backup(family, version)
    packet = bench.packet(handle, 0)
    message = packet.data[20:] if family == 4 else packet.data
    data = message[:length]
    if family == 4:
        data = ipv4(data, source=packet.source, destination=packet.destination)
    assert bench.receive(Arrival(family, data, packet.source, packet.destination)) == "short"
    attributed = length >= 2
    assert bench.count(handle, "packet_length_errors") == attributed
    assert bench.machine.unattributed()["packet_length_errors"] == (not attributed)


@pytest.mark.rfc("R3")
@VARIANTS
def test_r3_version(family: int, version: int) -> None:
    for wrong in {0, 1, 2, 3, 4, 15} - {version}:
        bench, handle = backup(family, version)
        assert_refused(bench, handle, "version", version=wrong)


@pytest.mark.rfc("R4")
@VARIANTS
@pytest.mark.parametrize("kind", [0, 2, 15])
def test_r4_type(family: int, version: int, kind: int) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "type", type=kind)


@pytest.mark.rfc("R5")
@VARIANTS
@pytest.mark.parametrize(
    "wrong", [{"trailer": b"\0"}, {"trailer": bytes(4)}, {"count": 2}, {"count": 0}, {"count": 255}]
)
def test_r5_length(family: int, version: int, wrong: dict[str, Any]) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "length", **wrong)


@pytest.mark.rfc("R6")
@VARIANTS
@pytest.mark.parametrize("error", [1, 256, 65534])
def test_r6_checksum(family: int, version: int, error: int) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "checksum", checksum_error=error)


@pytest.mark.rfc("R6")
@pytest.mark.parametrize("form", ["rfc5798", "rfc9568"])
def test_r6_both_forms_are_good_with_version_3_over_ipv4(form: str) -> None:
    bench, handle = backup()
    assert_accepted(bench, handle, form=form)


@pytest.mark.rfc("R7")
@VARIANTS
def test_r7_vrid_interface_and_family(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    deadline_ns = bench.machine.down_deadline_ns(handle)
    other = 6 if family == 4 else 4
    packet = bench.packet(handle, 0)
    assert bench.hear(handle, 0, vrid=52) == "vrid"
    assert bench.receive(packet, IFINDEX + 1) == "vrid"
    elsewhere = arrival(
        family=other, source=primary(other, 20), vrid=51, priority=0, addresses=(primary(other, 254),)
    )
    assert bench.receive(elsewhere) == "vrid"
    assert bench.machine.unattributed()["vrid_errors"] == 3
    assert bench.machine.down_deadline_ns(handle) == deadline_ns
    assert sum(bench.machine.snapshot(handle).statistics.values()) == 0
    assert bench.receive(packet) == ""


@pytest.mark.rfc("R7")
@VARIANTS
def test_r7_vrid_zero_is_nobodys(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    assert bench.hear(handle, 0, vrid=0) == "vrid"
    assert bench.machine.unattributed()["vrid_errors"] == 1


@pytest.mark.rfc("R7")
def test_r7_one_vrid_on_two_interfaces_and_in_both_families_is_four_virtual_routers() -> None:
    bench = Bench()
    handles = [bench.add(parameters(family), ifindex) for family in (4, 6) for ifindex in (3, 9)]
    for handle in handles:
        bench.start(handle)
    bench.hear(handles[2], priority=200)
    assert [bench.count(handle, "advertisement_rcvd") for handle in handles] == [0, 0, 1, 0]
    bench.sleep(1_000_000_000)
    assert [bench.hear(handle, priority=0) for handle in handles] == [""] * 4


@pytest.mark.rfc("R8")
@pytest.mark.parametrize("version", [2, 3])
def test_r8_the_owner_processes_adverts_of_others(version: int) -> None:
    """Erratum 8298: an advert for addresses that we own is told, not refused."""
    bench, handle = backup(4, version, priority=255)
    assert bench.hear(handle, priority=255, last=9) == ""
    assert bench.state(handle) == "MASTER"
    assert bench.hear(handle, priority=255, last=11) == ""
    assert bench.state(handle) == "BACKUP"


@pytest.mark.rfc("R9")
@FAMILIES
def test_r9_interval_zero(family: int) -> None:
    bench, handle = backup(family)
    assert_refused(bench, handle, "interval", interval_cs=0)


@pytest.mark.rfc("R9")
@FAMILIES
@pytest.mark.parametrize("interval_cs", [1, 99, 101, 4095])
def test_r9_another_interval_is_counted_and_adopted(family: int, interval_cs: int) -> None:
    bench, handle = backup(family)
    assert_accepted(bench, handle, interval_cs=interval_cs)
    assert bench.count(handle, "interval_errors") == 1
    assert bench.machine.snapshot(handle).master_interval_cs == interval_cs


@pytest.mark.rfc("R9")
@FAMILIES
def test_r9_our_interval_is_not_counted(family: int) -> None:
    bench, handle = backup(family)
    assert_accepted(bench, handle, reserve=15)  # the reserve nibble is not part of it
    assert bench.count(handle, "interval_errors") == 0


@pytest.mark.rfc("R10")
@pytest.mark.parametrize("interval_cs", [0, 200, 25500])
def test_r10_version_2_refuses_another_interval(interval_cs: int) -> None:
    bench, handle = backup(4, 2)
    assert_refused(bench, handle, "interval", interval_cs=interval_cs)


@pytest.mark.rfc("R10")
@pytest.mark.parametrize("interval_cs", [100, 25500])
def test_r10_version_2_accepts_its_own(interval_cs: int) -> None:
    bench, handle = backup(4, 2, interval_cs=interval_cs)
    assert_accepted(bench, handle)


@pytest.mark.rfc("R11")
@pytest.mark.parametrize("auth_type", [1, 2, 255])
def test_r11_authentication_types_of_rfc_2338_are_refused(auth_type: int) -> None:
    bench, handle = backup(4, 2)
    assert_refused(bench, handle, "auth", auth_type=auth_type)


@pytest.mark.rfc("R11")
@pytest.mark.parametrize("auth_data", [b"secreT\0\0", b"secret\0x", b"secret  ", bytes(8)])
def test_r11_another_password_is_refused(auth_data: bytes) -> None:
    bench, handle = backup(4, 2, auth_pass=b"secret")
    assert_refused(bench, handle, "auth", auth_type=1, auth_data=auth_data)


@pytest.mark.rfc("R11")
@pytest.mark.parametrize("auth_type", [0, 2])
def test_r11_the_password_with_another_type_is_refused(auth_type: int) -> None:
    bench, handle = backup(4, 2, auth_pass=b"secret")
    assert_refused(bench, handle, "auth", auth_type=auth_type, auth_data=b"secret\0\0")


@pytest.mark.rfc("R11")
@pytest.mark.parametrize("auth_pass", [b"s", b"secret", b"12345678"])
@pytest.mark.parametrize("count", [1, 20])
def test_r11_the_right_password_is_accepted(auth_pass: bytes, count: int) -> None:
    addresses = tuple(primary(4, 254 - each) for each in range(count))
    bench, handle = backup(4, 2, auth_pass=auth_pass, addresses=addresses)
    assert_accepted(bench, handle, auth_type=1, auth_data=auth_pass.ljust(8, b"\0"))


@pytest.mark.rfc("R11")
def test_r11_the_authentication_data_is_ignored() -> None:
    bench, handle = backup(4, 2)
    assert_accepted(bench, handle, auth_data=b"password")


@pytest.mark.rfc("R12")
@pytest.mark.parametrize("last", [(253,), (254, 253), (253, 252)])
def test_r12_version_2_refuses_other_addresses(last: tuple[int, ...]) -> None:
    bench, handle = backup(4, 2)
    addresses = tuple(primary(4, number) for number in last)
    for priority in (0, 1, 100, 254):  # RFC 3768 7.1 excepts the owner only
        assert bench.hear(handle, priority, addresses=addresses) == "addresses"
    assert bench.count(handle, "address_list_errors") == 4
    assert bench.count(handle, "advertisement_rcvd") == 0


@pytest.mark.rfc("R12")
def test_r12_version_2_believes_the_owner() -> None:
    bench, handle = backup(4, 2)
    assert bench.hear(handle, 255, addresses=(primary(4, 20),)) == ""
    assert bench.down_in_ns(handle) == 3_609_375_000
    assert bench.count(handle, "address_list_errors") == 1
    assert bench.count(handle, "advertisement_rcvd") == 1


@pytest.mark.rfc("R12")
@FAMILIES
def test_r12_version_3_counts_other_addresses_and_goes_on(family: int) -> None:
    bench, handle = backup(family)
    assert_accepted(bench, handle, addresses=(primary(family, 254), primary(family, 253)))
    assert bench.count(handle, "address_list_errors") == 1


@pytest.mark.rfc("R12")
@FAMILIES
def test_r12_version_3_refuses_them_when_strict(family: int) -> None:
    bench, handle = backup(family, check_addresses=True)
    assert_refused(bench, handle, "addresses", addresses=(primary(family, 253),))
    bench, handle = backup(family, check_addresses=True)
    assert_accepted(bench, handle)


@pytest.mark.rfc("R12")
@VARIANTS
def test_r12_the_order_of_the_list_does_not_matter(family: int, version: int) -> None:
    own = tuple(primary(family, last) for last in (254, 253, 252))
    bench, handle = backup(family, version, addresses=own, check_addresses=True)
    assert_accepted(bench, handle, addresses=own[::-1])
    assert bench.count(handle, "address_list_errors") == 0


@pytest.mark.rfc("R12")
@VARIANTS
def test_r12_a_doubled_address_does_not_stand_for_another(family: int, version: int) -> None:
    own = tuple(primary(family, last) for last in (254, 253))
    bench, handle = backup(family, version, addresses=own, check_addresses=True)
    assert bench.hear(handle, 200, addresses=(own[0], own[0])) == "addresses"


@VARIANTS
def test_skip_check_adv_addr_trusts_the_master_that_is_followed(family: int, version: int) -> None:
    others = (primary(family, 253),)
    bench, handle = backup(family, version, skip_check_adv_addr=True, check_addresses=True)
    assert bench.hear(handle, 200, addresses=others) == "addresses"  # nobody is followed yet
    assert bench.hear(handle, 200) == ""
    assert bench.hear(handle, 200, addresses=others) == ""
    assert bench.count(handle, "address_list_errors") == 1
    assert bench.hear(handle, 200, last=21, addresses=others) == "addresses"
    bench.sleep(cs(400))
    assert bench.state(handle) == "MASTER"
    assert bench.hear(handle, 50, addresses=others) == "addresses"  # a rival is no master of ours


def test_without_skip_check_adv_addr_every_list_is_looked_at() -> None:
    bench, handle = backup(4, 3, check_addresses=True)
    assert bench.hear(handle, 200) == ""
    assert bench.hear(handle, 200, addresses=(primary(4, 253),)) == "addresses"


@pytest.mark.rfc("R13", "P7")
@VARIANTS
def test_r13_no_addresses(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "count", addresses=())


@pytest.mark.rfc("R13", "P11")
@pytest.mark.parametrize("strict", [True, False])
def test_r13_the_first_ipv6_address_is_link_local(strict: bool) -> None:
    global_address = bytes.fromhex("20010db8") + bytes(11) + b"\x01"
    own = (primary(6, 254), global_address)
    bench, handle = backup(6, addresses=own, strict=strict)
    expected = "addresses" if strict else ""
    assert bench.hear(handle, 200, addresses=own[::-1]) == expected
    assert bench.count(handle, "address_list_errors") == 1
    assert bench.hear(handle, 200, addresses=own) == ""
    assert bench.count(handle, "address_list_errors") == 1


@pytest.mark.rfc("R13")
def test_r13_link_local_is_a_prefix_of_ten_bits() -> None:
    for text, is_counted in (
        ("fe80", False),
        ("febf", False),
        ("fec0", True),
        ("fe7f", True),
        ("ff02", True),
    ):
        own = (bytes.fromhex(text) + bytes(13) + b"\x01",)
        bench, handle = backup(6, addresses=own)
        bench.hear(handle, 200)
        assert bench.count(handle, "address_list_errors") == is_counted


@pytest.mark.rfc("R14")
@VARIANTS
def test_r14_our_own_advert_is_ignored(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "own", source=primary(family, 10))


@pytest.mark.rfc("R14")
def test_r14_the_own_address_is_the_one_last_told() -> None:
    bench, handle = backup()
    bench.move(handle, primary(4, 20))
    assert bench.hear(handle, 200, last=20) == "own"
    assert bench.hear(handle, 200, last=10) == ""


@pytest.mark.rfc("U4")
@FAMILIES
@pytest.mark.parametrize("ttl", [0, 1, 64, 254, 255])
def test_u4_unicast_comes_with_any_ttl(family: int, ttl: int) -> None:
    bench, handle = backup(family, peers=(primary(family, 20),))
    assert_accepted(bench, handle, ttl=ttl, destination=primary(family, 10))


@pytest.mark.rfc("U4")
@FAMILIES
@pytest.mark.parametrize(
    ("ttl", "last", "heard"),
    [
        (63, 20, False),
        (64, 20, True),
        (100, 20, True),
        (101, 20, False),
        (255, 20, False),
        (254, 19, False),
        (255, 19, True),
        (1, 21, True),
    ],
)
def test_u4_a_peer_has_its_range_of_ttls(family: int, ttl: int, last: int, heard: bool) -> None:
    peers = (primary(family, 19), primary(family, 20))
    bench, handle = backup(family, peers=peers, peer_ttls=((255, 255), (64, 100)))
    packet: dict[str, Any] = {"ttl": ttl, "source": primary(family, last), "destination": primary(family, 10)}
    if heard:
        assert_accepted(bench, handle, **packet)
    else:
        assert_refused(bench, handle, "ttl", **packet)


@pytest.mark.rfc("U4")
@FAMILIES
def test_u4_what_was_settled_is_no_excuse_for_another_ttl(family: int) -> None:
    """The same bytes again, once without and once with the TTL that the peer should have."""
    packet: dict[str, Any] = {"priority": 200, "destination": primary(family, 10)}
    bench, handle = backup(family, peers=(primary(family, 20),), peer_ttls=((0, 100),))
    assert bench.hear(handle, ttl=100, **packet) == ""
    assert bench.hear(handle, ttl=255, **packet) == "ttl"
    bench, handle = backup(family, peers=(primary(family, 20),), peer_ttls=((255, 255),))
    assert bench.hear(handle, ttl=255, **packet) == ""
    assert bench.hear(handle, ttl=254, **packet) == "ttl"


@pytest.mark.parametrize(
    ("reason", "header"),
    [
        ("", {}),
        ("", {"options": bytes((1, 1, 1, 0))}),
        ("ttl", {"ttl": 254}),
        ("length", {"total_length": 31}),
        ("short", {"total_length": 20}),
        ("length", {"total_length": 33}),
    ],
)
def test_what_was_settled_is_no_excuse_for_a_wrong_header(reason: str, header: dict[str, Any]) -> None:
    """The same message again, in another datagram."""
    bench, handle = backup()
    packet = bench.packet(handle)
    bench.receive(packet)
    data = ipv4(packet.data[20:], source=packet.source, destination=packet.destination, **header)
    assert bench.receive(Arrival(4, data, packet.source, packet.destination)) == reason


def test_what_was_settled_with_another_sender_or_group_is_judged() -> None:
    """Without a pseudo-header the message alone does not tell them apart."""
    bench, handle = backup(check_addresses=True)
    assert bench.hear(handle, 200, form="rfc9568") == ""
    assert bench.hear(handle, 200, last=21, form="rfc9568") == ""  # the bench sees who is followed
    assert bench.hear(handle, 200, last=21, form="rfc9568", destination=bytes((224, 0, 0, 99))) == "peer"


def test_an_ipv6_packet_whose_hop_limit_was_not_told_is_refused() -> None:
    bench, handle = backup(6, peers=(primary(6, 20),))
    assert_refused(bench, handle, "ttl", ttl=-1, destination=primary(6, 10))


@pytest.mark.rfc("U5")
@VARIANTS
def test_u5_unicast_does_not_come_by_the_group(family: int, version: int) -> None:
    bench, handle = backup(family, version, peers=(primary(family, 20),))
    assert_refused(bench, handle, "peer", destination=GROUPS[family])


@pytest.mark.rfc("U5")
@VARIANTS
@pytest.mark.parametrize("checked", [False, True])
def test_u5_unicast_comes_from_peers_only_when_told(family: int, version: int, checked: bool) -> None:
    peers = (primary(family, 19), primary(family, 20))
    bench, handle = backup(family, version, peers=peers, check_unicast_src=checked)
    stranger: dict[str, Any] = {"source": primary(family, 21), "destination": primary(family, 10)}
    if checked:
        assert_refused(bench, handle, "peer", **stranger)
    else:
        assert_accepted(bench, handle, **stranger)
    bench, handle = backup(family, version, peers=peers, check_unicast_src=checked)
    assert_accepted(bench, handle, destination=primary(family, 10))


@pytest.mark.rfc("U5")
def test_u5_without_any_peer_it_is_unicast_all_the_same() -> None:
    bench, handle = backup(4, is_unicast=True)
    assert_refused(bench, handle, "peer", destination=GROUPS[4])


@VARIANTS
def test_adverts_to_another_group_are_for_somebody_else(family: int, version: int) -> None:
    another = GROUPS[family][:-1] + b"\x63"
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "peer", destination=another)
    bench, handle = backup(family, version, group=another)
    assert_refused(bench, handle, "peer", destination=GROUPS[family])
    bench, handle = backup(family, version, group=another)
    assert_accepted(bench, handle, destination=another)


@pytest.mark.rfc("U6")
@VARIANTS
def test_u6_a_multicast_virtual_router_ignores_unicast(family: int, version: int) -> None:
    bench, handle = backup(family, version)
    assert_refused(bench, handle, "peer", destination=primary(family, 10))


def test_of_two_faults_the_earlier_check_counts() -> None:
    """One packet moves one counter, in the order R1, R2, … of the checklist."""
    faults: list[tuple[str, dict[str, Any]]] = [
        ("ttl", {"ttl": 1}),
        ("version", {"version": 3}),
        ("type", {"type": 2}),
        ("length", {"trailer": b"\0"}),
        ("checksum", {"checksum_error": 1}),
        ("peer", {"destination": primary(4, 10)}),
        ("auth", {"auth_type": 1}),
        ("interval", {"interval_cs": 200}),
        ("addresses", {"addresses": (primary(4, 253),)}),
    ]
    for i, (reason, fault) in enumerate(faults):
        for _, later in faults[i + 1 :]:
            bench, handle = backup(4, 2)
            assert bench.hear(handle, 100, **{**later, **fault}) == reason
            assert sum(bench.machine.snapshot(handle).statistics.values()) == 1

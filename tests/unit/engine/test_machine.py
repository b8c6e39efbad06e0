"""The Machine's Python API: arguments, handles, queues, snapshots. The protocol is in tests/machine."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from reference.codec import GROUPS, datagram, message
from vrrpd_fast.engine.machine import COUNTERS, Machine
from vrrpd_fast.model import Complaint, Reason, State

NOW_NS = 10_000_000_000
SECOND_NS = 1_000_000_000
OURS = bytes((192, 0, 2, 10))
THEIRS = bytes((192, 0, 2, 20))
VIP = bytes((192, 0, 2, 254))

DEFAULTS: dict[str, Any] = {
    "ifindex": 2,
    "family": 4,
    "vrid": 51,
    "version": 3,
    "priority": 100,
    "advert_int_cs": 100,
    "addresses": [VIP],
}


def add(machine: Machine, **changes: Any) -> int:
    handle = machine.add(**{**DEFAULTS, **changes})
    machine.move(handle, changes.get("ifindex", 2), OURS)
    return handle


def advert(priority: int = 200, **fields: Any) -> bytes:
    right: dict[str, Any] = {"family": 4, "source": THEIRS, "destination": GROUPS[4], "addresses": (VIP,)}
    return datagram(**{**right, "priority": priority, **fields})


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.rfc("P5", "T1")
@pytest.mark.parametrize(
    "wrong",
    [
        {"family": 5},
        {"vrid": 0},
        {"vrid": 256},
        {"version": 1},
        {"version": 4},
        {"family": 6, "version": 2, "addresses": []},
        {"priority": 0},
        {"priority": 256},
        {"priority": -1},
        {"advert_int_cs": 0},
        {"advert_int_cs": 4096},
        {"version": 2, "advert_int_cs": 25501},
        {"down_timer_adverts": 0},
        {"down_timer_adverts": 101},
        {"addresses": [VIP] * 256},
        {"addresses": [bytes(16)]},
        {"addresses": [VIP, bytes(3)]},
        {"family": 6, "addresses": [VIP]},
        {"peers": [bytes(5)]},
        {"peers": [bytes(4)], "peer_ttls": [(0, 255), (0, 255)]},
        {"group": bytes(16)},
        {"auth_pass": b"secret"},  # in version 3
        {"version": 2, "auth_pass": b"123456789"},
    ],
)
def test_add_refuses_what_cannot_be(machine: Machine, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\d"):
        machine.add(**{**DEFAULTS, **wrong})
    handle = machine.add(**DEFAULTS)  # nothing of the failed attempt is left
    machine.start(handle, NOW_NS)
    assert machine.snapshot(handle).state is State.BACKUP


@pytest.mark.rfc("T1")
@pytest.mark.parametrize(
    "right",
    [
        {"vrid": 1},
        {"vrid": 255},
        {"priority": 1},
        {"priority": 255},
        {"advert_int_cs": 1},
        {"advert_int_cs": 4095},
        {"version": 2, "advert_int_cs": 25500},
        {"addresses": [VIP] * 255},
        {"addresses": []},
        {"family": 6, "addresses": [bytes(16)]},
        {"version": 2, "auth_pass": b"12345678"},
        {"peers": [bytes(4)], "peer_ttls": [(0, 255)]},
    ],
)
def test_add_takes_the_limits(machine: Machine, right: dict[str, Any]) -> None:
    handle = machine.add(**{**DEFAULTS, **right})
    assert machine.snapshot(handle).state is State.INIT


@pytest.mark.rfc("P5")
def test_a_vrid_is_unique_on_an_interface_and_family(machine: Machine) -> None:
    add(machine)
    with pytest.raises(ValueError, match="51"):
        add(machine, version=2)
    add(machine, vrid=52)
    add(machine, ifindex=3)
    machine.add(**{**DEFAULTS, "family": 6, "addresses": [bytes(16)]})


def test_what_was_removed_leaves_its_place(machine: Machine) -> None:
    handle = add(machine)
    machine.remove(handle)
    with pytest.raises(IndexError):
        machine.snapshot(handle)
    add(machine)


@pytest.mark.parametrize("handle", [-1, 0, 64, 1 << 30])
def test_an_unknown_handle_is_refused_everywhere(machine: Machine, handle: int) -> None:
    settings = {name: DEFAULTS[name] for name in ("priority", "advert_int_cs", "addresses")}
    for call in (
        lambda: machine.remove(handle),
        lambda: machine.move(handle, 2, OURS),
        lambda: machine.start(handle, NOW_NS),
        lambda: machine.stop(handle, NOW_NS, State.INIT, Reason.SHUTDOWN),
        lambda: machine.set_priority(handle, 100, NOW_NS),
        lambda: machine.change(handle, NOW_NS, **settings),
        lambda: machine.down_deadline_ns(handle),
        lambda: machine.snapshot(handle),
    ):
        with pytest.raises(IndexError):
            call()


@pytest.mark.parametrize("priority", [0, 256, -1])
def test_set_priority_refuses_what_no_router_has(machine: Machine, priority: int) -> None:
    handle = add(machine)
    machine.start(handle, NOW_NS)
    with pytest.raises(ValueError):
        machine.set_priority(handle, priority, NOW_NS)
    assert machine.snapshot(handle).priority == 100


def test_a_refused_change_changes_nothing(machine: Machine) -> None:
    handle = add(machine)
    machine.start(handle, NOW_NS)
    before = machine.snapshot(handle), machine.down_deadline_ns(handle)
    for wrong in ({"priority": 0}, {"advert_int_cs": 5000}, {"addresses": [b"x"]}, {"peers": [b"x"]}):
        settings: dict[str, Any] = {"priority": 50, "advert_int_cs": 10, "addresses": [THEIRS], **wrong}
        with pytest.raises(ValueError):
            machine.change(handle, NOW_NS, **settings)
    assert (machine.snapshot(handle), machine.down_deadline_ns(handle)) == before
    assert machine.receive_ipv4(NOW_NS, 2, advert()) == 0
    assert machine.snapshot(handle).statistics["address_list_errors"] == 0


def test_stop_goes_to_init_or_fault_only(machine: Machine) -> None:
    handle = add(machine)
    for state in (State.BACKUP, State.MASTER):
        with pytest.raises(ValueError, match=state.name):
            machine.stop(handle, NOW_NS, state, Reason.SHUTDOWN)


def test_move_refuses_an_address_of_the_other_family_and_a_taken_place(machine: Machine) -> None:
    handle = add(machine)
    add(machine, ifindex=3)
    with pytest.raises(ValueError, match="16"):
        machine.move(handle, 2, bytes(16))
    with pytest.raises(ValueError, match="taken"):
        machine.move(handle, 3, OURS)
    assert machine.receive_ipv4(NOW_NS, 2, advert()) == 0


def test_move_takes_the_virtual_router_to_another_interface(machine: Machine) -> None:
    """As when an interface is deleted and made again."""
    handle = add(machine)
    machine.start(handle, NOW_NS)
    machine.move(handle, 9, OURS)
    assert machine.receive_ipv4(NOW_NS, 2, advert()) != 0
    assert machine.receive_ipv4(NOW_NS, 9, advert()) == 0
    assert machine.snapshot(handle).statistics["advertisement_rcvd"] == 1
    add(machine)  # the old place is free


def test_thousands_of_virtual_routers_are_found_again(machine: Machine) -> None:
    """The table grows, shrinks by removals and still finds everybody, and nobody else."""
    handles = {}
    for ifindex in range(2, 22):
        for vrid in range(1, 256):
            handles[ifindex, vrid] = add(machine, ifindex=ifindex, vrid=vrid)
    assert sorted(handles.values()) == list(range(20 * 255))
    gone = [key for key in handles if sum(key) % 3 == 0]
    for key in gone:
        machine.remove(handles.pop(key))
    packets = {vrid: advert(vrid=vrid) for vrid in range(1, 256)}
    for (ifindex, vrid), handle in handles.items():
        assert machine.receive_ipv4(NOW_NS, ifindex, packets[vrid]) == 0
        assert machine.snapshot(handle).statistics["advertisement_rcvd"] == 1
    for ifindex, vrid in gone:
        assert machine.receive_ipv4(NOW_NS, ifindex, packets[vrid]) != 0
    assert machine.unattributed()["vrid_errors"] == len(gone)


def test_nothing_of_a_removed_virtual_router_is_its_successors(machine: Machine) -> None:
    handle = add(machine, priority=255)
    machine.start(handle, NOW_NS)
    machine.receive_ipv4(NOW_NS, 2, advert(1))
    machine.receive_ipv4(NOW_NS, 2, advert(1, checksum_error=1))
    machine.remove(handle)
    assert add(machine) == handle
    assert machine.take_due() == []
    assert machine.take_challenged() == []
    assert machine.take_complaints() == []
    assert machine.drain(10) == []
    machine.start(handle, NOW_NS)
    machine.advance(NOW_NS + 3 * SECOND_NS)
    assert machine.take_due() == []
    assert sum(machine.snapshot(handle).statistics.values()) == 0
    assert machine.snapshot(handle).master_address is None


def test_drain_gives_the_oldest_first_and_no_more_than_asked(machine: Machine) -> None:
    handles = [add(machine, vrid=vrid, priority=255) for vrid in range(1, 11)]
    for handle in handles:
        machine.start(handle, NOW_NS)
    machine.stop(handles[0], NOW_NS + 5, State.FAULT, Reason.INTERFACE_DOWN)
    first = machine.drain(4)
    assert [transition.handle for transition in first] == handles[:4]
    assert machine.drain(0) == []
    rest = machine.drain(100)
    assert [transition.handle for transition in rest] == [*handles[4:], handles[0]]
    assert (rest[-1].old, rest[-1].new, rest[-1].reason) == (
        State.MASTER,
        State.FAULT,
        Reason.INTERFACE_DOWN,
    )
    assert rest[-1].at_ns == NOW_NS + 5
    assert machine.drain(100) == []


def test_no_transition_is_lost_in_a_storm(machine: Machine) -> None:
    """More than the ring's first size, drained in slices while new ones come."""
    handles = [add(machine, ifindex=2 + i // 255, vrid=1 + i % 255) for i in range(3000)]
    for handle in handles:
        machine.start(handle, NOW_NS)
    seen = machine.drain(700)
    machine.advance(NOW_NS + 5 * SECOND_NS)
    while batch := machine.drain(64):
        seen += batch
    assert [t.handle for t in seen if t.new is State.BACKUP] == handles
    assert sorted(t.handle for t in seen if t.new is State.MASTER) == handles
    assert machine.events_lost == 0


def test_take_due_is_in_order_and_empties(machine: Machine) -> None:
    handles = [add(machine, vrid=vrid, priority=255) for vrid in (9, 3, 200)]
    for handle in handles:
        machine.start(handle, NOW_NS)
    machine.stop(handles[1], NOW_NS, State.INIT, Reason.SHUTDOWN)
    assert machine.take_due() == [(handles[0], False), (handles[2], False), (handles[1], True)]
    assert machine.take_due() == []


def test_take_challenged_names_each_answering_master_once(machine: Machine) -> None:
    first = add(machine, priority=255)
    second = add(machine, priority=255, vrid=52)
    for handle in (first, second):
        machine.start(handle, NOW_NS)
    machine.receive_ipv4(NOW_NS, 2, advert(1))
    machine.receive_ipv4(NOW_NS + SECOND_NS, 2, advert(1))
    machine.receive_ipv4(NOW_NS, 2, advert(0, vrid=52))  # a release is no challenge
    assert machine.take_challenged() == [first]
    assert machine.take_challenged() == []
    machine.receive_ipv4(NOW_NS + SECOND_NS + 1, 2, advert(1))  # too early to be answered
    assert machine.take_challenged() == []


def test_a_complaint_is_made_once_until_the_state_changes(machine: Machine) -> None:
    handle = add(machine)
    machine.start(handle, NOW_NS)
    for _ in range(3):
        machine.receive_ipv4(NOW_NS, 2, advert(interval_cs=50))
    told = machine.take_complaints()
    assert told == [(handle, Complaint.INTERVAL, IPv4Address("192.0.2.20"))]
    machine.receive_ipv4(NOW_NS, 2, advert(interval_cs=50))
    assert machine.take_complaints() == []
    machine.stop(handle, NOW_NS, State.FAULT, Reason.INTERFACE_DOWN)
    machine.start(handle, NOW_NS, Reason.RECOVERED)
    machine.receive_ipv4(NOW_NS, 2, advert(interval_cs=50))
    assert len(machine.take_complaints()) == 1


@pytest.mark.parametrize(
    ("complaint", "own", "fields"),
    [
        (Complaint.TTL, {}, {"ttl": 1}),
        (Complaint.VERSION, {}, {"version": 2}),
        (Complaint.TYPE, {}, {"type": 2}),
        (Complaint.LENGTH, {}, {"trailer": b"\0"}),
        (Complaint.CHECKSUM, {}, {"checksum_error": 1}),
        (Complaint.PEER, {"peers": [VIP]}, {}),
        (Complaint.AUTHENTICATION, {"version": 2}, {"version": 2, "auth_type": 1}),
        (Complaint.INTERVAL_REFUSED, {"version": 2}, {"version": 2, "interval_cs": 200}),
        (Complaint.INTERVAL_REFUSED, {}, {"interval_cs": 0}),
        (Complaint.NO_ADDRESSES, {}, {"addresses": ()}),
        (Complaint.ADDRESSES_REFUSED, {"check_addresses": True}, {"addresses": (OURS,)}),
        (Complaint.INTERVAL, {}, {"interval_cs": 50}),
        (Complaint.ADDRESSES, {}, {"addresses": (OURS,)}),
        (Complaint.SECOND_OWNER, {"priority": 255}, {"priority": 255, "source": bytes((192, 0, 2, 1))}),
    ],
)
def test_every_complaint_has_its_name(
    machine: Machine, complaint: Complaint, own: dict[str, Any], fields: dict[str, Any]
) -> None:
    handle = add(machine, **own)
    machine.start(handle, NOW_NS)
    for _ in range(2):
        machine.receive_ipv4(NOW_NS, 2, advert(**fields))
    assert [told[:2] for told in machine.take_complaints()] == [(handle, complaint)]


def test_a_flood_of_complaints_is_bounded(machine: Machine) -> None:
    for i in range(1000):
        add(machine, ifindex=2 + i // 255, vrid=1 + i % 255)
    for i in range(1000):
        machine.receive_ipv4(NOW_NS, 2 + i // 255, advert(vrid=1 + i % 255, checksum_error=1))
    assert 0 < len(machine.take_complaints()) <= 256


def test_a_snapshot_shows_the_master_that_is_followed(machine: Machine) -> None:
    handle = add(machine)
    assert machine.snapshot(handle).state is State.INIT
    machine.start(handle, NOW_NS)
    assert machine.snapshot(handle).master_address is None
    machine.receive_ipv4(NOW_NS, 2, advert(123))
    shown = machine.snapshot(handle)
    assert shown.state is State.BACKUP
    assert (shown.master_address, shown.master_priority) == (IPv4Address("192.0.2.20"), 123)
    assert tuple(shown.statistics)[: len(COUNTERS)] == COUNTERS


def test_ipv6_addresses_are_shown_as_such(machine: Machine) -> None:
    ours, theirs, vip = (bytes.fromhex("fe80") + bytes(13) + bytes((last,)) for last in (10, 20, 254))
    handle = machine.add(**{**DEFAULTS, "family": 6, "addresses": [vip]})
    machine.move(handle, 2, ours)
    machine.start(handle, NOW_NS)
    data = message(source=theirs, destination=GROUPS[6], addresses=(vip,), priority=200)
    assert machine.receive_ipv6(NOW_NS, 2, data, theirs, GROUPS[6], 255) == 0
    assert machine.snapshot(handle).master_address == IPv6Address("fe80::14")
    machine.advance(NOW_NS + 4 * SECOND_NS)
    assert machine.drain(10)[-1].master_address == IPv6Address("fe80::14")


def test_receive_refuses_addresses_that_are_none(machine: Machine) -> None:
    for source, destination in ((bytes(4), bytes(16)), (bytes(16), bytes(4))):
        with pytest.raises(ValueError):
            machine.receive_ipv6(NOW_NS, 2, b"", source, destination, 255)


@pytest.mark.parametrize("length", range(48))
def test_a_cut_packet_is_refused_whatever_is_missing(machine: Machine, length: int) -> None:
    handle = add(machine)
    machine.start(handle, NOW_NS)
    whole = advert()
    verdict = machine.receive_ipv4(NOW_NS, 2, whole[:length])
    assert (verdict == 0) == (length >= len(whole))


def unknown(machine: Machine, vrid: int = 77, seconds: float = 0) -> None:
    """An advert for a VRID that is not there."""
    machine.receive_ipv4(NOW_NS + round(seconds * SECOND_NS), 2, advert(vrid=vrid))


def test_unknown_vrids_are_reported_once_a_second_when_asked_for(machine: Machine) -> None:
    unknown(machine)
    assert machine.take_unknown() is None
    machine.report_unknown(True)
    unknown(machine)
    unknown(machine, 78)
    assert machine.take_unknown() == (77, 2, IPv4Address(THEIRS))
    assert machine.take_unknown() is None
    unknown(machine, 79, 0.999)
    assert machine.take_unknown() is None
    unknown(machine, 80, 1)
    unknown(machine, 81, 3)  # nobody took the one before
    assert machine.take_unknown() == (80, 2, IPv4Address(THEIRS))
    unknown(machine, 82, 6)
    machine.report_unknown(False)
    unknown(machine, 83, 8)
    assert machine.take_unknown() is None


def test_only_good_adverts_of_others_are_unknown(machine: Machine) -> None:
    machine.report_unknown(True)
    add(machine)
    machine.receive_ipv4(NOW_NS, 2, advert())
    machine.receive_ipv4(NOW_NS, 2, advert(vrid=77, ttl=254))
    machine.receive_ipv4(NOW_NS, 2, advert(vrid=77, checksum_error=1))
    assert machine.take_unknown() is None
    source = bytes.fromhex("fe80") + bytes(13) + b"\x02"
    fields: dict[str, Any] = {"source": source, "destination": GROUPS[6], "addresses": (bytes(16),)}
    machine.receive_ipv6(NOW_NS, 9, message(vrid=5, **fields), source, GROUPS[6], 255)
    assert machine.take_unknown() == (5, 9, IPv6Address(source))


def test_the_counters_of_a_removed_virtual_router_are_not_those_of_nobody(machine: Machine) -> None:
    handle = add(machine)
    machine.receive_ipv4(NOW_NS, 2, advert(checksum_error=1))
    machine.remove(handle)
    assert sum(machine.unattributed().values()) == 0
    machine.receive_ipv4(NOW_NS, 2, advert(checksum_error=1))
    assert machine.unattributed()["checksum_errors"] == 1


def test_who_resigned_is_who_said_so(machine: Machine) -> None:
    handle = add(machine)
    machine.start(handle, NOW_NS)
    machine.receive_ipv4(NOW_NS, 2, advert(123))
    third = bytes((192, 0, 2, 30))
    machine.receive_ipv4(NOW_NS, 2, advert(0, source=third))
    machine.advance(NOW_NS + SECOND_NS)
    *_, last = machine.drain(10)
    assert (last.reason, last.master_address) == (Reason.RESIGNED, IPv4Address(third))

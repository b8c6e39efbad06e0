"""What an operator reads about a transition or a complaint."""

from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from unit.samples import instance
from vrrpd_fast import explain
from vrrpd_fast.model import Complaint, Family, Instance, Reason, State, Transition

OTHER, OURS = IPv4Address("10.0.0.2"), IPv4Address("10.0.0.1")
INTERVAL_NS, SKEW_NS = 100_000_000, 60_937_500  # priority 100 at 100 ms


def event(reason: Reason, **more: Any) -> Transition:
    fields: dict[str, Any] = {
        "handle": 0,
        "old": State.BACKUP,
        "new": State.MASTER,
        "reason": reason,
        "at_ns": 10**12,
        "master_address": OTHER,
        "master_priority": 200,
        "silence_ns": 361_200_000,
        "down_interval_ns": 3 * INTERVAL_NS + SKEW_NS,
        "skew_ns": SKEW_NS,
    }
    return Transition(**fields | more)


def told(reason: Reason, of: Instance | None = None, priority: int = 100, **more: Any) -> str:
    return explain.transition(event(reason, **more), of or instance(interface="eth0"), priority, OURS)


SENTENCES = {
    Reason.NONE: "none",
    Reason.STARTUP: "started",
    Reason.OWNER: "owner of its addresses (priority 255)",
    Reason.NO_ADVERT: "no advert from 10.0.0.2 for 361 ms (3 × 100 ms + skew 61 ms)",
    Reason.RESIGNED: "10.0.0.2 resigned (priority 0), skew 61 ms",
    Reason.PREEMPT: "preempts 10.0.0.2, whose priority 200 is lower than 100",
    Reason.HIGHER_PRIORITY: "advert from 10.0.0.2 with priority 200, higher than 100",
    Reason.HIGHER_ADDRESS: (
        "advert from 10.0.0.2 with the same priority 200 and a higher address than 10.0.0.1"
    ),
    Reason.SHUTDOWN: "stopped",
    Reason.INTERFACE_DOWN: "interface eth0 is down",
    Reason.INTERFACE_GONE: "interface eth0 does not exist",
    Reason.NO_ADDRESS: "interface eth0 has no IPv4 address of its own",
    Reason.TRACKED_SCRIPT: "tracked script",
    Reason.TRACKED_INTERFACE: "tracked interface",
    Reason.RECOVERED: "recovered",
    Reason.RECONFIGURED: "removed or begun anew by a reload",
    Reason.NO_PEERS: "no peers",
    Reason.TRACKED_FILE: "tracked file",
    Reason.TRACKED_PROCESS: "tracked process",
    Reason.TRACKED_PROBE: "tracked probe",
    Reason.TRACKED_BFD: "tracked bfd",
    Reason.OPERATOR: "resigned by the operator",
    Reason.SYNC_GROUP: "another member of its sync group is no MASTER any more",
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence(reason: Reason) -> None:
    assert told(reason) == SENTENCES[reason]


def test_silence_is_told_with_the_formula_that_ran() -> None:
    assert told(Reason.NO_ADVERT, silence_ns=360_940_000) == (
        "no advert from 10.0.0.2 for 361 ms (3 × 100 ms + skew 61 ms)"
    )
    assert (
        told(
            Reason.NO_ADVERT,
            instance(down_timer_adverts=5),
            silence_ns=5_700_000_000,
            down_interval_ns=5_609_375_000,
            skew_ns=609_375_000,
        )
        == "no advert from 10.0.0.2 for 5.7 s (5 × 1 s + skew 609 ms)"
    )


def test_who_never_heard_anybody_says_so() -> None:
    """It waited for the down interval; there is no silence to measure."""
    assert told(Reason.NO_ADVERT, master_address=None, silence_ns=-1) == (
        "no advert heard for 361 ms (3 × 100 ms + skew 61 ms)"
    )
    assert told(Reason.RESIGNED, master_address=None) == ("the master resigned (priority 0), skew 61 ms")


def test_ipv6_lacks_a_link_local_address() -> None:
    assert told(Reason.NO_ADDRESS, instance(interface="eth0", family=Family.IPV6)) == (
        "interface eth0 has no IPv6 link-local address of its own"
    )


def test_the_priority_is_the_effective_one() -> None:
    assert told(Reason.HIGHER_PRIORITY, priority=98).endswith("higher than 98")


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 µs"),
        (39_000, "39 µs"),
        (999_400, "999 µs"),
        (999_999, "1.0 ms"),
        (1_000_000, "1.0 ms"),
        (3_906_250, "3.9 ms"),
        (9_949_999, "9.9 ms"),
        (9_999_999, "10 ms"),
        (60_937_500, "61 ms"),
        (999_499_999, "999 ms"),
        (999_999_999, "1 s"),
        (1_000_000_000, "1 s"),
        (2_500_000_000, "2.5 s"),
        (3_609_375_000, "3.609 s"),
        (100_000_000_000, "100 s"),
    ],
)
def test_durations(nanoseconds: int, text: str) -> None:
    assert explain.duration(nanoseconds) == text


COMPLAINTS = {
    Complaint.TTL: "advert refused: its TTL is not 255, or not in the range of its unicast_peer",
    Complaint.SHORT: "advert too short for a VRRP header refused",
    Complaint.VERSION: "advert of another VRRP version refused",
    Complaint.TYPE: "advert of an unknown type refused",
    Complaint.LENGTH: "advert whose length contradicts its address count refused",
    Complaint.CHECKSUM: "advert with a wrong checksum refused",
    Complaint.PEER: (
        "advert from 10.0.0.2 refused: its sender is no peer, it is for another group, or only one of "
        "us uses unicast"
    ),
    Complaint.AUTHENTICATION: (
        "advert from 10.0.0.2 refused: its authentication (auth_type, auth_pass) is not ours"
    ),
    Complaint.INTERVAL_REFUSED: "advert from 10.0.0.2 with an interval that is not ours refused",
    Complaint.NO_ADDRESSES: "advert from 10.0.0.2 without addresses refused",
    Complaint.ADDRESSES_REFUSED: "advert from 10.0.0.2 with other addresses than ours refused",
    Complaint.INTERVAL: "advert from 10.0.0.2 with another interval than ours; it is adopted",
    Complaint.ADDRESSES: (
        "advert from 10.0.0.2 with other addresses than ours accepted: the configurations differ"
    ),
    Complaint.SECOND_OWNER: (
        "advert from 10.0.0.2 with priority 255 although we own the addresses: two owners are configured"
    ),
    Complaint.NOT_LINK_LOCAL: (
        "advert from fe80::2 whose first address is not link-local accepted (RFC 9568 5.2.9 asks for it)"
    ),
}


@pytest.mark.parametrize("what", Complaint)
def test_every_complaint_says_what_is_wrong_and_what_becomes_of_it(what: Complaint) -> None:
    source: IPv4Address | IPv6Address | None = OTHER
    if what is Complaint.NOT_LINK_LOCAL:
        source = IPv6Address("fe80::2")
    elif what < Complaint.PEER:  # found before the source is known
        source = None
    assert explain.complaint(what, source) == COMPLAINTS[what]

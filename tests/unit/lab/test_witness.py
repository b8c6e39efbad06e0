"""What the lab concludes from the client's reports."""

import socket
from typing import Any

import pytest

from vrrpd_fast.lab import client
from vrrpd_fast.lab.witness import Gap, Handover, Witness

REPORT: dict[str, Any] = {
    "at_ns": 900,
    "answers": {"192.0.2.1": 880},
    "gaps": [["192.0.2.1", 100, 300], ["192.0.2.1", 400, 450], ["192.0.2.2", 0, 899]],
    "adverts": {"50": {"source": "192.0.2.3", "version": 2, "priority": 102, "at_ns": 850}},
    "handovers": [{"vrid": 50, "old": "192.0.2.2", "last_ns": 90, "new": "192.0.2.3", "at_ns": 280}],
    "neighbours": {"192.0.2.1": "02:00:00:00:00:03"},
}


@pytest.fixture
def witness() -> Witness:
    made = Witness()
    made.take(REPORT)
    return made


def test_the_longest_gap_is_of_the_address_and_the_time(witness: Witness) -> None:
    assert witness.longest_gap("192.0.2.1", 0) == Gap("192.0.2.1", 100, 300)
    assert witness.longest_gap("192.0.2.1", 300) == Gap("192.0.2.1", 400, 450)
    assert witness.longest_gap("192.0.2.1", 450) is None


def test_a_handover_is_found_by_its_heir_and_time(witness: Witness) -> None:
    assert witness.handover_to(50, "192.0.2.3", 100) == Handover(50, "192.0.2.2", 90, "192.0.2.3", 280)
    assert witness.handover_to(50, "192.0.2.3", 280) is None
    assert witness.handover_to(50, "192.0.2.2", 0) is None
    assert witness.handover_to(51, "192.0.2.3", 0) is None


def test_reports_add_up(witness: Witness) -> None:
    witness.take(REPORT | {"gaps": [["192.0.2.1", 500, 890]], "answers": {"192.0.2.1": 899}})
    assert witness.longest_gap("192.0.2.1", 0) == Gap("192.0.2.1", 500, 890)
    assert witness.answered_since("192.0.2.1", 898)
    assert not witness.answered_since("192.0.2.1", 899)
    assert not witness.answered_since("192.0.2.9", 0)
    assert witness.adverts[50]["priority"] == 102


def test_the_echo_request_is_well_formed() -> None:
    packet = client.echo_request(0x1234, 0x5678)
    assert packet[:2] == b"\x08\x00" and packet[4:] == b"\x12\x34\x56\x78"
    total = sum(int.from_bytes(packet[at : at + 2]) for at in range(0, len(packet), 2))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
    assert socket.htons(client.checksum(packet)) == 0

"""What a capture says of a takeover."""

import struct

import pytest

from harness.records import Record, judge, read
from harness.shape import Shape

SHAPE = Shape(links=1, per_link=2)
ADDRESSES = {router.vrid: router.addresses[0] for router in SHAPE.routers()}
LINKS = {7: 0}
NOBODY = SHAPE.host(0, 0)


def advert(at_ns, vrid, outgoing=False):
    return Record(at_ns, 7, outgoing, 1, vrid, 200 if outgoing else 100, NOBODY, NOBODY)


def arp(at_ns, sender, target=None, outgoing=False):
    return Record(at_ns, 7, outgoing, 2, 0, 0, sender, sender if target is None else target)


def storm():
    """Virtual router 2 heard its last advert 5 µs after virtual router 1."""
    due = SHAPE.down_ns
    return [
        advert(0, 1, outgoing=True),
        advert(1_000, 1, outgoing=True),
        advert(6_000, 2, outgoing=True),
        advert(1_000 + due + 300, 1),
        advert(6_000 + due + 200, 2),
        arp(1_000 + due + 900, ADDRESSES[1]),
        arp(6_000 + due + 950, ADDRESSES[2]),
        arp(6_000 + due + 990, ADDRESSES[1]),  # a repetition
        advert(1_000 + due + 300 + 100_000_000, 1),
        advert(6_000 + due + 200 + 100_000_007, 2),
    ]


def test_each_is_judged_by_the_last_advert_it_heard_itself():
    takeover = judge(storm(), SHAPE, LINKS)
    assert takeover.adverts_ns == [300, 200]
    assert takeover.announcements_ns == [900, 950]
    assert takeover.gaps_ns == [100_000_000, 100_000_007]


def test_other_arp_packets_announce_nothing():
    due = SHAPE.down_ns
    noise = [arp(0, SHAPE.host(0, 1), ADDRESSES[1]), arp(due, ADDRESSES[1], outgoing=True)]
    assert judge(noise + storm(), SHAPE, LINKS).announcements_ns == [900, 950]


@pytest.mark.parametrize(
    ("left_out", "complaint"),
    [
        (lambda record: record.outgoing and record.vrid == 2, "r0_2 had no master"),
        (lambda record: not record.outgoing and record.vrid == 1, "r0_1 was not taken over"),
        (lambda record: record.sender == ADDRESSES[2], "of r0_2 was not announced"),
    ],
)
def test_an_incomplete_takeover_is_an_error(left_out, complaint):
    records = [record for record in storm() if not left_out(record)]
    with pytest.raises(ValueError, match=complaint):
        judge(records, SHAPE, LINKS)


def test_a_neighbour_advertisement_announces_its_target():
    shape = Shape(links=1, per_link=1, addresses=2, ipv6=1)
    (router,) = shape.routers()
    told = b"".join(
        struct.pack("=qIBBBB16x16s", shape.down_ns + 50 + number, 7, 0, 3, 0, 0, address.packed)
        for number, address in enumerate(router.addresses)
    )
    adverts = [advert(0, 1, outgoing=True), advert(shape.down_ns, 1), advert(shape.down_ns + 9, 1)]
    assert judge([*adverts, *read(told)], shape, LINKS).announcements_ns == [50, 51]


def test_records_as_capture_writes_them():
    data = struct.pack("=qIBBBB4B12x4B12x", 5, 7, 1, 2, 3, 4, 10, 0, 0, 16, 10, 0, 0, 17)
    assert list(read(data)) == [Record(5, 7, True, 2, 3, 4, SHAPE.host(0, 16), SHAPE.host(0, 17))]

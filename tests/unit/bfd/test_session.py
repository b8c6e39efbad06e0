"""Sessions: what RFC 5880, 5881 and 5883 say, rule by rule; the differential test has the rest."""

from dataclasses import replace
from itertools import pairwise

import pytest

from reference.bfd import ADMIN_DOWN, DEMAND, DOWN, FINAL, INIT, POLL, UP, Packet
from unit.bfd.bench import DISCRIMINATOR, MS, NEIGHBOUR, OTHER, OURS, Bench, settings
from vrrpd_fast.bfd.packet import Control, parse
from vrrpd_fast.bfd.session import Sessions

KNOWN = Packet(state=UP, your_discriminator=DISCRIMINATOR, min_tx_us=10_000)


def read(data: bytes) -> Control:
    verdict, control = parse(data)
    assert verdict == 0
    assert control is not None
    return control


def test_two_sessions_come_up_in_three_packets() -> None:
    """RFC 5880 6.2; state changes are told at once (6.8.7), so that no slow interval is waited for."""
    now_ns = 5 * MS
    ends = [Sessions(1), Sessions(2)]
    for number, end in enumerate(ends):
        end.add(
            now_ns,
            neighbour=bytes((192, 0, 2, 2 - number)),
            source=bytes((192, 0, 2, 1 + number)),
            discriminator=100 + number,
            **settings(),
        )
    packets = [(0, packet) for _, packet in ends[0].advance(now_ns + MS)]
    exchanged = []
    while packets and len(exchanged) < 20:
        sender, packet = packets.pop(0)
        exchanged.append(read(packet).state)
        addresses = [bytes((192, 0, 2, 1 + sender)), bytes((192, 0, 2, 2 - sender))]
        assert ends[1 - sender].hear(now_ns, *addresses, packet) == 0
        packets += [(1 - sender, answer) for _, answer in ends[1 - sender].take()]
    assert exchanged[:4] == [DOWN, INIT, UP, UP]
    assert len(exchanged) < 8  # polls are answered, and then there is silence
    assert [end.state(0) for end in ends] == [UP, UP]


@pytest.mark.parametrize(
    ("state", "heard", "then", "diagnostic"),
    [
        (DOWN, ADMIN_DOWN, DOWN, 0),
        (DOWN, DOWN, INIT, 0),
        (DOWN, INIT, UP, 0),
        (DOWN, UP, DOWN, 0),
        (INIT, ADMIN_DOWN, DOWN, 3),
        (INIT, DOWN, INIT, 0),
        (INIT, INIT, UP, 0),
        (INIT, UP, UP, 0),
        (UP, ADMIN_DOWN, DOWN, 3),
        (UP, DOWN, DOWN, 3),
        (UP, INIT, UP, 0),
        (UP, UP, UP, 0),
    ],
)
def test_the_state_machine(state: int, heard: int, then: int, diagnostic: int) -> None:
    bench = Bench()
    for each in {DOWN: [], INIT: [DOWN], UP: [DOWN, INIT]}[state]:
        bench.hear(replace(KNOWN, state=each))
    assert bench.state == state
    assert bench.hear(replace(KNOWN, state=heard)) == "accepted"
    assert (bench.state, bench.told["diagnostic"]) == (then, diagnostic)


def test_detection_time() -> None:
    """RFC 5880 6.8.4: the neighbour's multiplier, and the slower of what we want and what it does."""
    bench = Bench(multiplier=7)
    bench.come_up(multiplier=4, min_tx_us=25_000)
    assert bench.told["detection_us"] == 100_000
    bench.wait(99 * MS)
    assert bench.state == UP
    packets = bench.wait(2 * MS)
    assert (bench.state, bench.told["diagnostic"], bench.told["downs"]) == (DOWN, 1, 1)
    assert bench.told["remote_discriminator"] == 0
    assert (read(packets[0]).state, read(packets[0]).diagnostic) == (DOWN, 1)
    assert bench.sessions.drain(10) == [bench.handle]
    assert bench.sessions.drain(10) == []


def test_packets_keep_it_up() -> None:
    bench = Bench()
    bench.come_up()
    for _ in range(100):
        bench.wait(25 * MS)
        bench.hear(KNOWN)
    assert bench.state == UP
    assert bench.told["downs"] == 0


@pytest.mark.parametrize(("multiplier", "longest"), [(3, 1.0), (1, 0.9)])
def test_jitter(multiplier: int, longest: float) -> None:
    """75 to 100 % of the interval, 90 % with multiplier 1 (RFC 5880 6.8.7), and spread over all of it."""
    bench = Bench(multiplier=multiplier, min_tx_us=50_000)
    bench.come_up(min_tx_us=1_000_000)
    del bench.sent[:]
    for _ in range(400):
        bench.wait(50 * MS)
        bench.hear(replace(KNOWN, min_tx_us=1_000_000))
    times = [at_ns for at_ns, _ in bench.sent]
    gaps = [(after - before) / (50 * MS) for before, after in pairwise(times)]
    assert len(gaps) > 400
    assert min(gaps) >= 0.75
    assert max(gaps) <= longest + 0.0004  # a tick of the wheel
    assert min(gaps) < 0.79
    assert max(gaps) > longest - 0.05
    assert len({round(gap, 2) for gap in gaps}) >= 3


def test_the_slower_of_both_sets_the_pace() -> None:
    bench = Bench()
    bench.come_up(min_rx_us=100_000, min_tx_us=500_000)
    packets = bench.wait(1_000 * MS)
    assert 10 <= len(packets) <= 14


def test_a_neighbour_that_wants_none_gets_none_but_answers() -> None:
    bench = Bench()
    bench.come_up(min_rx_us=0, min_tx_us=300_000)
    assert bench.wait(500 * MS) == []
    bench.hear(replace(KNOWN, min_rx_us=0, flags=POLL))
    assert [read(packet).flags for packet in bench.take()] == [FINAL]


def test_demand_of_the_neighbour_is_met() -> None:
    """RFC 5880 6.8.7: nothing periodic while both are Up, unless we poll."""
    bench = Bench()
    bench.come_up(min_tx_us=1_000_000, flags=0)
    bench.hear(replace(KNOWN, min_tx_us=1_000_000, flags=DEMAND | FINAL))
    bench.take()
    assert bench.wait(500 * MS) == []
    bench.sessions.change(bench.handle, bench.now_ns, **settings(min_rx_us=20_000))
    polls = bench.wait(50 * MS)
    assert polls
    assert {read(packet).flags for packet in polls} == {POLL}
    bench.hear(replace(KNOWN, min_tx_us=1_000_000, flags=DEMAND | FINAL))
    assert bench.wait(500 * MS) == []


def test_passive_waits_for_the_neighbour() -> None:
    bench = Bench(is_passive=True)
    assert bench.wait(10_000 * MS) == []
    bench.hear(Packet(state=DOWN))
    assert [read(packet).state for packet in bench.take()] == [INIT]
    bench.wait(10_000 * MS)  # its detection time is over
    assert bench.wait(10_000 * MS) == []


def test_slower_transmission_waits_for_the_poll() -> None:
    """RFC 5880 6.8.3."""
    bench = Bench()
    bench.come_up(min_tx_us=1_000_000)
    bench.sessions.change(bench.handle, bench.now_ns, **settings(min_tx_us=100_000))
    assert bench.told["transmit_us"] == 10_000
    packets = [read(packet) for packet in bench.wait(30 * MS)]
    assert {packet.min_tx_us for packet in packets} == {100_000}
    assert {packet.flags for packet in packets} == {POLL}
    bench.hear(replace(KNOWN, min_tx_us=1_000_000, flags=FINAL))
    assert bench.told["transmit_us"] == 100_000
    assert {read(packet).flags for packet in bench.wait(300 * MS)} == {0}
    assert bench.state == UP


def test_faster_transmission_does_not_wait() -> None:
    bench = Bench(min_tx_us=100_000)
    bench.come_up(min_tx_us=1_000_000)
    bench.sessions.change(bench.handle, bench.now_ns, **settings(min_tx_us=10_000))
    assert bench.told["transmit_us"] == 10_000
    assert len(bench.wait(100 * MS)) >= 9


def test_faster_reception_waits_for_the_poll() -> None:
    bench = Bench(min_rx_us=100_000)
    bench.come_up()
    assert bench.told["detection_us"] == 300_000
    bench.sessions.change(bench.handle, bench.now_ns, **settings(min_rx_us=10_000))
    assert bench.told["detection_us"] == 300_000
    bench.wait(20 * MS)
    bench.hear(replace(KNOWN, flags=FINAL))
    assert bench.told["detection_us"] == 30_000


def test_an_answer_to_the_first_poll_is_none_to_the_second() -> None:
    bench = Bench()
    bench.come_up(min_tx_us=1_000_000)
    bench.sessions.change(bench.handle, bench.now_ns, **settings(min_tx_us=50_000))
    bench.wait(20 * MS)
    bench.sessions.change(bench.handle, bench.now_ns, **settings(min_tx_us=100_000))
    bench.hear(replace(KNOWN, min_tx_us=1_000_000, flags=FINAL))
    assert bench.told["transmit_us"] == 10_000
    bench.wait(20 * MS)
    bench.hear(replace(KNOWN, min_tx_us=1_000_000, flags=FINAL))
    assert bench.told["transmit_us"] == 100_000


def test_one_answer_for_many_polls_in_a_batch() -> None:
    bench = Bench()
    bench.come_up()
    for _ in range(10):
        bench.hear(replace(KNOWN, flags=POLL))
    assert len(bench.take()) == 1


def test_admin_down_is_told_and_stays() -> None:
    """RFC 5880 6.8.16."""
    bench = Bench()
    bench.come_up()
    bench.sessions.shut(bench.handle, bench.now_ns)
    packets = [read(packet) for packet in bench.take()]
    assert [(packet.state, packet.diagnostic) for packet in packets] == [(ADMIN_DOWN, 7)]
    for state in (DOWN, INIT, UP):
        bench.hear(replace(KNOWN, state=state))
    assert bench.state == ADMIN_DOWN


def test_refusals_are_counted_and_do_nothing() -> None:
    bench = Bench()
    bench.come_up()
    before = bench.told
    assert bench.hear(KNOWN, ttl=254) == "ttl"
    assert bench.hear(KNOWN, ttl=-1) == "ttl"
    assert bench.hear(KNOWN, source=OTHER) == "sender"
    assert bench.hear(replace(KNOWN, your_discriminator=4711)) == "session"
    assert bench.hear(replace(KNOWN, your_discriminator=0, state=DOWN), source=OTHER) == "session"
    assert bench.hear(KNOWN, is_multihop=True) == "sender"
    assert bench.hear(replace(KNOWN, flags=0x04, length=24)) == "length"
    authenticated = replace(KNOWN, flags=0x04, length=28).encode() + b"\x01\x04\x01a"
    assert bench.sessions.hear(bench.now_ns, NEIGHBOUR, OURS, authenticated) == 11
    assert bench.told == before | {"refused": 5}  # of those that were for it
    refusals = bench.sessions.refusals()
    assert refusals["ttl"] == 2
    assert refusals["session"] == 2
    assert refusals["authentication"] == 1
    assert sum(refusals.values()) == 8


def test_least_ttl() -> None:
    bench = Bench(least_ttl=250)
    assert bench.hear(Packet(), ttl=249) == "ttl"
    assert bench.hear(Packet(), ttl=250) == "accepted"
    bench = Bench(least_ttl=0)
    assert bench.hear(Packet(), ttl=1) == "accepted"


def test_sessions_with_one_neighbour_are_told_apart() -> None:
    """By port, by our address, by the interface of a link-local neighbour."""
    sessions = Sessions()
    common = {"neighbour": NEIGHBOUR, **settings()}
    first = sessions.add(1, discriminator=1, source=OURS, is_bound=True, **common)
    second = sessions.add(1, discriminator=2, source=OTHER, is_bound=True, **common)
    multihop = sessions.add(1, discriminator=3, source=OURS, is_bound=True, is_multihop=True, **common)
    packet = Packet().encode()
    for handle, destination, is_multihop in (
        (first, OURS, False),
        (second, OTHER, False),
        (multihop, OURS, True),
    ):
        assert sessions.hear(2, NEIGHBOUR, destination, packet, is_multihop=is_multihop) == 0
        assert sessions.state(handle) == INIT
        assert sessions.describe(handle)["received"] == 1
    with pytest.raises(ValueError, match="could not tell"):
        sessions.add(1, discriminator=4, source=OURS, is_bound=True, **common)
    with pytest.raises(ValueError, match="could not tell"):
        sessions.add(1, discriminator=4, **common)
    with pytest.raises(ValueError, match="taken"):
        sessions.add(1, discriminator=3, **(common | {"neighbour": OTHER}))
    sessions.remove(first)
    assert sessions.hear(3, NEIGHBOUR, OURS, packet) == 8
    assert sessions.hear(3, NEIGHBOUR, OTHER, packet) == 0
    link_local = bytes.fromhex("fe80" + "00" * 13 + "02")
    ours = bytes.fromhex("fe80" + "00" * 13 + "01")
    scoped = [
        sessions.add(1, neighbour=link_local, discriminator=10 + scope, scope=scope, **settings())
        for scope in (3, 4)
    ]
    assert sessions.hear(3, link_local, ours, packet, ifindex=4) == 0
    assert [sessions.state(handle) for handle in scoped] == [DOWN, INIT]
    assert sessions.hear(3, link_local, ours, packet, ifindex=5) == 8


def test_thousands_come_and_go() -> None:
    sessions = Sessions()
    handles = [
        sessions.add(
            1, neighbour=bytes((10, 0, n >> 8, n & 255)), discriminator=n + 1, source=OURS, **settings()
        )
        for n in range(3000)
    ]
    assert len(set(handles)) == 3000
    assert len(sessions.advance(20 * MS)) == 3000
    for number, handle in enumerate(handles):
        if number % 2:
            sessions.remove(handle)
    for number, handle in enumerate(handles):
        verdict = sessions.hear(21 * MS, bytes((10, 0, number >> 8, number & 255)), OURS, Packet().encode())
        assert verdict == (8 if number % 2 else 0)
        if number % 2:
            with pytest.raises(IndexError):
                sessions.state(handle)
    assert len(sessions.drain(5000)) == 1500
    assert len(sessions.take()) == 1500


def test_without_a_source_address_nothing_is_sent() -> None:
    bench = Bench(source=None)
    assert bench.wait(3_000 * MS) == []
    bench.sessions.set_source(bench.handle, bench.now_ns, OURS)
    assert len(bench.wait(1_000 * MS)) >= 1
    bench.sessions.set_source(bench.handle, bench.now_ns, None)
    assert bench.wait(3_000 * MS) == []


@pytest.mark.parametrize(
    "wrong",
    [{"min_tx_us": 0}, {"min_rx_us": 1 << 32}, {"multiplier": 0}, {"multiplier": 256}, {"source": bytes(16)}],
)
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Bench(**wrong)

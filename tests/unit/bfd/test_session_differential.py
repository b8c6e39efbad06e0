"""Random packets, settings and times: a compiled session and the reference agree after every step."""

from dataclasses import replace
from typing import Any

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from reference import bfd
from reference.bfd import ADMIN_DOWN, DEMAND, DOWN, FINAL, INIT, POLL, UP, Packet, Settings
from vrrpd_fast.bfd.session import Sessions

OURS, NEIGHBOUR = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
DISCRIMINATOR = 0x5EED
TICK_NS = 1 << 14  # of the wheel; all times here are multiples of it, so that nothing is rounded

INTERVALS_US = st.sampled_from([1_000, 3_312, 10_000, 50_000, 300_000, 1_000_000])
SETTINGS = st.builds(
    Settings,
    min_tx_us=INTERVALS_US,
    min_rx_us=INTERVALS_US,
    idle_tx_us=st.sampled_from([1_000_000, 1_000_000, 200_000]),
    multiplier=st.sampled_from([1, 2, 3, 5, 255]),
    is_passive=st.booleans(),
)
PACKETS = st.builds(
    Packet,
    state=st.sampled_from([ADMIN_DOWN, DOWN, DOWN, INIT, INIT, UP, UP, UP]),
    my_discriminator=st.sampled_from([99, 99, 77]),
    your_discriminator=st.just(DISCRIMINATOR),
    diagnostic=st.sampled_from([0, 1, 31]),
    flags=st.sampled_from([0, 0, 0, POLL, FINAL, DEMAND, POLL | DEMAND, FINAL | DEMAND]),
    multiplier=st.sampled_from([1, 3, 3, 255]),
    min_tx_us=st.one_of(INTERVALS_US, st.just(0)),
    min_rx_us=st.one_of(INTERVALS_US, INTERVALS_US, st.just(0)),
)


def wanted(settings: Settings) -> dict[str, Any]:
    return {
        "min_tx_us": settings.min_tx_us,
        "min_rx_us": settings.min_rx_us,
        "idle_tx_us": settings.idle_tx_us,
        "multiplier": settings.multiplier,
        "is_passive": settings.is_passive,
        "least_ttl": 255,
    }


class Twins(RuleBasedStateMachine):
    @initialize(settings=SETTINGS, seed=st.integers(0, 2**32))
    def begin(self, settings: Settings, seed: int) -> None:
        self.now_ns = 1000 * TICK_NS
        self.disturbed_ns = self.now_ns  # when something last moved the time of the next packet
        self.ours = Sessions(seed)
        self.handle = self.ours.add(
            self.now_ns,
            neighbour=NEIGHBOUR,
            source=OURS,
            discriminator=DISCRIMINATOR,
            **wanted(settings),
        )
        self.reference = bfd.Session(DISCRIMINATOR, settings)
        self.told = 0
        self.wait(1)

    @rule(packet=PACKETS)
    def hear(self, packet: Packet) -> None:
        if packet.state <= DOWN and packet.diagnostic:
            packet = replace(packet, your_discriminator=0)  # found by its address
        assert self.ours.hear(self.now_ns, NEIGHBOUR, OURS, packet.encode()) == 0
        self.reference.hear(self.now_ns, packet)
        self.disturbed_ns = self.now_ns
        self.judge(self.ours.take())

    @precondition(lambda self: self.reference.state != UP)
    @rule(packet=PACKETS)
    def come_up(self, packet: Packet) -> None:
        for state in (DOWN, INIT, UP):
            self.hear(replace(packet, state=state))

    @rule()
    def answer_poll(self) -> None:
        reference = self.reference
        self.hear(
            Packet(
                state=reference.remote_state,
                my_discriminator=reference.remote_discriminator or 99,
                your_discriminator=DISCRIMINATOR,
                flags=FINAL,
                multiplier=reference.remote_multiplier or 3,
                min_tx_us=reference.remote_min_tx_us,
                min_rx_us=reference.remote_min_rx_us,
            )
        )

    @rule(settings=SETTINGS)
    def configure(self, settings: Settings) -> None:
        self.ours.change(self.handle, self.now_ns, **wanted(settings))
        self.reference.configure(self.now_ns, settings)
        self.disturbed_ns = self.now_ns
        self.judge(self.ours.take())

    @rule(chance=st.integers(0, 19))
    def shut(self, chance: int) -> None:
        if chance == 0:
            self.ours.shut(self.handle, self.now_ns)
            self.reference.shut(self.now_ns)
            self.judge(self.ours.take())

    @rule(ticks=st.one_of(st.integers(1, 200), st.integers(1, 4_000), st.integers(1, 200_000)))
    def wait(self, ticks: int) -> None:
        """Let time pass from one thing to be done to the next, at most 50 of them."""
        end_ns = self.now_ns + ticks * TICK_NS
        for _ in range(50):
            due_ns = [
                each for each in (self.ours.next_ns(), self.reference.expires_ns) if each not in (-1, None)
            ]
            next_ns = min(-(-each // TICK_NS) * TICK_NS for each in [*due_ns, end_ns])
            self.now_ns = max(self.now_ns, next_ns)
            if self.reference.expires_ns is not None and self.now_ns >= self.reference.expires_ns:
                self.reference.expire(self.now_ns)
                self.disturbed_ns = self.now_ns
            self.judge(self.ours.advance(self.now_ns))
            if self.now_ns == end_ns:
                break

    def judge(self, packets: list[tuple[int, bytes]]) -> None:
        """What was sent at this moment, and what was not; then everything that can be compared."""
        reference = self.reference
        assert len(packets) <= 1
        was_due = reference.due_final or reference.due_change
        if packets:
            if not was_due:
                assert reference.is_periodic
                if reference.last_sent_ns is not None:
                    assert self.now_ns >= reference.earliest_ns()
                reference.last_sent_ns = self.now_ns
            assert reference.may_send
            assert packets == [(self.handle, reference.sends(reference.due_final).encode())]
        else:
            assert not (was_due and reference.may_send)
            if reference.is_periodic:
                assert reference.last_sent_ns is not None or self.now_ns <= self.disturbed_ns
                if reference.last_sent_ns is not None:
                    assert self.now_ns <= max(reference.latest_ns(), self.disturbed_ns) + TICK_NS
        reference.due_final = reference.due_change = False
        told = self.ours.drain(10)
        assert bool(told) == (len(reference.told) > self.told)
        self.told = len(reference.told)
        ours = self.ours.describe(self.handle)
        for name in ("state", "diagnostic", "remote_state", "remote_discriminator", "remote_multiplier"):
            assert ours[name] == getattr(reference, name), name
        assert ours["transmit_us"] == reference.interval_us
        assert ours["detection_us"] == reference.detection_us
        assert ours["polling"] == reference.polls
        assert ours["ups"] == [state for state, _ in reference.told].count(UP)


TestTwins = Twins.TestCase
TestTwins.settings = hypothesis_settings(max_examples=100, stateful_step_count=30, deadline=None)

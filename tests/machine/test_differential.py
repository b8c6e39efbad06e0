"""Random configurations, events and times: the compiled machine and the reference agree after every step."""

from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from machine.bench import Bench, primary
from machine.packets import arrival
from reference.codec import GROUPS
from reference.machine import Parameters
from reference.phase import TICK_NS
from vrrpd_fast.model import Reason, State

FAMILIES = st.sampled_from([(4, 2), (4, 3), (6, 3)])
PRIORITIES = st.one_of(st.sampled_from([1, 2, 99, 100, 101, 253, 254, 255]), st.integers(1, 255))
INTERVALS_CS = st.one_of(st.sampled_from([1, 10, 99, 100, 4095]), st.integers(1, 4095))
OURS, PEERS = 10, (2, 9, 11, 20)  # last byte of primary addresses
VRIDS = (1, 51, 255)
IFINDEXES = (3, 7)


@st.composite
def configurations(draw: st.DrawFn) -> Parameters:
    family, version = draw(FAMILIES)
    interval_cs = draw(INTERVALS_CS)
    if version == 2:
        interval_cs = 100 * draw(st.sampled_from([1, 1, 3, 255]))
    return Parameters(
        family=family,
        version=version,
        vrid=draw(st.sampled_from(VRIDS)),
        priority=draw(PRIORITIES),
        advert_int_cs=interval_cs,
        addresses=tuple(primary(family, last) for last in draw(st.sampled_from([(254,), (254, 253, 252)]))),
        preempt=draw(st.booleans()),
        preempt_delay_ns=draw(st.sampled_from([0, 0, 1, 50_000_000, 3_000_000_000])),
        down_timer_adverts=draw(st.sampled_from([3, 3, 1, 2, 100])),
        answer_losing=draw(st.booleans()),
        check_addresses=draw(st.sampled_from([False, False, True])),
        skip_check_adv_addr=draw(st.sampled_from([False, False, True])),
        strict=draw(st.sampled_from([False, False, True])),
        higher_prio_send_advert=draw(st.booleans()),
        owner_ignore_adverts=draw(st.sampled_from([False, False, True])),
        auth_pass=draw(st.sampled_from([b"", b"secret"])) if version == 2 else b"",
        check_unicast_src=draw(st.booleans()),
        **draw(unicast(family)),
    )


@st.composite
def unicast(draw: st.DrawFn, family: int) -> dict[str, Any]:
    """Mostly none of it."""
    peers = tuple(primary(family, last) for last in draw(st.sampled_from([(), (), PEERS[:3]])))
    if not peers:
        return {"is_unicast": draw(st.sampled_from([False, False, False, True]))}
    ranges = st.sampled_from([(0, 255), (255, 255), (64, 64), (0, 100)])
    return {"peers": peers, "peer_ttls": draw(st.sampled_from([(), tuple(draw(ranges) for _ in peers)]))}


# What a peer may do wrong; each entry goes over the fields of a good advert.
FLAWS: list[dict[str, Any]] = [
    {"ttl": 254},
    {"type": 2},
    {"version": 1},
    {"version": 2},
    {"version": 3},
    {"checksum_error": 1},
    {"trailer": b"\0\0\0\0"},
    {"count": 0},
    {"count": 255},
    {"addresses": ()},
    {"auth_type": 1},
    {"auth_type": 1, "auth_data": b"secret\0\0"},
    {"auth_type": 1, "auth_data": b"secreT\0\0"},
    {"auth_type": 0, "auth_data": b"secret\0\0"},
    {"ttl": 64},
    {"auth_type": 2},
    {"vrid": 0},
    {"vrid": 77},
    {"form": "rfc9568"},
    {"reserve": 15},
    {"interval_cs": 0},
    {"interval_cs": 1},
    {"interval_cs": 4095},
    {"interval_cs": 200},
]


STARTS_NS = st.sampled_from([0, 1_000_000_007, 3_600_000_000_000, 2**53 + 1])


class Differential(RuleBasedStateMachine):
    def handle(self, data: st.DataObject) -> int:
        return data.draw(st.sampled_from(sorted(self.bench.routers)), label="router")

    @initialize(own=configurations(), now_ns=STARTS_NS)
    def first(self, own: Parameters, now_ns: int) -> None:
        self.bench = Bench(now_ns)
        self.bench.start(self.bench.add(own))

    @rule(own=configurations(), ifindex=st.sampled_from(IFINDEXES), start=st.booleans())
    def add(self, own: Parameters, ifindex: int, start: bool) -> None:
        for handle, router in self.bench.routers.items():
            there = router.parameters
            if (self.bench.ifindexes[handle], there.family, there.vrid) == (ifindex, own.family, own.vrid):
                return
        handle = self.bench.add(own, ifindex, primary(own.family, OURS))
        if start:
            self.bench.start(handle)

    @precondition(lambda self: len(self.bench.routers) > 1)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        self.bench.remove(self.handle(data))

    @rule(data=st.data(), reason=st.sampled_from([Reason.STARTUP, Reason.RECOVERED]))
    def start(self, data: st.DataObject, reason: Reason) -> None:
        self.bench.start(self.handle(data), reason)

    @rule(data=st.data())
    def stop(self, data: st.DataObject) -> None:
        self.bench.stop(self.handle(data))

    @rule(data=st.data(), reason=st.sampled_from([Reason.INTERFACE_DOWN, Reason.TRACKED_SCRIPT]))
    def fault(self, data: st.DataObject, reason: Reason) -> None:
        self.bench.stop(self.handle(data), State.FAULT, reason)

    @rule(data=st.data(), priority=PRIORITIES)
    def set_priority(self, data: st.DataObject, priority: int) -> None:
        self.bench.set_priority(self.handle(data), priority)

    @rule(data=st.data(), gated=st.sampled_from([True, True, False]))
    def gate(self, data: st.DataObject, gated: bool) -> None:
        self.bench.gate(self.handle(data), gated)

    @rule(data=st.data())
    def promote(self, data: st.DataObject) -> None:
        self.bench.promote(self.handle(data))

    @rule(data=st.data())
    def demote(self, data: st.DataObject) -> None:
        self.bench.demote(self.handle(data))

    @rule(data=st.data(), yields=st.booleans())
    def resign(self, data: st.DataObject, yields: bool) -> None:
        handle = self.handle(data)
        self.bench.yield_to_all(handle, yields)
        if yields:
            self.bench.demote(handle, Reason.OPERATOR)

    @rule(data=st.data(), own=configurations())
    def change(self, data: st.DataObject, own: Parameters) -> None:
        handle = self.handle(data)
        old = self.bench.routers[handle].parameters
        if (old.family, old.version) == (own.family, own.version):
            self.bench.change(handle, replace(own, vrid=old.vrid))

    @rule(data=st.data(), last=st.sampled_from([OURS, 1, 15, 30]))
    def move(self, data: st.DataObject, last: int) -> None:
        handle = self.handle(data)
        self.bench.move(handle, primary(self.bench.routers[handle].parameters.family, last))

    @rule(
        data=st.data(),
        last=st.sampled_from([*PEERS, OURS]),
        priority=st.one_of(st.just(0), PRIORITIES),
        unicast=st.sampled_from([False, False, True]),
    )
    def hear(self, data: st.DataObject, last: int, priority: int, unicast: bool) -> None:
        """Any priority from anybody, with and without peers configured."""
        handle = self.handle(data)
        family = self.bench.routers[handle].parameters.family
        destination = primary(family, OURS) if unicast else GROUPS[family]
        self.bench.hear(handle, priority, last, destination=destination)

    @rule(data=st.data(), last=st.sampled_from(PEERS), ttl=st.sampled_from([255, 255, 64]))
    def hear_the_same_again(self, data: st.DataObject, last: int, ttl: int) -> None:
        """What is settled is taken up without being judged."""
        handle = self.handle(data)
        own = self.bench.routers[handle].parameters
        destination = primary(own.family, OURS) if own.unicast else GROUPS[own.family]
        for _ in range(3):
            self.bench.hear(handle, 254, last, destination=destination)
            self.bench.sleep(min(1_000_000, self.bearable_ns()))
        self.bench.hear(handle, 254, last, destination=destination, ttl=ttl)

    @rule(data=st.data(), step=st.sampled_from([-1, 0, 0, 1]), last=st.sampled_from(PEERS))
    def hear_a_rival(self, data: st.DataObject, step: int, last: int) -> None:
        """A neighbouring priority, addressed as our configuration wants it."""
        handle = self.handle(data)
        router = self.bench.routers[handle]
        own = router.parameters
        destination = primary(own.family, OURS) if own.unicast else GROUPS[own.family]
        priority = min(255, max(0, router.priority + step))
        self.bench.hear(handle, priority, last, destination=destination)

    @rule(data=st.data(), priorities=st.lists(st.sampled_from([0, 0, 1, 254]), min_size=2, max_size=6))
    def harass(self, data: st.DataObject, priorities: list[int]) -> None:
        """Losers and releases in quick succession, around the bound of a master's answers."""
        handle = self.handle(data)
        router = self.bench.routers[handle]
        own = router.parameters
        destination = primary(own.family, OURS) if own.unicast else GROUPS[own.family]
        for priority in priorities:
            if priority < router.priority:
                self.bench.hear(handle, priority, PEERS[0], destination=destination)
            pause_ns = data.draw(st.sampled_from([1, 2, router.interval_ns // 16, router.interval_ns // 8]))
            self.bench.sleep(min(pause_ns, self.bearable_ns()))

    @rule(data=st.data())
    def lead(self, data: st.DataObject) -> None:
        """Let it become master, however long that takes: everybody else may send for so long."""
        handle = self.handle(data)
        self.bench.set_priority(handle, 254)
        self.bench.start(handle)
        deadline_ns = self.bench.routers[handle].down_deadline_ns
        if deadline_ns is not None and deadline_ns - self.bench.now_ns < 10 * self.bearable_ns():
            self.bench.sleep(max(0, deadline_ns - self.bench.now_ns) + TICK_NS)

    @rule(data=st.data(), state=st.sampled_from([State.INIT, State.FAULT]))
    def restart(self, data: st.DataObject, state: State) -> None:
        handle = self.handle(data)
        self.bench.stop(handle, state, Reason.SHUTDOWN)
        self.bench.start(handle, Reason.RECOVERED)

    @rule(data=st.data(), flaw=st.sampled_from(FLAWS), priority=PRIORITIES)
    def hear_nonsense(self, data: st.DataObject, flaw: dict[str, Any], priority: int) -> None:
        self.bench.hear(self.handle(data), priority, 20, **flaw)

    @rule(data=st.data(), others=st.sampled_from([(253,), (254, 253), (252, 253, 254), (254, 254)]))
    def hear_other_addresses(self, data: st.DataObject, others: tuple[int, ...]) -> None:
        handle = self.handle(data)
        own = self.bench.routers[handle].parameters
        addresses = tuple(primary(own.family, last) for last in others)
        priority = data.draw(st.sampled_from([0, 1, 100, 255]))
        self.bench.hear(handle, priority, 20, addresses=addresses)

    @rule(data=st.data(), position=st.integers(0, 60), value=st.integers(1, 255))
    def hear_a_flipped_byte(self, data: st.DataObject, position: int, value: int) -> None:
        handle = self.handle(data)
        own = self.bench.routers[handle].parameters
        packet = arrival(
            family=own.family,
            source=primary(own.family, 20),
            version=own.version,
            vrid=own.vrid,
            interval_cs=own.advert_int_cs,
            addresses=own.addresses,
        )
        self.bench.receive(packet.mutated(position, value), self.bench.ifindexes[handle])
        self.bench.receive(packet.cut(position), self.bench.ifindexes[handle])

    @rule(
        duration_ns=st.one_of(
            st.integers(0, 40_000), st.integers(0, 30_000_000), st.integers(0, 4_000_000_000)
        )
    )
    def sleep(self, duration_ns: int) -> None:
        self.bench.sleep(min(duration_ns, self.bearable_ns()))

    @rule(data=st.data(), eighths=st.sampled_from([1, 4, 8, 16]))
    def sleep_intervals(self, data: st.DataObject, eighths: int) -> None:
        router = self.bench.routers[self.handle(data)]
        self.bench.sleep(min(eighths * router.interval_ns // 8, self.bearable_ns()))

    @rule(data=st.data(), after_ns=st.sampled_from([-1, 0, 1, 16_384, 1_000_000]))
    def sleep_past_the_down_timer(self, data: st.DataObject, after_ns: int) -> None:
        deadline_ns = self.bench.routers[self.handle(data)].down_deadline_ns
        if deadline_ns is not None and deadline_ns - self.bench.now_ns < self.bearable_ns():
            self.bench.sleep(max(0, deadline_ns + after_ns - self.bench.now_ns))

    @rule(duration_ns=st.integers(1, 3_000_000))
    def oversleep(self, duration_ns: int) -> None:
        """The loop is late, but never by so much that an advert is missed altogether."""
        late_ns = self.bench.now_ns - self.bench.looked_ns + duration_ns
        if late_ns < self.shortest_interval_ns() // 2:
            self.bench.oversleep(duration_ns)

    def shortest_interval_ns(self) -> int:
        return min(router.interval_ns for router in self.bench.routers.values())

    def bearable_ns(self) -> int:
        """So long that a step stays within some hundred adverts."""
        return 20 * self.shortest_interval_ns()


Differential.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestDifferential = Differential.TestCase

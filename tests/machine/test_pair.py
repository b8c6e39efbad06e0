"""Two routers on a link that loses and delays adverts, without I/O: one master, soon, and for good."""

import heapq
from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from machine.bench import cs, primary, settings_of
from machine.packets import Arrival, arrival
from reference.machine import Parameters
from reference.phase import TICK_NS
from vrrpd_fast.engine.machine import Machine
from vrrpd_fast.model import Reason, State

IFINDEX = 2
LATENCY_NS = 900_000  # at most, in either direction; packets of one sender stay in order


class Host:
    """One router with one virtual router."""

    def __init__(self, own: Parameters, last: int) -> None:
        self.own = own
        self.source = primary(own.family, last)
        self.machine = Machine()
        self.handle = self.machine.add(
            ifindex=IFINDEX, family=own.family, vrid=own.vrid, version=own.version, **settings_of(own)
        )
        self.machine.move(self.handle, IFINDEX, self.source)
        self.running = True  # a killed host neither sends nor hears

    @property
    def is_master(self) -> bool:
        return self.running and self.machine.snapshot(self.handle).state is State.MASTER

    def adverts(self) -> list[Arrival]:
        """What it sends now."""
        priority = self.machine.snapshot(self.handle).priority
        return [
            arrival(
                family=self.own.family,
                source=self.source,
                version=self.own.version,
                vrid=self.own.vrid,
                priority=0 if release else priority,
                interval_cs=self.own.advert_int_cs,
                addresses=self.own.addresses,
            )
            for _, release in self.machine.take_due()
            if self.running
        ]


@dataclass
class Link:
    """Both hosts, the packets between them, and how long there were no or two masters at a time."""

    hosts: tuple[Host, Host]
    rng: Random
    now_ns: int = 5_000_000_000
    loss: float = 0.0
    flying: list[tuple[int, int, int, Arrival]] = field(default_factory=list)
    sent: int = 0
    last_arrival_ns: list[int] = field(default_factory=lambda: [0, 0])
    stretch_from_ns: int = 0
    longest_ns: dict[int, int] = field(default_factory=dict)  # by the number of masters
    changes: int = 0

    def watch_from_now(self) -> None:
        self.stretch_from_ns = self.now_ns
        self.longest_ns = {0: 0, 1: 0, 2: 0}
        self.changes = 0

    def masters(self) -> int:
        return sum(host.is_master for host in self.hosts)

    def flush(self) -> None:
        """Put on the wire what the hosts send now."""
        for number, host in enumerate(self.hosts):
            for packet in host.adverts():
                if self.rng.random() < self.loss:
                    continue
                other = 1 - number
                arrives_ns = self.now_ns + self.rng.randrange(1_000, LATENCY_NS)
                arrives_ns = max(arrives_ns, self.last_arrival_ns[other] + 1)
                self.last_arrival_ns[other] = arrives_ns
                self.sent += 1
                heapq.heappush(self.flying, (arrives_ns, self.sent, other, packet))
            self.changes += len(host.machine.drain(100))

    def next_ns(self) -> int | None:
        times = [packet[0] for packet in self.flying[:1]]
        for host in self.hosts:
            if host.running and host.machine.next_deadline_ns() >= 0:
                times.append(host.machine.next_deadline_ns())
        return min(times, default=None)

    def run(self, duration_ns: int) -> None:
        end_ns = self.now_ns + duration_ns
        self.flush()
        while (next_ns := self.next_ns()) is not None and next_ns <= end_ns:
            before = self.masters()
            self.now_ns = max(self.now_ns, next_ns)
            while self.flying and self.flying[0][0] <= self.now_ns:
                _, _, number, packet = heapq.heappop(self.flying)
                if self.hosts[number].running:
                    verdict = packet.deliver(self.hosts[number].machine, self.now_ns, IFINDEX)
                    assert verdict == 0
            for host in self.hosts:
                if host.running:
                    host.machine.advance(self.now_ns)
            self.flush()
            self._note(before)
        self._note(self.masters())
        self.now_ns = end_ns
        self.longest_ns[self.masters()] = max(
            self.longest_ns.get(self.masters(), 0), end_ns - self.stretch_from_ns
        )

    def _note(self, before: int) -> None:
        """A stretch with one number of masters lasts until the number changes."""
        self.longest_ns[before] = max(self.longest_ns.get(before, 0), self.now_ns - self.stretch_from_ns)
        if self.masters() != before:
            self.stretch_from_ns = self.now_ns


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Host, Host]:
    family, version = draw(st.sampled_from([(4, 2), (4, 3), (6, 3)]))
    hosts = []
    for last in (10, 20):
        interval_cs = 100 if version == 2 else draw(st.sampled_from([1, 10, 100, 300]))
        own = Parameters(
            family=family,
            version=version,
            vrid=51,
            priority=draw(st.sampled_from([1, 99, 100, 100, 101, 254, 255])),
            advert_int_cs=interval_cs,
            addresses=(primary(family, 254),),
            preempt=draw(st.booleans()),
            answer_losing=draw(st.booleans()),
        )
        hosts.append(Host(own, last))
    return hosts[0], hosts[1]


disturbances = st.lists(
    st.tuples(
        st.sampled_from(["wait", "start", "stop", "fault", "priority"]),
        st.integers(0, 1),
        st.integers(1, 254),
        st.floats(0, 6),
    ),
    max_size=12,
)


def disturb(link: Link, what: str, number: int, priority: int) -> None:
    host = link.hosts[number]
    if what == "start":
        host.machine.start(host.handle, link.now_ns)
    elif what == "stop":
        host.machine.stop(host.handle, link.now_ns, State.INIT, Reason.SHUTDOWN)
    elif what == "fault":
        host.machine.stop(host.handle, link.now_ns, State.FAULT, Reason.INTERFACE_DOWN)
    elif what == "priority" and host.own.priority != 255:
        host.machine.set_priority(host.handle, priority, link.now_ns)


@settings(deadline=None, max_examples=150)
@given(pairs(), disturbances, st.floats(0, 1), st.integers(0, 2**32))
def test_after_any_trouble_there_is_one_master(
    hosts: tuple[Host, Host], trouble: list[tuple[str, int, int, float]], loss: float, seed: int
) -> None:
    link = Link(hosts, Random(seed), loss=loss)
    longest_interval_ns = cs(max(host.own.advert_int_cs for host in hosts))
    for what, number, priority, intervals in trouble:
        disturb(link, what, number, priority)
        link.run(int(intervals * longest_interval_ns))
    for host in hosts:
        host.machine.start(host.handle, link.now_ns, Reason.RECOVERED)
    link.loss = 0.0

    # Adverts flow again: a doubled master hears the other within one interval.
    link.watch_from_now()
    link.run(4 * longest_interval_ns + LATENCY_NS + TICK_NS)
    assert link.longest_ns[2] <= longest_interval_ns + LATENCY_NS + TICK_NS
    assert link.masters() >= 1

    # From here on there is always a master; two of them only while a takeover's first advert is on its way.
    link.watch_from_now()
    link.run(12 * longest_interval_ns)
    assert link.longest_ns[0] == 0
    assert link.longest_ns[2] <= LATENCY_NS + TICK_NS

    # And it is settled: the higher priority leads if it preempts, and nothing moves any more.
    assert link.masters() == 1
    first, second = (host.machine.snapshot(host.handle).priority for host in hosts)
    if first != second and all(host.own.preempt for host in hosts):
        assert hosts[0].is_master == (first > second)
    link.watch_from_now()
    link.run(20 * longest_interval_ns)
    assert link.changes == 0


@settings(deadline=None, max_examples=60)
@given(pairs(), st.integers(0, 2**32), st.floats(0, 3))
def test_a_killed_master_is_replaced_in_its_down_interval(
    hosts: tuple[Host, Host], seed: int, after_intervals: float
) -> None:
    link = Link(hosts, Random(seed))
    longest_interval_ns = cs(max(host.own.advert_int_cs for host in hosts))
    for host in hosts:
        host.machine.start(host.handle, link.now_ns)
    link.run(int((12 + after_intervals) * longest_interval_ns))
    (dying,) = (host for host in hosts if host.is_master)
    (heir,) = (host for host in hosts if not host.is_master)
    dying.running = False
    link.watch_from_now()
    link.run(cs(4 * dying.own.advert_int_cs) + LATENCY_NS + TICK_NS)
    assert heir.is_master
    priority = heir.machine.snapshot(heir.handle).priority
    skew_of_cs = 100 if heir.own.version == 2 else dying.own.advert_int_cs
    down_ns = cs(3 * dying.own.advert_int_cs) + (256 - priority) * cs(skew_of_cs) // 256
    assert (
        down_ns - cs(dying.own.advert_int_cs) - TICK_NS
        <= link.longest_ns[0]
        <= down_ns + LATENCY_NS + TICK_NS
    )


@settings(deadline=None, max_examples=60)
@given(pairs(), st.integers(0, 2**32))
def test_a_master_that_stops_is_replaced_in_the_skew_time(hosts: tuple[Host, Host], seed: int) -> None:
    link = Link(hosts, Random(seed))
    longest_interval_ns = cs(max(host.own.advert_int_cs for host in hosts))
    for host in hosts:
        host.machine.start(host.handle, link.now_ns)
    link.run(12 * longest_interval_ns)
    (leaving,) = (host for host in hosts if host.is_master)
    (heir,) = (host for host in hosts if not host.is_master)
    leaving.machine.stop(leaving.handle, link.now_ns, State.INIT, Reason.SHUTDOWN)
    link.watch_from_now()
    skew_of_cs = 100 if heir.own.version == 2 else leaving.own.advert_int_cs
    skew_ns = (256 - heir.machine.snapshot(heir.handle).priority) * cs(skew_of_cs) // 256
    link.run(skew_ns + LATENCY_NS + TICK_NS)
    assert heir.is_master
    assert skew_ns <= link.longest_ns[0]
    assert link.longest_ns[2] == 0

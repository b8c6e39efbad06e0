"""A Machine beside one reference router for each of its virtual routers; after every event both must agree.

The clock is the bench's own. Time passes only through `sleep`, which calls advance() when the machine asks
for it, as the daemon does. Timers may fire up to a tick late, so the machine says *that* one fired and the
oracle says whether it might; everything else must be equal to the nanosecond.
"""

from collections import Counter
from dataclasses import dataclass, fields
from typing import Any

from machine.packets import Arrival, arrival
from reference.machine import BACKUP, COUNTER_OF, MASTER, Change, Parameters, Router
from reference.phase import TICK_NS
from vrrpd_fast.engine.machine import COUNTERS, Machine
from vrrpd_fast.engine.wire import REJECTS
from vrrpd_fast.model import NS_PER_CS, Reason, State, Transition

IFINDEX = 7
START_NS = 1_000_000_007  # one second after boot: less than the interval of some


def v4(last: int) -> bytes:
    return bytes((192, 0, 2, last))


def v6(last: int) -> bytes:
    return bytes.fromhex("fe80") + bytes(13) + bytes((last,))


def primary(family: int, last: int) -> bytes:
    """A router's primary address."""
    return v4(last) if family == 4 else v6(last)


def parameters(
    family: int = 4,
    version: int = 3,
    priority: int = 100,
    interval_cs: int = 100,
    vrid: int = 51,
    **options: Any,
) -> Parameters:
    """Of a virtual router with one address, X.254."""
    return Parameters(
        family=family,
        version=version,
        vrid=vrid,
        priority=priority,
        advert_int_cs=interval_cs,
        **{"addresses": (primary(family, 254),), **options},
    )


def settings_of(own: Parameters) -> dict[str, Any]:
    """What Machine.add and Machine.change have in common."""
    fixed = {"family", "version", "vrid"}
    return {f.name: getattr(own, f.name) for f in fields(own) if f.name not in fixed}


@dataclass(frozen=True)
class Sent:
    """An advert that left; `at_ns` is the bench's clock."""

    at_ns: int
    release: bool


class Bench:
    def __init__(self, now_ns: int = START_NS) -> None:
        self.machine = Machine()
        self.now_ns = now_ns
        self.looked_ns = now_ns  # when advance() was last called
        self.routers: dict[int, Router] = {}
        self.ifindexes: dict[int, int] = {}
        self.unattributed: Counter[str] = Counter()
        self.sent: dict[int, list[Sent]] = {}
        self.transitions: dict[int, list[Transition]] = {}

    # --- events

    def add(self, own: Parameters, ifindex: int = IFINDEX, source: bytes | None = None) -> int:
        source = source if source is not None else primary(own.family, 10)
        handle = self.machine.add(
            ifindex=ifindex, family=own.family, vrid=own.vrid, version=own.version, **settings_of(own)
        )
        self.machine.move(handle, ifindex, source)
        assert handle not in self.routers
        self.routers[handle] = Router(own, source)
        self.ifindexes[handle] = ifindex
        self.sent[handle] = []
        self.transitions[handle] = []
        self.check()
        return handle

    def remove(self, handle: int) -> None:
        self.machine.remove(handle)
        for table in (self.routers, self.ifindexes, self.sent, self.transitions):
            del table[handle]
        self.check()

    def move(self, handle: int, source: bytes) -> None:
        self.machine.move(handle, self.ifindexes[handle], source)
        self.routers[handle].source = source
        self.check()

    def start(self, handle: int, reason: Reason = Reason.STARTUP) -> None:
        router = self.routers[handle]
        was_ready = router.ready
        self.machine.start(handle, self.now_ns, reason)
        router.start(self.now_ns, reason.name)
        assert self.machine.take_ready() == ([handle] if router.ready and not was_ready else [])
        self.check()

    def stop(self, handle: int, state: State = State.INIT, reason: Reason = Reason.SHUTDOWN) -> None:
        self.machine.stop(handle, self.now_ns, state, reason)
        self.routers[handle].stop(self.now_ns, state.name, reason.name)
        self.check()

    def set_priority(self, handle: int, priority: int) -> None:
        self.machine.set_priority(handle, priority, self.now_ns)
        self.routers[handle].set_priority(priority)
        self.check()

    def change(self, handle: int, own: Parameters) -> None:
        self.machine.change(handle, self.now_ns, **settings_of(own))
        self.routers[handle].change(self.now_ns, own)
        self.check()

    def gate(self, handle: int, gated: bool = True) -> None:
        self.machine.gate(handle, gated)
        self.routers[handle].gate(gated)
        self.check()

    def promote(self, handle: int) -> None:
        self.machine.promote(handle, self.now_ns)
        self.routers[handle].promote(self.now_ns)
        self.check()

    def demote(self, handle: int, reason: Reason = Reason.SYNC_GROUP) -> None:
        self.machine.demote(handle, self.now_ns, reason)
        self.routers[handle].demote(self.now_ns, reason.name)
        self.check()

    def yield_to_all(self, handle: int, yields: bool = True) -> None:
        self.machine.yield_to_all(handle, yields)
        self.routers[handle].yields = yields
        self.check()

    def receive(self, packet: Arrival, ifindex: int = IFINDEX) -> str:
        """Returns the name of the check that refused it, or the empty string."""
        verdict = packet.deliver(self.machine, self.now_ns, ifindex)
        said = REJECTS[verdict][0] if verdict else ""
        assert said == self._expect(packet, ifindex)
        self.check()
        return said

    def packet(self, handle: int, priority: int = 200, last: int = 20, **fields: Any) -> Arrival:
        """An advert from the router X.`last`, right in everything that `fields` does not make wrong."""
        own = self.routers[handle].parameters
        password = {"auth_type": 1, "auth_data": own.auth_pass.ljust(8, b"\0")} if own.auth_pass else {}
        right: dict[str, Any] = {
            "family": own.family,
            "source": primary(own.family, last),
            "version": own.version,
            "vrid": own.vrid,
            "priority": priority,
            "interval_cs": own.advert_int_cs,
            "addresses": own.addresses,
        }
        return arrival(**{**right, **password, **fields})

    def hear(self, handle: int, priority: int = 200, last: int = 20, **fields: Any) -> str:
        """Receive packet()."""
        return self.receive(self.packet(handle, priority, last, **fields), self.ifindexes[handle])

    def sleep(self, duration_ns: int) -> None:
        """Let time pass, waking for every deadline the machine names."""
        self.sleep_until(self.now_ns + duration_ns)

    def sleep_until(self, until_ns: int) -> None:
        while 0 <= (deadline_ns := self.machine.next_deadline_ns()) <= until_ns:
            self.wake(max(self.now_ns, deadline_ns))
        self.wake(until_ns)

    def oversleep(self, duration_ns: int) -> None:
        """Let time pass without looking at the timers: packets come before time-outs."""
        self.now_ns += duration_ns

    def wake(self, now_ns: int) -> None:
        """One call of advance(), at now_ns."""
        self.now_ns = now_ns
        self.machine.advance(now_ns)
        fired = self._take_due()
        for handle in self.machine.take_ready():
            assert not fired[handle], "who is ready sends nothing"
            fired[handle] += 1
        for handle, router in self.routers.items():
            self._follow_timers(router, fired[handle])
        self.looked_ns = now_ns
        self.check()

    # --- agreement

    def _expect(self, packet: Arrival, ifindex: int) -> str:
        for handle, router in self.routers.items():
            own = router.parameters
            here = self.ifindexes[handle] == ifindex and own.family == packet.family
            if here and own.vrid == packet.vrid:
                return router.receive(self.now_ns, packet.judge(own.version, own.unicast))
        judged = packet.judge(0)
        reason = judged if isinstance(judged, str) else "vrid"
        self.unattributed[COUNTER_OF[reason]] += 1
        return reason

    def _take_due(self) -> Counter[int]:
        """Take the adverts that timers caused; how many by which router."""
        fired: Counter[int] = Counter()
        for handle, release in self.machine.take_due():
            assert not release, "no timer releases mastership"
            fired[handle] += 1
            self.sent[handle].append(Sent(self.now_ns, release))
        return fired

    def _follow_timers(self, router: Router, fired: int) -> None:
        """Do to the oracle what the machine's timers did, if they might, and nothing if they need not."""
        assert fired <= 1, "two adverts at one time"
        if router.state == BACKUP:
            assert router.down_deadline_ns is not None
            if fired:
                assert router.down_deadline_ns <= self.now_ns, "the down timer fired early"
                router.fire_down_timer(self.now_ns)
            else:
                assert self.now_ns < router.down_deadline_ns + TICK_NS, "the down timer did not fire"
        elif router.state == MASTER:
            assert router.phase is not None
            if fired:
                router.phase.fired(self.looked_ns, self.now_ns)
                router.fire_advert_timer(self.now_ns)
            else:
                router.phase.silent(self.now_ns)
        else:
            assert not fired, "a stopped router sent"
        del router.sent[:]

    def check(self) -> None:
        """Everything that the machine shows equals what the oracle holds."""
        self._check_sent()
        self._check_changes()
        challenged = sorted(handle for handle, router in self.routers.items() if router.challenged)
        assert sorted(self.machine.take_challenged()) == challenged
        for handle in challenged:
            self.routers[handle].challenged = False
        for handle, router in self.routers.items():
            self._check_router(handle, router)
        assert self.machine.unattributed() == {name: self.unattributed[name] for name in COUNTERS}

    def _check_sent(self) -> None:
        """Adverts that no timer caused leave at once and in order."""
        for handle, release in self.machine.take_due():
            expected = self.routers[handle].sent.pop(0)
            assert (self.now_ns, release) == expected
            self.sent[handle].append(Sent(self.now_ns, release))
        assert all(router.sent == [] for router in self.routers.values())

    def _check_changes(self) -> None:
        for transition in self.machine.drain(1000):
            assert self.routers[transition.handle].changes.pop(0) == as_change(transition)
            self.transitions[transition.handle].append(transition)
        assert all(router.changes == [] for router in self.routers.values())

    def _check_router(self, handle: int, router: Router) -> None:
        shown = self.machine.snapshot(handle)
        assert shown.state.name == router.state
        assert shown.priority == router.priority
        assert self.machine.is_ready(handle) == bool(router.ready or router.state == MASTER)
        assert shown.master_interval_cs == router.master_interval_cs
        assert set(COUNTERS) <= shown.statistics.keys()  # what the oracle does not know stays 0 here
        assert shown.statistics == {name: router.counters[name] for name in shown.statistics}
        deadline_ns = -1 if router.down_deadline_ns is None else router.down_deadline_ns
        assert self.machine.down_deadline_ns(handle) == deadline_ns
        if router.state == BACKUP and router.master is not None:
            assert shown.master_address is not None
            assert (shown.master_address.packed, shown.master_priority) == router.master

    # --- what table tests ask

    def state(self, handle: int) -> str:
        return self.machine.snapshot(handle).state.name

    def count(self, handle: int, name: str) -> int:
        return self.machine.snapshot(handle).statistics[name]

    def down_in_ns(self, handle: int) -> int:
        """How long until the down timer runs out."""
        return self.machine.down_deadline_ns(handle) - self.now_ns

    def reasons(self, handle: int) -> list[str]:
        return [transition.reason.name for transition in self.transitions[handle]]


def as_change(transition: Transition) -> Change:
    return Change(
        transition.old.name,
        transition.new.name,
        transition.reason.name,
        transition.at_ns,
        transition.silence_ns,
        transition.down_interval_ns,
        transition.skew_ns,
    )


def cs(centiseconds: float) -> int:
    """Nanoseconds."""
    return round(centiseconds * NS_PER_CS)

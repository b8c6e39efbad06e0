"""The same packets to an engine with the kernel filter and to one without: nobody could tell them apart.

Nothing in a run depends on how fast this machine is: timers are looked at when a step says so, and two
deadlines may differ by no more than the time that the two engines took to hear the same packet.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reference import codec
from unit.engine.filter_pair import VRIDS, Own, Pair, advert, source, virtual
from unit.engine.test_steady import needs_bpf
from vrrpd_fast.model import State

FAMILIES = pytest.mark.parametrize(("family", "version"), [(4, 2), (4, 3), (6, 3)])
PRIORITIES = (1, 99, 100, 150, 200, 254)
FOREVER_NS = 10**15

Step = Callable[[Pair], None]

RUNS = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def owns(draw: st.DrawFn, family: int, version: int) -> Own:
    return Own(
        family=family,
        version=version,
        priority=draw(st.sampled_from((100, 100, 254, 255))),
        interval_cs=100 if version == 2 else draw(st.sampled_from((4, 4, 5))),
        preempt=draw(st.sampled_from((True, True, False))),
        preempt_delay_ns=draw(st.sampled_from((0, 0, 1, FOREVER_NS))),
        check_addresses=draw(st.sampled_from((False, False, True))),
        skip_check_adv_addr=draw(st.sampled_from((False, False, True))),
        auth_pass=draw(st.sampled_from((b"", b"secret"))) if version == 2 else b"",
        peer_ttls=draw(st.sampled_from(((), (), ((0, 255),), ((255, 255), (1, 254))))),
        check_unicast_src=draw(st.booleans()),
    )


def flaws(family: int) -> list[dict[str, Any]]:
    """What a packet may have that the usual advert has not."""
    found: list[dict[str, Any]] = [
        {"ttl": 254},
        {"ttl": 1},
        {"checksum_error": 1},
        {"vrid": VRIDS[1]},
        {"vrid": 99},
        {"version": 2 if family == 6 else 4},
        {"type": 2},
        {"reserve": 1},
        {"auth_type": 1},
        {"auth_data": b"secret\0x"},
        {"auth_type": 1, "auth_data": b"secret\0\0"},
        {"trailer": bytes(4)},
        {"count": 1},
        {"count": 0, "addresses": ()},
        {"interval_cs": 0},
        {"interval_cs": 3},
        {"interval_cs": 6},
        {"interval_cs": 200},
        {"addresses": virtual(family, 2, 1)},
        {"addresses": virtual(family, 1)},
        {"addresses": virtual(family, 1, 3)},
        {"addresses": virtual(family, 1, 2, 3)},
        {"destination": source(family, 1)},
        {"destination": codec.GROUPS[family]},
        {"source": source(family, 1)},
        {"source": source(family, 3)},
        *({"priority": priority} for priority in (0, 50, 100, 150, 255)),
    ]
    if family == 4:
        return [*found, {"options": bytes((1, 1, 1, 0))}]
    return [*found, {"addresses": (bytes(16),)}]


@st.composite
def changes(draw: st.DrawFn, family: int) -> dict[str, Any]:
    """The flaw of one packet, or none, from one of two routers with any priority."""
    usual: dict[str, Any] = {
        "source": source(family, draw(st.sampled_from((2, 2, 2, 3)))),
        "priority": draw(st.sampled_from((200, 200, 200, 0, 50, 100, 150, 255))),
    }
    versions: list[dict[str, Any]] = [{"version": 2}, {"version": 3}, {"form": "rfc9568"}]
    flaw: dict[str, Any] = draw(st.sampled_from([{}, {}, {}, *flaws(family), *versions]))
    return usual | flaw


@st.composite
def packets(draw: st.DrawFn, family: int) -> Step:
    """One packet, once or again and again, each heard before the next is sent."""
    what, times = draw(changes(family)), draw(st.sampled_from((1, 2, 3)))

    def step(pair: Pair) -> None:
        for _ in range(times):
            pair.say(advert(pair.own, **what))

    return named(step, f"say {times} × {what}")


@st.composite
def repetitions(draw: st.DrawFn, family: int) -> Step:
    """Many of one kind before anybody listens."""
    what, times = draw(changes(family)), draw(st.sampled_from((2, 5)))

    def step(pair: Pair) -> None:
        pair.say(*[advert(pair.own, **what)] * times)

    return named(step, f"burst {times} × {what}")


@st.composite
def controls(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from(("stop", "fault", "start", "start", "priority", "change", "look", "lapse")))
    value = draw(st.sampled_from(PRIORITIES))

    def step(pair: Pair) -> None:
        if kind == "stop":
            pair.stop(State.INIT)
        elif kind == "fault":
            pair.stop(State.FAULT)
        elif kind == "start":
            pair.start()
        elif kind == "priority":
            pair.set_priority(value)
        elif kind == "change":
            pair.change(priority=value, preempt=value % 2 == 0, addresses=virtual(pair.own.family, 1))
        elif kind == "look":
            pair.look()
        else:
            pair.lapse()

    return named(step, f"{kind} {value}")


def named(step: Step, name: str) -> Step:
    """With a name that a failing example shows."""
    step.__qualname__ = step.__name__ = name
    return step


def steps(family: int) -> st.SearchStrategy[list[Step]]:
    return st.lists(
        st.one_of(packets(family), packets(family), repetitions(family), controls()), min_size=1, max_size=14
    )


def agree(pair: Pair, own: Own, taken: list[Step]) -> None:
    pair.begin(own)
    try:
        pair.compare()
        for step in taken:
            step(pair)
            pair.compare()
    finally:
        pair.end()


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_with_and_without_the_filter_everything_is_the_same(family: int, version: int) -> None:
    pair = Pair()

    @RUNS
    @given(own=owns(family, version), taken=steps(family))
    def run(own: Own, taken: list[Step]) -> None:
        agree(pair, own, taken)

    run()


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_only_what_says_nothing_new_is_absorbed(family: int, version: int) -> None:
    """A steady master, and one other packet at a time: that is heard, and the master again after it."""
    pair = Pair()
    own = Own(family, version, priority=100, interval_cs=100)
    good = advert(own)
    for flaw in flaws(family):
        datagram = advert(own, **flaw)
        if datagram == good:  # version 2 has no reserved bits
            continue
        pair.begin(own)
        assert pair.say(good) == 0
        assert pair.say(good, good, good) == 3, flaw
        assert pair.say(datagram) == 0, flaw
        pair.compare()
        pair.say(good)
        pair.compare()
        assert pair.say(good) == 1, flaw
        pair.end()


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_what_is_told_to_the_virtual_router_ends_the_silence(family: int, version: int) -> None:
    pair = Pair()
    own = Own(family, version, priority=100, interval_cs=100)
    good = advert(own)

    def restart() -> None:
        pair.stop(State.FAULT)
        assert pair.say(good) == 0
        pair.start()

    acts: dict[str, Callable[[], None]] = {
        "priority": lambda: pair.set_priority(101),
        "change": lambda: pair.change(priority=102),
        "restart": restart,
    }
    pair.begin(own)
    pair.say(good)
    for what, act in acts.items():
        assert pair.say(good) == 1, what
        act()
        assert pair.say(good) == 0, what
        pair.compare()
    pair.end()


@pytest.mark.lab
@pytest.mark.parametrize("family", [4, 6])
@needs_bpf
def test_what_was_absorbed_last_is_where_the_down_timer_begins(family: int) -> None:
    """And the takeover has the same reason as if it had been heard, whoever else has spoken meanwhile."""
    pair = Pair()
    own = Own(family, 3, priority=100, interval_cs=5)
    good = advert(own)
    for others in ((), (advert(own, source=source(family, 3), priority=50),), (advert(own, priority=0),)):
        pair.begin(own)
        for datagram in (good, good, *others, good):
            pair.say(datagram)
        before = pair.deadlines_ns()
        said_ns = time.monotonic_ns()
        pair.say(good)
        assert pair.absorbed() >= 2
        for was_ns, deadline_ns in zip(before, pair.deadlines_ns(), strict=True):
            assert deadline_ns > was_ns
            assert deadline_ns - said_ns >= 3 * 50_000_000
        pair.look()
        pair.compare()
        pair.lapse()
        assert pair.snapshot(pair.filtered).state is State.MASTER
        pair.compare()
        pair.end()


@pytest.mark.lab
@FAMILIES
@needs_bpf
def test_the_order_of_what_waits_is_kept(family: int, version: int) -> None:
    """Several at once, before anybody listens: the last word counts, whoever was first."""
    pair = Pair()
    own = Own(family, version, priority=100, interval_cs=100)
    good = advert(own)
    other = source(family, 3)
    for between in (
        advert(own, priority=0),
        advert(own, priority=150),
        advert(own, priority=50),
        advert(own, source=other, priority=220),
        advert(own, source=other, priority=0),
        advert(own, checksum_error=1),
    ):
        for burst in ((between, good), (good, between), (good, between, good), (between, good, between)):
            pair.begin(own)
            pair.say(good)
            pair.say(*burst)
            pair.compare()
            pair.end()

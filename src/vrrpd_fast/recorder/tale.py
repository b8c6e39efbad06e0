"""A transition as an event: what led to it and what was done, in order of time (docs/EVENTS.md)."""

from collections.abc import Iterable, Iterator
from typing import Any

from vrrpd_fast.model import JSON, Instance, Reason, State, Transition
from vrrpd_fast.story import MARKS_LIMIT, Mark

_US = 1000  # ns


def step(at_ns: int, what: str, **facts: Any) -> JSON:
    """One step, `at_ns` from the transition's time; facts that are None are left out."""
    return {"at_us": round(at_ns / _US), "what": what} | {
        key: value for key, value in facts.items() if value is not None
    }


def transition(event: Transition) -> JSON:
    """The transition itself: states, reason, and who is or was the master."""
    facts: JSON = {"old": event.old.name, "new": event.new.name, "reason": event.reason.name.lower()}
    if event.master_address is not None:
        facts["master_address"] = str(event.master_address)
        facts["master_priority"] = event.master_priority
    return facts


def steps(event: Transition, instance: Instance, priority: int, marks: Iterable[Mark]) -> list[JSON]:
    """What led to a transition, what was sent with it, and what the story has of it."""
    found = [*_causes(event, instance), *_sent(event, instance, priority), *work(event.at_ns, marks)]
    return sorted(found, key=lambda each: int(each["at_us"]))


def lateness(event: Transition, marks: Iterable[Mark]) -> Iterator[tuple[int, int]]:
    """How many ns after its down timer a takeover had done each step, by its number in the stats segment."""
    if event.new is not State.MASTER or event.deadline_ns < 0:
        return
    ends: dict[str, int] = {}
    for at_ns, what, _, took_ns, _ in marks:
        ends[what] = max(ends.get(what, 0), at_ns + took_ns)
    for step, what in ((1, "addresses_added"), (2, "announced")):
        if what in ends:
            yield step, ends[what] - event.deadline_ns


def work(at_ns: int, marks: Iterable[Mark]) -> list[JSON]:
    """Steps of a story whose transition was at `at_ns`."""
    found = []
    for began_ns, what, count, took_ns, facts in marks:
        each: JSON = {"at_us": round((began_ns - at_ns) / _US), "what": what}
        if count:
            each["count"] = count
        if took_ns:
            each["took_us"] = round(took_ns / _US)
        if facts:
            each |= facts
        found.append(each)
    return found


def too_long(lost: int) -> str:
    """What is said of a story with too many steps."""
    return f"{lost} steps more than {MARKS_LIMIT}"


def _causes(event: Transition, instance: Instance) -> list[JSON]:
    who = None if event.master_address is None else str(event.master_address)
    priority = event.master_priority
    match event.reason:
        case Reason.NO_ADVERT:
            return [*_last_heard(event, instance), _down_timer(event)]
        case Reason.RESIGNED:
            timer = _down_timer(event)
            at_ns = timer["at_us"] * _US - event.skew_ns
            return [step(at_ns, "priority_zero_heard", **{"from": who}), timer]
        case Reason.PREEMPT:
            timer = _down_timer(event)
            return [step(timer["at_us"] * _US, "rival_heard", **{"from": who}, priority=priority), timer]
        case Reason.HIGHER_PRIORITY | Reason.HIGHER_ADDRESS:
            return [step(0, "winner_heard", **{"from": who}, priority=priority)]
    return []


def _last_heard(event: Transition, instance: Instance) -> list[JSON]:
    if event.silence_ns < 0 or event.master_address is None:
        return []
    interval_ns = (event.down_interval_ns - event.skew_ns) // instance.down_timer_adverts
    return [
        step(
            -event.silence_ns,
            "advert_heard",
            **{"from": str(event.master_address)},
            priority=event.master_priority,
            late_us=round((event.silence_ns - interval_ns) / _US),
        )
    ]


def _down_timer(event: Transition) -> JSON:
    deadline_ns = event.deadline_ns if event.deadline_ns >= 0 else event.at_ns
    is_skew = event.reason is Reason.RESIGNED
    return step(
        deadline_ns - event.at_ns,
        "down_timer",
        interval_us=None if is_skew else round(event.down_interval_ns / _US),
        skew_us=round(event.skew_ns / _US),
        late_us=round((event.at_ns - deadline_ns) / _US),
    )


def _sent(event: Transition, instance: Instance, priority: int) -> list[JSON]:
    if event.sent_ns < 0:
        return []
    at_ns = event.sent_ns - event.at_ns
    if event.new is State.MASTER:
        return [step(at_ns, "advert_sent", priority=priority)]
    is_outranked = event.reason in (Reason.HIGHER_PRIORITY, Reason.HIGHER_ADDRESS)
    if event.old is State.MASTER and not is_outranked:
        return [step(at_ns, "priority_zero_sent")]
    if event.old is State.MASTER and instance.higher_prio_send_advert:
        return [step(at_ns, "advert_sent", priority=priority)]
    return []

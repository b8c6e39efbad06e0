"""What would have to happen for a virtual router to change its state, computed from what is known of it."""

from collections.abc import Iterator
from typing import Any

from .steps import day_clock, span

JSON = dict[str, Any]

OWNER = 255
ROUND_S = 1.5
_KINDS = {
    "script": "vrrp_script",
    "process": "vrrp_track_process",
    "probe": "vrrp_probe",
    "file": "track_file",
}


def title(each: JSON) -> str:
    return f"{_KINDS.get(each['type'], each['type'])} {each['name']}"


def prospects(instance: JSON, newest: JSON | None, now: float) -> Iterator[str]:
    """What would have to happen for the state to change, the nearest first."""
    match instance["state"]:
        case "MASTER":
            yield from _from_master(instance, newest)
        case "BACKUP":
            yield from _from_backup(instance, now)
        case "FAULT":
            yield from _from_fault(instance)
        case _:
            yield f"begins when the reason is over: {instance['reason']}"


def _from_master(instance: JSON, newest: JSON | None) -> Iterator[str]:
    own = instance["effective_priority"]
    if own == OWNER:
        yield "stays MASTER while it can: it owns its addresses (priority 255)"
    else:
        yield (
            f"becomes BACKUP when a master with a priority above {own} is heard, or with {own} and a "
            "higher address"
        )
        rival = _rival(newest)
        if rival is not None:
            who, priority = rival
            yield f"{who} would take over when our priority drops below its own, last known as {priority}"
        yield from _losses(instance, own)
    yield from _faults(instance)


def _rival(newest: JSON | None) -> tuple[str, int] | None:
    """The other router, as the last transition knew it."""
    if newest is None or not newest.get("master_address") or not newest.get("master_priority"):
        return None
    return newest["master_address"], newest["master_priority"]


def _losses(instance: JSON, own: int) -> Iterator[str]:
    for each in instance["tracking"]:
        weight, part = _signed(each), each["contribution"]
        if not isinstance(part, int) or "value" in each or not weight:
            continue
        lost = part if weight > 0 else (-weight if part == 0 else 0)
        if lost > 0:
            yield f"{title(each)}: if it fails, the priority is {_held(own - lost)}"


def _gains(instance: JSON) -> Iterator[tuple[JSON, int]]:
    """Trackers that take something away now, or do not give what they could."""
    for each in instance["tracking"]:
        weight, part = _signed(each), each["contribution"]
        if not isinstance(part, int) or "value" in each or not weight:
            continue
        gain = weight - part if weight > 0 else -part
        if gain > 0:
            yield each, gain


def _signed(each: JSON) -> int:
    return int(-each["weight"] if each.get("reverse") else each["weight"])


def _held(priority: int) -> int:
    return min(254, max(1, priority))


def _from_backup(instance: JSON, now: float) -> Iterator[str]:
    own, other = instance["effective_priority"], instance["master_priority"]
    who = instance["master_address"]
    yield _silence(instance, who, now)
    operator = instance.get("operator") or {}
    if operator.get("yields"):
        until = operator.get("until")
        end = "" if until is None else f", until {day_clock(until, now)}"
        yield f"does not preempt {who or 'a master'}: the operator has had it resign{end}"
    elif who is None:
        pass
    elif other < own:
        yield from _waits_to_preempt(instance, who, other, own)
    elif instance.get("preempt") is False:
        yield f"does not preempt {who}, whatever the priorities are (nopreempt)"
    elif other == OWNER:
        yield f"{who} owns the addresses (priority 255) and is not preempted"
    else:
        yield f"becomes MASTER when the priority of {who} ({other}) drops below {own}" + (
            f", or ours rises above {other}"
        )
        for each, gain in _gains(instance):
            reached = _held(own + gain)
            enough = f"which is above {other}" if reached > other else f"which is not above {other}"
            yield f"{title(each)} would give {gain:+d}: {reached}, {enough}"
    yield from _faults(instance)


def _silence(instance: JSON, who: str | None, now: float) -> str:
    """The engine writes when it heard the master about once a second: what is shorter is not told from it."""
    deadline, heard = instance.get("down_deadline"), instance.get("last_advert")
    left = 0.0 if deadline is None else deadline - now
    if who is None or heard is None:
        more = f" for {span(left * 1e6)} more" if left > 0 else ""
        return f"becomes MASTER when no master is heard{more}"
    if deadline is None:
        return f"becomes MASTER when {who} is silent for its down interval"
    whole = deadline - heard
    if left <= 0 or whole < ROUND_S:
        return f"becomes MASTER when {who} is silent for {span(whole * 1e6)}"
    return f"becomes MASTER when {who} is silent for {span(left * 1e6)} more ({span(whole * 1e6)} in all)"


def _waits_to_preempt(instance: JSON, who: str, other: int, own: int) -> Iterator[str]:
    if instance.get("preempt") is False:
        yield f"does not preempt {who}, though its priority {other} is below {own} (nopreempt)"
    elif instance.get("preempt_delay"):
        delay = span(instance["preempt_delay"] * 1e6)
        yield f"preempts {who}, whose priority {other} is below {own}, after preempt_delay ({delay})"
    elif instance.get("group"):
        yield f"preempts {who}, whose priority {other} is below {own}, when all of {instance['group']} can"
    else:
        yield f"preempts {who}, whose priority {other} is below {own}, when its down timer runs out"


def _from_fault(instance: JSON) -> Iterator[str]:
    bad = [each for each in instance["tracking"] if each["contribution"] == "fault"]
    for each in bad:
        yield f"leaves FAULT when {title(each)} is up again" + (
            " and nothing else is wrong" if bad[1:] else ""
        )
    if not bad:
        yield f"leaves FAULT when this is over: {instance['reason']}"


def _faults(instance: JSON) -> Iterator[str]:
    """What would be a fault."""
    ones = [f"interface {instance['interface']}"] if instance.get("interface") else []
    ones += [title(each) for each in instance["tracking"] if each["weight"] == 0 and "value" not in each]
    if ones:
        yield (
            f"FAULT when one of these fails: {', '.join(ones)}"
            if len(ones) > 1
            else f"FAULT when {ones[0]} fails"
        )

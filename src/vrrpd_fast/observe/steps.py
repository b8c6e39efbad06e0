"""Events as lines for people: what happened, and the steps of a transition with their times."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

Event = dict[str, Any]
Step = dict[str, Any]


def clock(seconds: float, digits: int = 6) -> str:
    """Local time of day; `digits` of the second's fraction."""
    text = datetime.fromtimestamp(seconds).strftime("%H:%M:%S.%f")
    return text[: 9 + digits] if digits else text[:8]


def day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d")


def day_clock(seconds: float, now: float) -> str:
    """A time of today without its date."""
    return clock(seconds, 3) if day(seconds) == day(now) else f"{day(seconds)} {clock(seconds, 3)}"


def ago(seconds: float) -> str:
    """12 s ago, 3 min ago, 5 h ago, 2 days ago."""
    if seconds < 60:
        return f"{max(0.0, seconds):.0f} s ago"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    if seconds < 2 * 86400:
        return f"{seconds / 3600:.0f} h ago"
    return f"{seconds / 86400:.0f} days ago"


def span(microseconds: float) -> str:
    """A time as a person would say it: 95 µs, 2.3 ms, 361 ms, 12.5 s."""
    size = abs(microseconds)
    if size < 999.5:
        return f"{microseconds:.0f} µs"
    if size < 99_950:
        return f"{microseconds / 1e3:.1f} ms"
    if size < 999_500:
        return f"{microseconds / 1e3:.0f} ms"
    return f"{microseconds / 1e6:.3f}".rstrip("0").rstrip(".") + " s"


def offset(step: Step) -> str:
    """When a step was, from the transition: −361 ms, +95 µs."""
    at = step["at_us"]
    return ("+" if at >= 0 else "−") + span(abs(at))


def step_text(step: Step) -> str:
    """What was done, as half a sentence."""
    tell = _STEPS.get(step["what"])
    return step["what"].replace("_", " ") if tell is None else tell(step)


def _took(step: Step) -> str:
    took = f" in {span(step['took_us'])}" if "took_us" in step else ""
    refused = f", {step['refused']} refused" if "refused" in step else ""
    return took + refused


def _count(one: str, many: str) -> Callable[[Step], str]:
    def text(step: Step) -> str:
        count = step.get("count", 1)
        return f"{count} {one if count == 1 else many}{_took(step)}"

    return text


def _down_timer(step: Step) -> str:
    length = step.get("interval_us") or step.get("skew_us") or 0
    what = "down timer" if "interval_us" in step else "skew time after priority 0"
    late = f", noticed {span(step['late_us'])} later" if step.get("late_us") else ""
    return f"{what} of {span(length)} ran out{late}"


def _heard(step: Step) -> str:
    late = step.get("late_us", 0)
    missed = f"; the next one, due {span(late)} before the timer's end, never came" if late > 0 else ""
    return f"last advert from {step.get('from')}, priority {step.get('priority')}{missed}"


_STEPS: dict[str, Callable[[Step], str]] = {
    "advert_heard": _heard,
    "priority_zero_heard": lambda step: f"priority 0 from {step.get('from')}",
    "rival_heard": lambda step: (
        f"{step.get('from')} with priority {step.get('priority')} was heard and ignored"
    ),
    "winner_heard": lambda step: f"advert from {step.get('from')}, priority {step.get('priority')}",
    "down_timer": _down_timer,
    "advert_sent": lambda step: f"advert sent, priority {step.get('priority')}",
    "priority_zero_sent": lambda step: "priority 0 sent",
    "addresses_added": _count("address added", "addresses added"),
    "addresses_removed": _count("address removed", "addresses removed"),
    "routes_added": _count("route or rule added", "routes and rules added"),
    "routes_removed": _count("route or rule removed", "routes and rules removed"),
    "firewall": _count("address shielded (no_accept)", "addresses shielded (no_accept)"),
    "announced": _count("announcement (ARP or NA) sent", "announcements (ARP or NA) sent"),
    "announced_again": _count("announcement repeated", "announcements repeated"),
    "fifo": lambda step: f"FIFO: {step.get('line')}",
    "script_started": lambda step: f"{step.get('word')} script started",
    "script_ended": lambda step: f"{step.get('word')} script ended: {step.get('result')}{_took(step)}",
}


def event_text(event: Event) -> str:
    """One event in one line, without its time and the name of the virtual router."""
    tell = _EVENTS.get(event["event"])
    return str(event.get("text", "")) if tell is None else tell(event)


def _transition(event: Event) -> str:
    return f"{event['old']} -> {event['new']}: {event.get('text', '')} [{event.get('id', '')}]"


def _tracker(event: Event) -> str:
    old = f" (was {event['old']})" if event.get("old") is not None else ""
    result = f", {event['result']}" if event.get("result") else ""
    return f"{event.get('type')} {event.get('tracker')} is {event.get('new')}{old}{result}"


def _reload(event: Event) -> str:
    return "; ".join([event.get("text", ""), *event.get("findings", [])])


_EVENTS: dict[str, Callable[[Event], str]] = {
    "transition": _transition,
    "steps": lambda event: f"[{event.get('id')}] " + ", ".join(map(step_text, event.get("steps", ()))),
    "group": lambda event: (
        f"vrrp_sync_group {event.get('group')} is {event.get('state')} [{event.get('id')}]"
    ),
    "priority": lambda event: f"priority {event.get('old')} -> {event.get('new')}: {event.get('sum')}",
    "tracker": _tracker,
    "reload": _reload,
    "late": lambda event: f"a tick came {span(event.get('late_us', 0))} late: {event.get('text')}",
    "loss": lambda event: f"{event.get('text')}: {event.get('count')}",
    "start": lambda event: (
        f"vrrpd-fast {event.get('version')} started, process {event.get('pid')}, "
        f"{event.get('instances')} virtual routers"
    ),
    "gap": lambda event: f"events {event['from']} to {event['to']} are not there any more",
}

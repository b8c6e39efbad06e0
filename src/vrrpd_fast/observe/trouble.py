"""What is the matter with a virtual router, and how much: for summaries, and to put the worst on top."""

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from vrrpd_fast.observe.rates import errors

RECENT = 60.0  # seconds for which a change of state is news
LATE_NS = 10_000_000  # a takeover's advert that much behind its time

JSON = dict[str, Any]


class Trouble(NamedTuple):
    """Compares by how bad it is; `text` is empty when nothing is."""

    rank: int
    measure: float
    text: str


NONE = Trouble(0, 0, "")


def trouble(each: JSON, moved: Mapping[str, int] | None, seconds: float, now: float) -> Trouble:
    """The worst of it. `moved` is how far its counters did in the last `seconds`; `now` is epoch seconds."""
    state = each["state"]
    if state == "FAULT":
        return Trouble(6, each["last_transition"], each["reason"])
    if moved and (wrong := errors(moved)):
        text = ", ".join(f"{name} {count / seconds:.1f}/s" for name, count in wrong.items())
        return Trouble(5, sum(wrong.values()), text)
    if state == "INIT":
        return Trouble(4, each["last_transition"], each["reason"])
    if has_changed(each, now):
        return Trouble(3, each["flaps"], each["reason"])
    if found := [*orders(each), *losses(each)]:
        return Trouble(2, each["priority"] - each["effective_priority"], ", ".join(found))
    if (late := each["lateness_ns"]) is not None and late >= LATE_NS:
        return Trouble(1, late, "its last takeover was late")
    return NONE


def has_changed(each: JSON, now: float) -> bool:
    """Whether it changed its state just now; that it was started is no news."""
    return bool(now - each["last_transition"] < RECENT and each["flaps"] > 1)


def orders(each: JSON) -> list[str]:
    """What an operator has ordered of it and not taken back."""
    order = each.get("operator") or {}
    found = []
    if order.get("yields"):
        until = order.get("until")
        end = "until that is taken back" if until is None else f"until {moment(until)}"
        found.append(f"resigned by the operator {end}")
    if order.get("priority") is not None:
        found.append(f"base priority {order['priority']} by the operator (configured {each['priority']})")
    return found


def moment(when: float) -> str:
    """Local time of day of an epoch second, with the day if it is another one."""
    local = time.localtime(when)
    is_today = local[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S", local)


def losses(each: JSON) -> list[str]:
    """What its trackers take from the best priority that they could give."""
    return [text for tracker in each["tracking"] if (text := _loss(tracker))]


def _loss(tracker: JSON) -> str | None:
    """`CHK is down (-2)`; None when nothing."""
    weight = 0 if tracker["type"] == "file" else tracker["weight"]  # the number in a file has no best
    best = max(0, -weight if tracker["reverse"] else weight)
    part = tracker["contribution"]
    if not isinstance(part, int):
        return f"{tracker['name']} is {tracker_state(tracker)} ({part})"
    return f"{tracker['name']} is {tracker_state(tracker)} ({part - best:+d})" if part < best else None


def tracker_state(tracker: JSON) -> str:
    """Of a file the number in it, if there is one."""
    is_number = tracker["type"] == "file" and tracker["state"] == "read"
    return str(tracker["value"] if is_number else tracker["state"])

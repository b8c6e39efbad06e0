"""Why a virtual router is what it is: from its entry in the stats segment and its events, nothing else.

`examine` gathers, `as_text` tells. Either source may be missing: then what the other says has to do.
"""

import textwrap
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from .prospects import prospects, title
from .steps import ago, clock, day, day_clock, event_text, offset, span, step_text

JSON = dict[str, Any]

WIDTH = 80
CLAIMS = ("complaint", "challenged")


def needles(name: str, trackers: Iterable[str]) -> list[bytes]:
    """What the JSON of an event has that may concern a virtual router, for events.read."""
    words = [("instance", name), *(("tracker", tracker) for tracker in trackers)]
    return [f'"{key}":'.encode() + msgspec.json.encode(value) for key, value in words]


def examine(
    name: str, instance: JSON | None, events: Iterable[JSON], *, count: int = 5, now: float | None = None
) -> JSON:
    """All that is known of one: `instance` as the segment has it, or None; `events` oldest first.

    The last `count` transitions, newest first, with the steps that came later.
    """
    now = time.time() if now is None else now
    tracked = {(each["type"], each["name"]) for each in (instance or {}).get("tracking") or ()}
    transitions: list[JSON] = []
    by_id: dict[str, JSON] = {}  # the last one with it: a sync group's may have several
    newest: JSON | None = None
    told: list[JSON] = []
    claims: dict[str, JSON] = {}
    for event in events:
        kind = event["event"]
        if kind == "tracker":
            if (event.get("type"), event.get("tracker")) in tracked:
                told.append(event)
        elif event.get("instance") != name:
            continue
        elif kind == "transition":
            newest = {**event, "steps": list(event.get("steps", ()))}
            transitions.append(newest)
            by_id[event["id"]] = newest
        elif kind == "steps" and event.get("id") in by_id:
            by_id[event["id"]]["steps"] += event.get("steps", ())
        elif kind in CLAIMS:
            _claim(claims, event)
        elif kind in ("priority", "operator"):
            told.append(event)
    return {
        "name": name,
        "state": _state(instance, newest),
        "since": (instance or {}).get("last_transition") or (newest or {}).get("time"),
        "sentence": _sentence(name, instance, newest, now),
        "next": list(prospects(instance, newest, now)) if instance is not None else [],
        "priority": _priority(instance, newest),
        "changes": told[-count:][::-1] if count else [],
        "claims": list(claims.values()),
        "transitions": transitions[-count:][::-1] if count else [],
    }


def _state(instance: JSON | None, newest: JSON | None) -> str | None:
    if instance is not None:
        return str(instance["state"])
    return None if newest is None else str(newest["new"])


def _claim(claims: dict[str, JSON], event: JSON) -> None:
    """Who else claims the VRID, or speaks oddly for it: once for each sender and complaint, with a count."""
    key = f"{event.get('from')} {event.get('what', event['event'])}"
    former = claims.pop(key, None)
    claims[key] = {
        "from": event.get("from"),
        "what": event.get("what", event["event"]),
        "text": event.get("text", ""),
        "last": event["time"],
        "times": 1 if former is None else former["times"] + 1,
    }


# -- the sentence -----------------------------------------------------------------------------------------


def _sentence(name: str, instance: JSON | None, newest: JSON | None, now: float) -> str:
    state = _state(instance, newest)
    if state is None:
        return f"{name}: nothing is known of it."
    since = (instance or {}).get("last_transition") or (newest or {}).get("time")
    when = "" if since is None else f" since {day_clock(since, now)} ({ago(now - since)})"
    reason = (instance or {}).get("reason") or (newest or {}).get("text") or ""
    parts = [f"{name} is {state}{when}: {reason}"]
    if newest is not None and newest["new"] == state:
        parts += _more(newest)
    return "; ".join(parts) + "."


def _more(event: JSON) -> Iterator[str]:
    """What the reason does not say: a priority that was moved, and how long the takeover took."""
    if event["reason"] in ("higher_priority", "preempt", "higher_address") and "," in event.get("sum", ""):
        yield f"its priority was {event['sum']}"
    if event["new"] == "MASTER":
        at = [each["at_us"] for each in event["steps"] if each["what"] == "announced"]
        if at:
            yield f"its addresses were announced {span(max(at))} later"


# -- the priority -----------------------------------------------------------------------------------------


def _priority(instance: JSON | None, newest: JSON | None) -> JSON | None:
    if instance is None:
        return None if newest is None else {"effective": newest["priority"], "sum": newest.get("sum", "")}
    trackers = [
        {
            key: each[key]
            for key in (
                *("name", "type", "state", "value", "weight", "reverse", "contribution"),
                *("last_result", "detail"),
            )
            if each.get(key) is not None
        }
        for each in instance["tracking"]
    ]
    operator = instance.get("operator") or {}
    return {
        "effective": instance["effective_priority"],
        "configured": instance["priority"],
        "operator": operator.get("priority"),
        "sum": instance.get("priority_sum") or _sum(instance, operator),
        "tracking": trackers,
    }


def _sum(instance: JSON, operator: JSON) -> str:
    base = operator.get("priority") or instance["priority"]
    owner = "by the operator" if operator.get("priority") else "base"
    parts = [
        f"{each['contribution']:+d} {each['name']}"
        for each in instance["tracking"]
        if isinstance(each["contribution"], int) and each["contribution"]
    ]
    return ", ".join([f"{base} {owner}", *parts]) + f" = {instance['effective_priority']}"


# -- text -------------------------------------------------------------------------------------------------


def as_text(why: JSON, width: int = WIDTH, now: float | None = None) -> str:
    """For people: the sentence, what would change it, the priority, who else claims it, the transitions."""
    now = time.time() if now is None else now
    lines = textwrap.wrap(why["sentence"], width)
    if why["next"]:
        lines += ["", "What would change that"]
        for each in why["next"]:
            lines += _item(each, width)
    if why["priority"] is not None:
        lines += ["", f"Priority {why['priority']['effective']}"]
        lines += _item(why["priority"]["sum"], width)
        lines += [line for each in why["priority"].get("tracking", ()) for line in _tracker(each, width)]
    for head, told in (("Who else claims it", why["claims"]), ("What moved lately", why["changes"])):
        if told:
            lines += ["", head]
            lines += [line for each in told for line in _told(each, width, now)]
    if why["transitions"]:
        lines += ["", "Last transitions"]
        for number, event in enumerate(why["transitions"]):
            lines += [""] if number else []
            lines += _transition(event, width)
    return "\n".join(lines) + "\n"


def _item(text: str, width: int, mark: str = "  - ") -> list[str]:
    return textwrap.wrap(text, width, initial_indent=mark, subsequent_indent=" " * len(mark))


def _tracker(each: JSON, width: int) -> list[str]:
    part = each["contribution"]
    gives = f"{part:+d}" if isinstance(part, int) else str(part)
    state = each.get("value", each.get("state"))
    said = "".join(f", {each[key]}" for key in ("last_result", "detail") if each.get(key))
    reverse = " reverse" if each.get("reverse") else ""
    return _item(
        f"{gives:>5}  {title(each)}: {state}{said} (weight {each['weight']}{reverse})", width, "    "
    )


def _told(each: JSON, width: int, now: float) -> list[str]:
    if "times" in each:
        times = "" if each["times"] == 1 else f" ({each['times']} times)"
        return _item(f"{day_clock(each['last'], now)}  {each['text']}{times}", width)
    return _item(f"{day_clock(each['time'], now)}  {event_text(each)}", width)


def _transition(event: JSON, width: int) -> list[str]:
    head = f"{day(event['time'])} {clock(event['time'])}  {event['old']} -> {event['new']}"
    lines = [f"  {head}  [{event['id']}]"]
    lines += _item(event.get("text", ""), width, "    ")
    if event.get("group"):
        lines += _item(f"with its vrrp_sync_group {event['group']}", width, "    ")
    lines += _item(f"priority {event.get('sum', event['priority'])}", width, "    ")
    steps: Sequence[JSON] = sorted(event["steps"], key=lambda each: int(each["at_us"]))
    for each in steps:
        lines += textwrap.wrap(
            step_text(each),
            width,
            initial_indent=f"    {offset(each):>10}  ",
            subsequent_indent=" " * 16,
        )
    if event.get("cut"):
        lines += _item(f"the story is cut short: {event['cut']}", width, "    ")
    return lines

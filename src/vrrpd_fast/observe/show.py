"""A status for people: a summary, what is out of the ordinary, then the table. One snapshot in, text out.

Fits 80 columns, with one line a virtual router; the details are there for who names one.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from vrrpd_fast.observe.text import cut, duration, pad, printable, width

STATES = ("FAULT", "INIT", "MASTER", "BACKUP")  # what asks for attention comes first
NAME_LIMIT = 16
EXCEPTION_LIMIT = 20

Instance = dict[str, Any]


def as_table(status: dict[str, Any], now: float | None = None) -> str:
    """Summary, exceptions, and one line each. `now` is seconds since the epoch."""
    now = time.time() if now is None else now
    instances = status["instances"]
    lines = [_title(status), _summary(instances)]
    if exceptions := _exceptions(instances):
        lines += ["", *exceptions]
    if instances:
        lines += ["", *_table([_row(each, now) for each in instances])]
    return "\n".join(lines) + "\n"


def as_details(status: dict[str, Any], now: float | None = None) -> str:
    """Everything about each instance."""
    now = time.time() if now is None else now
    return "\n".join(_details(each, now) for each in status["instances"])


def _title(status: dict[str, Any]) -> str:
    up = duration(status["uptime"])
    text = f"vrrpd-fast {status['version']} on {status['router_id']}, process {status['pid']}, up {up}"
    return printable(text)


def _summary(instances: Sequence[Instance]) -> str:
    count = Counter(each["state"] for each in instances)
    parts = [f"{count[state]} {state}" for state in STATES if count[state]]
    noun = "virtual router" if len(instances) == 1 else "virtual routers"
    return f"{len(instances)} {noun}" + (": " + ", ".join(parts) if parts else "")


def _exceptions(instances: Iterable[Instance]) -> list[str]:
    """Who is in FAULT and why, then who lacks some of the priority that its trackers could give."""
    faults = [f"{each['name']} FAULT: {each['reason']}" for each in instances if each["state"] == "FAULT"]
    lacking = []
    for each in instances:
        losses = [loss for tracker in each["tracking"] if (loss := _loss(tracker))]
        if each["state"] != "FAULT" and losses:
            what = (
                f"{each['name']} {each['state']}: priority {each['effective_priority']}, {', '.join(losses)}"
            )
            lacking.append(what)
    lines = list(map(printable, faults + lacking))
    if len(lines) > EXCEPTION_LIMIT:
        lines[EXCEPTION_LIMIT:] = [f"… and {len(lines) - EXCEPTION_LIMIT} more"]
    return lines


def _loss(tracker: dict[str, Any]) -> str | None:
    """What a tracker takes from the best priority it could give; None when nothing."""
    weight = 0 if tracker["type"] == "file" else tracker["weight"]  # the number in a file has no best
    best = max(0, -weight if tracker["reverse"] else weight)
    part = tracker["contribution"]
    if not isinstance(part, int):
        return f"{tracker['name']} is {_state(tracker)} ({part})"
    return f"{tracker['name']} is {_state(tracker)} ({part - best:+d})" if part < best else None


def _state(tracker: dict[str, Any]) -> str:
    """Of a file the number in it, if there is one."""
    is_number = tracker["type"] == "file" and tracker["state"] == "read"
    return str(tracker["value"] if is_number else tracker["state"])


HEADER = ("NAME", "INTERFACE", "VRID", "IP", "STATE", "PRIO", "SINCE", "MASTER")
RIGHT = frozenset(("VRID", "PRIO"))


def _row(each: Instance, now: float) -> tuple[str, ...]:
    master = "this router" if each["state"] == "MASTER" else each["master_address"] or "-"
    return (
        cut(printable(each["name"]), NAME_LIMIT),
        printable(each["interface"]),
        str(each["virtual_router_id"]),
        each["address_family"].removeprefix("ip"),
        each["state"],
        str(each["effective_priority"]),
        duration(now - each["last_transition"]),
        master,
    )


def _table(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(width, column)) for column in zip(HEADER, *rows, strict=True)]
    for row in (HEADER, *rows):
        cells = (
            pad(cell, width, right=title in RIGHT)
            for cell, width, title in zip(row, widths, HEADER, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _details(each: Instance, now: float) -> str:
    master = each["master_address"] or "none heard"
    if each["state"] == "MASTER":
        master = f"this router ({each['master_address']})" if each["master_address"] else "this router"
    priority = str(each["effective_priority"])
    if each["priority_sum"] != f"{priority} base = {priority}":
        priority += f" ({each['priority_sum'].rpartition(' = ')[0]})"
    facts = [
        ("state", f"{each['state']} for {duration(now - each['last_transition'])}"),
        ("reason", each["reason"] or "-"),
        (
            "virtual router",
            f"VRID {each['virtual_router_id']} on {each['interface']}, "
            f"VRRPv{each['version']} over IP{each['address_family'].removeprefix('ip')}",
        ),
        ("priority", priority),
        ("master", f"{master}, priority {each['master_priority']}"),
        ("interval", f"{each['advert_int']:g} s, the master's {each['master_advert_int']:g} s"),
        *_listed("addresses", each["virtual_addresses"]),
        *_listed("tracking", map(_tracker, each["tracking"])),
        *_listed("counters", _counters(each["statistics"])),
    ]
    lines = [printable(each["name"])]
    lines += [f"  {label:<15} {printable(text)}" for label, text in facts]
    return "\n".join(lines) + "\n"


def _listed(label: str, values: Iterable[str]) -> Iterable[tuple[str, str]]:
    for number, value in enumerate(values):
        yield (label if number == 0 else "", value)


def _tracker(tracker: dict[str, Any]) -> str:
    part = tracker["contribution"]
    effect = f"priority {part:+d}" if isinstance(part, int) else part
    text = f"{tracker['type']} {tracker['name']}: {_state(tracker)}, {effect}"
    if "count" in tracker:
        text += f" ({tracker['count']} running)"
    if tracker.get("damped") is not None:
        text += f" (flaps, to be up for {tracker['damped']:.0f} s more)"
    if tracker.get("last_result") is not None:
        text += f" (last: {tracker['last_result']} in {tracker['last_duration'] * 1000:.0f} ms)"
    return text


def _counters(statistics: dict[str, int]) -> Iterable[str]:
    """Those that moved."""
    moved = [(name, value) for name, value in statistics.items() if value]
    return [f"{name} {value}" for name, value in moved] or ["all zero"]

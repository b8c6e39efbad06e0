"""A status for people: a summary, what is out of the ordinary, then the table. One snapshot in, text out.

One line a virtual router, which fits 80 columns and says more where there are more; the details are there for
who names one.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from vrrpd_fast.observe.heading import summary, title
from vrrpd_fast.observe.table import lines, total_width
from vrrpd_fast.observe.text import cut, duration, printable, width
from vrrpd_fast.observe.trouble import losses, orders, tracker_state

NAME_LIMIT = 16
EXCEPTION_LIMIT = 20
ALIKE_FROM = 3
REASON_LIMIT = 20  # a column of less says nothing
WIDTH = 80

Instance = dict[str, Any]


def as_table(
    status: dict[str, Any], now: float | None = None, *, columns: int = WIDTH, total: int | None = None
) -> str:
    """Summary, exceptions, and one line each, so wide.

    `now` is seconds since the epoch; `total` how many virtual routers there are if these are not all.
    """
    now = time.time() if now is None else now
    instances = status["instances"]
    text = [title(status, now), summary(instances, total)]
    if exceptions := _exceptions(instances, columns):
        text += ["", *exceptions]
    if instances:
        text += ["", *_table(instances, now, columns)]
    return "\n".join(text) + "\n"


def as_details(status: dict[str, Any], now: float | None = None) -> str:
    """Everything about each instance; first, if the daemon does not run, that it does not."""
    now = time.time() if now is None else now
    parts = [_details(each, now) for each in status["instances"]]
    if status["condition"] != "running":
        parts.insert(0, title(status, now) + "\n")
    return "\n".join(parts)


def _exceptions(instances: Iterable[Instance], columns: int) -> list[str]:
    """Who is in FAULT and why, then who is under orders, or lacks some of the priority that trackers give.

    What is the matter with many is one line.
    """
    faults: dict[str, list[str]] = {}
    lacking: dict[str, list[str]] = {}
    for each in instances:
        if each["state"] == "FAULT":
            faults.setdefault(f"FAULT: {each['reason']}", []).append(each["name"])
        elif found := [*orders(each), *losses(each)]:
            text = f"{each['state']}: priority {each['effective_priority']}, {', '.join(found)}"
            lacking.setdefault(text, []).append(each["name"])
    told = [line for found in (faults, lacking) for line in _alike(found, columns)]
    if len(told) > EXCEPTION_LIMIT:
        told[EXCEPTION_LIMIT:] = [f"… and {len(told) - EXCEPTION_LIMIT} lines more"]
    return told


def _alike(found: dict[str, list[str]], columns: int) -> Iterable[str]:
    """`lan FAULT: eth0 is down` for each, or `300 FAULT: eth0 is down: lan1, lan2, …` for all together."""
    for text, names in found.items():
        if len(names) < ALIKE_FROM:
            yield from (printable(f"{name} {text}") for name in names)
        else:
            line = printable(f"{len(names)} {text}: {', '.join(names[:columns])}")
            yield cut(line, max(columns, len(text) + NAME_LIMIT))


HEADER = ("NAME", "INTERFACE", "VRID", "IP", "STATE", "PRIO", "SINCE", "MASTER")
RIGHT = frozenset(("VRID", "PRIO"))


def _table(instances: Sequence[Instance], now: float, columns: int) -> list[str]:
    """With whole names, groups and reasons as far as there is room for them."""
    shown = [list(column) for column in zip(HEADER, *(_row(each, now) for each in instances), strict=True)]
    widths = [max(map(width, column)) for column in shown]
    if total_width(widths) > columns:
        shown[0] = [cut(name, NAME_LIMIT) for name in shown[0]]
        widths[0] = min(widths[0], NAME_LIMIT)
    for column in (
        ["GROUP", *(printable(each.get("group") or "") for each in instances)],
        ["ADDRESSES", *map(_addresses, instances)],
    ):
        needed = max(map(width, column))
        if any(column[1:]) and total_width([*widths, needed]) <= columns:
            shown.append(column)
            widths.append(needed)
    room = columns - total_width([*widths, 0])
    if room >= REASON_LIMIT:
        shown.append(["REASON", *(cut(printable(each["reason"]), room) for each in instances)])
        widths.append(room)
    return lines(zip(*shown, strict=True), widths, [column[0] in RIGHT for column in shown])


def _row(each: Instance, now: float) -> tuple[str, ...]:
    master = "this router" if each["state"] == "MASTER" else each["master_address"] or "-"
    return (
        printable(each["name"]),
        printable(each["interface"]),
        str(each["virtual_router_id"]),
        each["address_family"].removeprefix("ip"),
        each["state"],
        str(each["effective_priority"]),
        duration(now - each["last_transition"]),
        master,
    )


def _addresses(each: Instance) -> str:
    """The first, and how many more."""
    first, *more = each["virtual_addresses"] or [""]
    return f"{first} +{len(more)}" if more else first


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
        *_listed("operator", orders(each)),
        *([("group", each["group"])] if each.get("group") else []),
        ("priority", priority),
        ("master", f"{master}, priority {each['master_priority']}"),
        ("interval", f"{each['advert_int']:g} s, the master's {each['master_advert_int']:g} s"),
        *_listed("addresses", each["virtual_addresses"]),
        *_listed("tracking", map(_tracker, each["tracking"])),
        *_listed("counters", _counters(each["statistics"])),
    ]
    text = [printable(each["name"])]
    text += [f"  {label:<15} {printable(value)}" for label, value in facts]
    return "\n".join(text) + "\n"


def _listed(label: str, values: Iterable[str]) -> Iterable[tuple[str, str]]:
    for number, value in enumerate(values):
        yield (label if number == 0 else "", value)


def _tracker(tracker: dict[str, Any]) -> str:
    part = tracker["contribution"]
    effect = f"priority {part:+d}" if isinstance(part, int) else part
    text = f"{tracker['type']} {tracker['name']}: {tracker_state(tracker)}, {effect}"
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

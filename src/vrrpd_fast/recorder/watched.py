"""Trackers and challengers as events: what changed, once."""

import time
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address
from itertools import islice

from vrrpd_fast.model import JSON
from vrrpd_fast.recorder.recorder import Recorder

NAMES = 16  # of virtual routers that an event lists
AGAIN_SECONDS = 60.0  # a challenger that goes on is told again
FACTS = ("value", "path", "last_output", "pid", "count", "target")  # of a tracker, beside its state

Address = IPv4Address | IPv6Address


class Watched:
    """What was recorded of each tracker and each challenger last."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._states: dict[tuple[str, str], object] = {}
        self._challengers: dict[str, tuple[int, Address | None, float]] = {}

    def tracker(self, entry: JSON, concerned: Collection[str]) -> None:
        """Something tracked may have changed; `entry` is its entry in the status contract."""
        key = entry["type"], entry["name"]
        now = entry["value"] if "value" in entry else entry.get("state")
        old = self._states.get(key)
        if now == old:
            return
        self._states[key] = now
        facts = {name: entry[name] for name in FACTS if entry.get(name) is not None}
        facts |= {"tracker": entry["name"], "type": entry["type"], "old": old, "new": now}
        facts |= {"result": entry.get("last_result"), "instances": list(islice(concerned, NAMES))}
        self._recorder.note("tracker", **facts, tracked_by=len(concerned))

    def challenge(self, name: str, generation: int, rival: tuple[Address, int] | None, own: int) -> None:
        """A MASTER of this name hears another one of lower priority; `generation` is that of its state."""
        address, priority = (None, 0) if rival is None else rival
        now = time.monotonic()
        former = self._challengers.get(name)
        if former is not None and former[:2] == (generation, address) and now < former[2] + AGAIN_SECONDS:
            return
        self._challengers[name] = generation, address, now
        facts: JSON = {} if address is None else {"from": str(address), "priority": priority}
        who = "another router" if address is None else str(address)
        text = f"{who} is MASTER too, with priority {priority}, which is lower than {own}"
        if priority == own:
            text = f"{who} is MASTER too, with the same priority and a lower address"
        self._recorder.note("challenged", instance=name, text=text, **facts)

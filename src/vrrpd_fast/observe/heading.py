"""The first lines of what shows a daemon: who it is, whether it runs, how many virtual routers are how."""

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from vrrpd_fast.observe.text import duration, printable

STATES = ("FAULT", "INIT", "MASTER", "BACKUP")  # what asks for attention comes first

JSON = dict[str, Any]


def title(status: JSON, now: float) -> str:
    """One line; that of a daemon that does not run begins with its condition. `now` is epoch seconds."""
    who = f"vrrpd-fast {status['version']} on {status['router_id']}"
    process, silence = f"process {status['pid']}", duration(now - status["written"])
    match status["condition"]:
        case "stuck":
            text = f"STUCK: {who}, {process}, gives no sign of life for {silence}; this is what it last said"
        case "stopped":
            when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(status["written"]))
            text = f"STOPPED: {who}, {process}, ended {silence} ago, {when}; this is what it last said"
        case _:
            text = f"{who}, {process}, up {duration(status['uptime'])}"
    return printable(text)


def summary(instances: Sequence[JSON], total: int | None = None) -> str:
    """How many are in which state; `total` is how many there are if those are not all."""
    count = Counter(each["state"] for each in instances)
    parts = [f"{count[state]} {state}" for state in STATES if count[state]]
    of = "" if total is None or total == len(instances) else f" of {total}"
    noun = "virtual router" if (total or len(instances)) == 1 else "virtual routers"
    return f"{len(instances)}{of} {noun}" + (": " + ", ".join(parts) if parts else "")

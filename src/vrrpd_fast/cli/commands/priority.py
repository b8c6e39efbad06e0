"""Set the base priority of a virtual router until it is `auto` again, it is reconfigured, or the daemon ends.

What trackers add counts as before. `auto` is what the configuration says.
"""

import argparse

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE
from vrrpd_fast.cli.output import write, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="virtual router")
    parser.add_argument("priority", metavar="N|auto", type=_priority, help="1 to 254, or auto")
    parser.add_argument("--json", action="store_true", help="as JSON")


def _priority(text: str) -> int | None:
    if text == "auto":
        return None
    priority = int(text)
    if not 1 <= priority <= 254:
        raise argparse.ArgumentTypeError("1 to 254, or auto: 255 is for who owns the addresses")
    return priority


def run(arguments: argparse.Namespace) -> int:
    orders = ask(arguments.socket, "SetPriority", name=arguments.name, priority=arguments.priority)
    if arguments.json:
        write_json(orders)
        return DONE
    base, configured = orders["base"], orders["configured"]
    stated = "as configured" if base == configured else f"configured is {configured}"
    trackers = orders["effective"] - base
    counted = f", trackers add {trackers:+d}" if trackers else ""
    write(f"priority {orders['before']} -> {orders['effective']}: base {base} ({stated}){counted}\n")
    return DONE

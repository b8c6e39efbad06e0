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
    answer = ask(arguments.socket, "SetPriority", name=arguments.name, priority=arguments.priority)
    if arguments.json:
        write_json(answer)
        return DONE
    configured, effective = answer["configured"], answer["effective"]
    base = f"{configured} as configured"
    if arguments.priority is not None:
        base = f"{arguments.priority} in place of the configured {configured}"
    write(f"base priority {base}; with what trackers add {effective}\n")
    return DONE

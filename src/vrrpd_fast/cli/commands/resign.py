"""Give mastership away for maintenance: a MASTER sends priority 0 and follows whoever takes over.

It does not take it back until its time is over or --cancel says so, unless no master is heard. The other
members of a sync group go with it.
"""

import argparse
from typing import Any

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE, UNUSABLE, CommandError
from vrrpd_fast.cli.output import write, write_json
from vrrpd_fast.cli.selection import has_pattern, matching
from vrrpd_fast.cli.snapshots import read_snapshot
from vrrpd_fast.observe.text import duration, listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="virtual routers, or patterns of names")
    parser.add_argument("--all", action="store_true", help="every virtual router")
    until = parser.add_mutually_exclusive_group()
    until.add_argument(
        "--for",
        dest="seconds",
        metavar="SECONDS",
        type=_seconds,
        help="take nothing back from a live master for so long (default: until --cancel)",
    )
    until.add_argument("--cancel", action="store_true", help="end it: they preempt again by their priority")
    parser.add_argument("--json", action="store_true", help="what was done as JSON")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < 1e8:
        raise argparse.ArgumentTypeError("more than 0 seconds, and less than three years")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    if arguments.all == bool(arguments.names):
        raise CommandError(["vrrpctl: resign: name virtual routers, or say --all"], UNUSABLE)
    names = _known(arguments.socket, arguments.names)
    if arguments.cancel:
        orders = ask(arguments.socket, "TakeBack", names=names)
        text = _cancelled(orders)
    else:
        orders = ask(arguments.socket, "Resign", names=names, for_seconds=arguments.seconds)
        text = _resigned(orders, arguments.seconds)
    if arguments.json:
        write_json(orders)
    else:
        write(text)
    return DONE


def _known(socket: str, names: list[str]) -> list[str]:
    """The names that names and patterns mean; of none, none, by which the daemon understands all."""
    if not any(map(has_pattern, names)):
        return names
    known = [each["name"] for each in read_snapshot(socket).instances]
    chosen, missing = matching(known, names)
    if missing:
        raise CommandError([f"vrrpctl: no virtual router is named {name!r}" for name in missing])
    return [name for name in known if name in chosen]


def _resigned(orders: dict[str, Any], seconds: float | None) -> str:
    resigned, held = orders["resigned"], orders["held"]
    until = "until `vrrpctl resign --cancel`" if seconds is None else f"for {duration(seconds)}"
    lines = [f"resigned: {listed(resigned)}"] if resigned else ["none of them was MASTER"]
    if held:
        lines.append(f"not MASTER anyway: {listed(held)}")
    lines.append(f"they take nothing back from a live master {until}")
    return "\n".join(lines) + "\n"


def _cancelled(orders: dict[str, Any]) -> str:
    freed = orders["freed"]
    return f"take part again: {listed(freed)}\n" if freed else "none of them had resigned\n"

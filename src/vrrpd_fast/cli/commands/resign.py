"""Give mastership away for maintenance: a MASTER sends priority 0 and follows whoever takes over.

It does not take it back until its time is over, unless no master is heard. The other members of a sync group
go with it.
"""

import argparse
from collections.abc import Iterator
from typing import Any

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE, FAILED, UNUSABLE, CommandError
from vrrpd_fast.cli.output import complain, write, write_json
from vrrpd_fast.cli.selection import has_pattern, matching
from vrrpd_fast.cli.snapshots import read_snapshot
from vrrpd_fast.observe.text import duration, listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", metavar="NAME", nargs="*", help="virtual routers, or patterns of names")
    parser.add_argument("--all", action="store_true", help="every virtual router")
    parser.add_argument(
        "--for",
        dest="seconds",
        metavar="SECONDS",
        type=_seconds,
        help="take nothing back from a live master for so long; 0 ends it now (default: until that is said)",
    )
    parser.add_argument("--json", action="store_true", help="what was done as JSON")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < 1e8:
        raise argparse.ArgumentTypeError("from 0 seconds to three years")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    if arguments.all == bool(arguments.names):
        raise CommandError(["vrrpctl: resign: name virtual routers, or say --all"], UNUSABLE)
    names = _known(arguments.socket, arguments.names or ["*"])
    answer = ask(arguments.socket, "Resign", names=names, for_seconds=arguments.seconds)
    if arguments.json:
        write_json(answer)
    else:
        write("".join(f"{line}\n" for line in _lines(answer, arguments.seconds)))
    refused = answer["refused"]
    complain(f"vrrpctl: {name} does not resign: {why}" for name, why in refused.items())
    return FAILED if refused else DONE


def _known(socket: str, names: list[str]) -> list[str]:
    """The names that names and patterns mean."""
    if not any(map(has_pattern, names)):
        return names
    known = [each["name"] for each in read_snapshot(socket).instances]
    chosen, missing = matching(known, names)
    if missing:
        raise CommandError([f"vrrpctl: no virtual router is named {name!r}" for name in missing])
    return [name for name in known if name in chosen]


def _lines(answer: dict[str, Any], seconds: float | None) -> Iterator[str]:
    resigned, held = answer["resigned"], answer["held"]
    if seconds == 0:
        yield "they preempt again as their priority says"
        return
    given = set(resigned)
    if resigned:
        yield f"resigned: {listed(resigned)}"
    if others := [name for name in held if name not in given]:
        yield f"not MASTER anyway: {listed(others)}"
    if held:
        until = "until `vrrpctl resign --for 0`" if seconds is None else f"for {duration(seconds)}"
        yield f"they take nothing back from a live master {until}"

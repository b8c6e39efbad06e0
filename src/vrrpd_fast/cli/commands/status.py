"""The state of the virtual routers: a summary, what is out of the ordinary, then a line each.

Up to five that are named are shown in full.
"""

import argparse

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE, FAILED
from vrrpd_fast.cli.output import complain, write, write_json
from vrrpd_fast.cli.selection import Selection, add_filters

DETAILS_UP_TO = 5  # named virtual routers that are shown in full


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser)
    parser.add_argument("--json", action="store_true", help="as JSON (docs/STATUS.md)")


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe import show

    selection = Selection(arguments)
    status = ask(arguments.socket, "GetStatus", names=selection.exact_names or [])
    status["instances"], missing = selection.of(status["instances"])
    if arguments.json:
        write_json(status)
    elif selection.names and 0 < len(status["instances"]) <= DETAILS_UP_TO:
        write(show.as_details(status))
    elif status["instances"] or not selection.names:
        write(show.as_table(status))
    complain(f"vrrpctl: no virtual router is named {name!r}" for name in missing)
    return FAILED if missing else DONE

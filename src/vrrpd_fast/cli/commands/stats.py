"""Counters of the virtual routers and the daemon: errors, adverts, how late it was, then a line each.

It is read from the stats segment, as by `status`. With --interval rates are shown as well.
"""

import argparse
import math
import time

from vrrpd_fast.cli.output import write, write_json
from vrrpd_fast.cli.selection import Selection, add_filters
from vrrpd_fast.cli.snapshots import outcome, read_snapshot


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--interval", metavar="SECONDS", type=_seconds, help="look twice, so far apart, and show rates"
    )
    parser.add_argument("--json", action="store_true", help="as JSON (docs/STATUS.md)")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds < math.inf:  # what the daemon writes is up to a second old
        raise argparse.ArgumentTypeError("at least 1 second")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe import counters
    from vrrpd_fast.observe.rates import Span

    selection = Selection(arguments)
    before = None
    if arguments.interval is not None:
        before = read_snapshot(arguments.socket, selection.exact_names)
        if before.condition == "running":
            time.sleep(arguments.interval)
    snapshot = read_snapshot(arguments.socket, selection.exact_names)
    span = None if before is None else Span.between(before, snapshot)
    total = None if selection.exact_names else len(snapshot.instances)
    snapshot.instances, missing = selection.of(snapshot.instances)
    if arguments.json:
        write_json(counters.as_json(snapshot, span))
    else:
        write(counters.as_text(snapshot, span, time.time(), total))
    return outcome(snapshot, missing)

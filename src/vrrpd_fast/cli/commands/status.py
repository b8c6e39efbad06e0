"""The state of the virtual routers: a summary, what is out of the ordinary, then a line each.

Up to five that are named are shown in full. It is read from the stats segment: the daemon is not asked, and
what it said last is shown also when it is stuck or has ended, with exit status 3.
"""

import argparse

from vrrpd_fast.cli.exits import DAEMON, DONE, FAILED
from vrrpd_fast.cli.output import complain, write, write_json
from vrrpd_fast.cli.selection import Instance, Selection, add_filters, state
from vrrpd_fast.cli.snapshots import columns, outcome, read_snapshot

DETAILS_UP_TO = 5  # named virtual routers that are shown in full


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--expect",
        metavar="STATE",
        type=state,
        help="for scripts: tell only who is in another state; exit status 0 when nobody is, else 1",
    )
    parser.add_argument("--json", action="store_true", help="as JSON (docs/STATUS.md)")


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe import segment, show

    selection = Selection(arguments)
    snapshot = read_snapshot(arguments.socket, selection.exact_names)
    total = len(snapshot.instances)
    snapshot.instances, missing = selection.of(snapshot.instances)
    status = segment.status(snapshot)
    if arguments.json:
        write_json(status)
    elif arguments.expect:
        pass
    elif selection.names and 0 < len(snapshot.instances) <= DETAILS_UP_TO:
        write(show.as_details(status))
    elif snapshot.instances or not selection.names:
        shown = None if selection.exact_names else total
        write(show.as_table(status, columns=columns(), total=shown))
    done = outcome(snapshot, missing)
    if not arguments.expect:
        return done
    if done == DAEMON:
        complain([f"vrrpctl: vrrpd-fast is {snapshot.condition}"])
        return done
    return _judged(snapshot.instances, arguments.expect) or done


def _judged(instances: list[Instance], expected: str) -> int:
    """Whether all are in this state, and at least one is."""
    if not instances:
        complain(["vrrpctl: there is no such virtual router"])
    others = [each for each in instances if each["state"] != expected]
    complain(f"vrrpctl: {each['name']} is {each['state']}: {each['reason']}" for each in others)
    return FAILED if others or not instances else DONE

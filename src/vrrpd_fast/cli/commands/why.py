"""Why a virtual router is in its state: what happened, step by step, and what would have to happen.

Told from files beside the control socket, also when the daemon is stuck or has ended.
"""

import argparse
from typing import Any

from vrrpd_fast.cli.exits import DAEMON, DONE, FAILED, CommandError
from vrrpd_fast.cli.output import complain, write, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the virtual router")
    parser.add_argument(
        "--last", metavar="N", type=_count, default=3, help="so many transitions (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON (docs/EVENTS.md)")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 10000")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe import why

    name = arguments.name
    instance, condition, notes = _known(arguments.socket, name)
    trackers = [each["name"] for each in (instance or {}).get("tracking") or ()]
    events, missing = _events(arguments.socket, why.needles(name, trackers))
    if missing is not None:
        notes.append(missing)
    found = why.examine(name, instance, events, count=arguments.last)
    if found["state"] is None:
        raise CommandError([*notes, f"vrrpctl: no virtual router is named {name!r}"], FAILED)
    if arguments.json:
        write_json({"condition": condition, **found})
    else:
        write(why.as_text(found, _width()))
    complain(notes)
    return DONE if condition == "running" else DAEMON


def _width() -> int:
    import shutil

    return max(40, min(120, shutil.get_terminal_size().columns))


def _known(socket: str, name: str) -> tuple[dict[str, Any] | None, str, list[str]]:
    """The entry in the stats segment, the daemon's condition, and what is to be said about that."""
    import time

    from vrrpd_fast.observe import segment
    from vrrpd_fast.observe.steps import ago

    try:
        snapshot = segment.read(socket, [name])
    except segment.SegmentError as error:
        return None, "unknown", [f"vrrpctl: {error}; what is shown is from its events alone"]
    instance = next(iter(snapshot.instances), None)
    notes = []
    if snapshot.condition is not segment.Condition.RUNNING:
        what = "is stuck" if snapshot.condition is segment.Condition.STUCK else "is not running"
        notes = [
            f"vrrpctl: vrrpd-fast {what}: what is shown is how it was {ago(time.time() - snapshot.written)}"
        ]
    return instance, str(snapshot.condition), notes


def _events(socket: str, needles: list[bytes]) -> tuple[list[dict[str, Any]], str | None]:
    from vrrpd_fast.observe.events import EventsError, read

    try:
        return list(read(socket, needles=needles)), None
    except EventsError as error:
        return [], f"vrrpctl: {error.strerror or error}"

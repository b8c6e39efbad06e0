"""What happened, as events in their order; with --follow as they come.

Each has a sequence number, from which --since goes on, also after a restart of the daemon.
"""

import argparse
import re

from vrrpd_fast.cli.exits import DONE
from vrrpd_fast.cli.output import write, write_json

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        metavar="SEQ|TIME",
        type=_since,
        help="those after this number, or from a time on: 14:30, 2026-11-29T14:30:05, 10m (so long ago)",
    )
    parser.add_argument("--follow", action="store_true", help="every event as it comes, after those since")
    parser.add_argument("--name", metavar="PATTERN", help="only of virtual routers named like this")
    parser.add_argument("--json", action="store_true", help="one JSON object a line (docs/EVENTS.md)")


def _since(text: str) -> int | float:
    """A sequence number, or a time in seconds since 1970 as a float."""
    from datetime import datetime

    if text.isdecimal():
        return int(text)
    now = datetime.now()
    if span := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text):
        return now.timestamp() - float(span[1]) * _UNITS[span[2]]
    for form in ("%H:%M", "%H:%M:%S"):
        try:
            at = datetime.strptime(text, form)
        except ValueError:
            continue
        return now.replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=0).timestamp()
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither the number of an event nor a time such as 14:30, 2026-11-29T14:30 or 10m"
        ) from None


def run(arguments: argparse.Namespace) -> int:
    import sys

    from vrrpd_fast.observe.events import follow, read
    from vrrpd_fast.observe.steps import clock, day, event_text

    since = arguments.since
    begin = since if isinstance(since, float) else 0.0
    number = since if isinstance(since, int) else 0
    if arguments.follow:
        source = follow(arguments.socket, None if since is None else number, arguments.name)
    else:
        source = read(arguments.socket, number, arguments.name)
    today = ""
    for event in source:
        if event["time"] < begin:
            continue
        if arguments.json:
            write_json(event, indent=None)
        else:
            if day(event["time"]) != today:
                today = day(event["time"])
                write(f"{today}\n")
            name = f"{event['instance']}: " if "instance" in event else ""
            write(
                f"{event['seq']:>6} {clock(event['time'])} {event['event']:<10} {name}{event_text(event)}\n"
            )
        if arguments.follow:
            sys.stdout.flush()
    return DONE

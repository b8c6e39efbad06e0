"""The daemon reads its configuration again and applies what differs."""

import argparse

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE, FAILED, CommandError
from vrrpd_fast.cli.output import complain, write, write_json
from vrrpd_fast.control.client import ErrorAnswer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="what changed as JSON")


def run(arguments: argparse.Namespace) -> int:
    try:
        summary = ask(arguments.socket, "Reload")
    except CommandError as error:
        refusal = error.__cause__
        if isinstance(refusal, ErrorAnswer) and "findings" in refusal.parameters:
            raise CommandError([*refusal.parameters["findings"], "vrrpctl: nothing was changed"]) from refusal
        raise
    if arguments.json:
        write_json(summary)
    else:
        counts = {what: names if isinstance(names, int) else len(names) for what, names in summary.items()}
        write("reloaded: " + ", ".join(f"{count} {what}" for what, count in counts.items()) + "\n")
    failed = summary.get("failed", {})
    complain([f"vrrpctl: instance {name} does not run now: {why}" for name, why in failed.items()])
    return FAILED if failed else DONE

"""The daemon reads its configuration again and applies what differs."""

import argparse
from collections.abc import Iterator
from typing import Any

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE, FAILED
from vrrpd_fast.cli.output import complain, write, write_json
from vrrpd_fast.observe.text import listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="what changed as JSON")


def run(arguments: argparse.Namespace) -> int:
    summary = ask(arguments.socket, "Reload")["summary"]
    if arguments.json:
        write_json(summary)
    else:
        write("".join(f"{line}\n" for line in _lines(summary)))
    failed = summary.get("failed", {})
    complain([f"vrrpctl: instance {name} does not run now: {why}" for name, why in failed.items()])
    return FAILED if failed else DONE


def _lines(summary: dict[str, Any]) -> Iterator[str]:
    """How many were what, then which ones."""
    counts = {what: names if isinstance(names, int) else len(names) for what, names in summary.items()}
    yield "reloaded: " + ", ".join(f"{count} {what}" for what, count in counts.items())
    for what, names in summary.items():
        if names and isinstance(names, list):
            yield f"  {what}: {listed(names)}"

"""vrrpctl: see and steer a running vrrpd-fast. Imports the command that is given and no other."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from vrrpd_fast.cli.exits import FAILED, CommandError
from vrrpd_fast.cli.output import complain

DEFAULT_SOCKET = "/run/vrrpd-fast/control.sock"

# Each has a module in cli/commands, and in the order of this table its line in the help.
COMMANDS = {
    "status": "state of the virtual routers",
    "stats": "counters, errors first; rates with --interval",
    "top": "live screen of states, rates and trouble",
    "why": "why a virtual router is in its state, step by step",
    "events": "what happened; with --follow, as it happens",
    "reload": "read the configuration again and apply the difference",
    "resign": "give mastership away for maintenance",
    "priority": "set the base priority of a virtual router",
    "log-level": "set what the daemon logs",
    "check": "what is wrong with a configuration file",
    "diff": "what breaks a group: the configurations of its two routers, compared",
    "metrics": "everything that is counted, as Prometheus reads it",
    "exporter": "serve the metrics to Prometheus over HTTP",
    "convert": "print a keepalived.conf as JSON",
    "schema": "print the JSON Schema of the configuration",
    "completion": "completion for bash, zsh and fish",
    "lab": "two routers and a client in namespaces: watch a failover",
}


class _Command(argparse.ArgumentParser):
    """The parser of a command, which has its arguments when they are looked at."""

    module = ""

    def load(self) -> None:
        """Give it its arguments."""
        if self.module:
            command = import_module(f"vrrpd_fast.cli.commands.{self.module}")
            self.module = ""
            self.description = self.description or command.__doc__
            command.add_arguments(self)
            self.set_defaults(run=command.run)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        self.load()
        return super().parse_known_args(args, namespace)


def parser() -> argparse.ArgumentParser:
    """The command line; the parsers of its commands are filled by their load()."""
    made = argparse.ArgumentParser(
        prog="vrrpctl",
        description="See and steer a running vrrpd-fast.",
        epilog="Exit status: 0 done, or as expected; 1 failed, or not as expected; 2 wrong usage, or a file "
        "that cannot be used; 3 the daemon is not running, stuck, or does not answer.",
    )
    made.add_argument(
        "--socket",
        metavar="PATH",
        default=DEFAULT_SOCKET,
        help="control socket of the daemon (default: %(default)s)",
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True, parser_class=_Command)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text).module = name.replace("-", "_")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status (cli/exits.py)."""
    arguments = parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except CommandError as error:
        complain(error.lines)
        return error.status
    except BrokenPipeError:  # `vrrpctl status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        complain([f"vrrpctl: {error}"])
        return FAILED
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

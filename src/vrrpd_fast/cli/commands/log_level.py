"""What the daemon logs from now on, until it is started again."""

import argparse

from vrrpd_fast.cli.control import ask
from vrrpd_fast.cli.exits import DONE
from vrrpd_fast.cli.output import write, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("level", choices=("debug", "info", "warning", "error"))
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments.socket, "SetLogLevel", level=arguments.level)
    if arguments.json:
        write_json(answer)
    else:
        write(f"log level {answer['previous']} -> {arguments.level}\n")
    return DONE

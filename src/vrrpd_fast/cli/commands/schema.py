"""The JSON Schema of the configuration, for editors. Asks no daemon."""

import argparse

from vrrpd_fast.cli.exits import DONE
from vrrpd_fast.cli.output import write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none."""


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.config.schema import schema_json

    write(schema_json().decode())
    return DONE

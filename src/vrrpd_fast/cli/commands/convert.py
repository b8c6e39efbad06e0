"""A keepalived.conf as JSON that behaves the same. Asks no daemon."""

import argparse

from vrrpd_fast.cli.exits import DONE, UNUSABLE, CommandError
from vrrpd_fast.cli.output import complain, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="keepalived.conf")
    parser.add_argument(
        "--strict-config", action="store_true", help="an error of everything that is not served"
    )
    parser.add_argument(
        "--config-id", metavar="ID", help="what @ID lines are compared with (default: the short host name)"
    )


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.config.convert import convert
    from vrrpd_fast.model import ConfigError

    try:
        converted = convert(arguments.file, config_id=arguments.config_id, strict=arguments.strict_config)
    except ConfigError as error:
        raise CommandError([*map(str, error.findings), "vrrpctl: nothing was converted"], UNUSABLE) from error
    complain(map(str, converted.findings))
    write(converted.text)
    return DONE

"""What is wrong with a configuration, and what is doubtful: as `vrrpd-fast --check`. Asks no daemon."""

import argparse

from vrrpd_fast.cli.exits import DONE, UNUSABLE
from vrrpd_fast.cli.output import write, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="configuration (JSON or keepalived.conf)")
    parser.add_argument(
        "--strict-config",
        action="store_true",
        help="an error of everything in a keepalived.conf that is not served",
    )
    parser.add_argument(
        "--config-id", metavar="ID", help="what @ID lines are compared with (default: the short host name)"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    return report(
        arguments.file,
        config_id=arguments.config_id,
        strict=arguments.strict_config,
        as_json=arguments.json,
    )


def report(name: str, *, config_id: str | None, strict: bool, as_json: bool = False) -> int:
    """Print a finding a line; the exit status is that of a file that cannot be used when one is an error."""
    from vrrpd_fast.config.load import check
    from vrrpd_fast.model import Severity

    findings = check(name, config_id=config_id, strict=strict)
    if as_json:
        write_json([{field: getattr(each, field) for field in each.__struct_fields__} for each in findings])
    else:
        write("".join(f"{finding}\n" for finding in findings))
    return UNUSABLE if any(finding.severity is Severity.ERROR for finding in findings) else DONE

"""What breaks a group of virtual routers: the configurations of its two routers, compared. Asks no daemon.

Names and interfaces may differ: a virtual router is found by its VRID, its addresses and their networks.
"""

import argparse
from typing import TYPE_CHECKING, Any

from vrrpd_fast.cli.exits import DONE, FAILED, UNUSABLE, CommandError
from vrrpd_fast.cli.output import write, write_json

if TYPE_CHECKING:
    from vrrpd_fast.config.pair.compare import Comparison
    from vrrpd_fast.config.pair.side import Difference


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("first", metavar="A", help="configuration of one router, in either form")
    parser.add_argument("second", metavar="B", help="configuration of the other one")
    parser.add_argument(
        "--config-id",
        metavar="ID",
        action="append",
        default=[],
        help="what @ID lines of a keepalived.conf are compared with; said twice, first of A, then of B",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(arguments: argparse.Namespace) -> int:
    """1 when something breaks a group; warnings alone are 0."""
    from vrrpd_fast.config.pair.compare import compare
    from vrrpd_fast.config.pair.side import Side, read_side
    from vrrpd_fast.model import ConfigError, Severity

    ids = arguments.config_id * 2 if len(arguments.config_id) == 1 else [*arguments.config_id, None, None]
    sides: list[Side] = []
    faults: list[str] = []
    for name, config_id in zip((arguments.first, arguments.second), ids, strict=False):
        try:
            sides.append(read_side(name, config_id=config_id))
        except ConfigError as error:
            faults += map(str, error.findings)
    if faults:
        raise CommandError([*faults, "vrrpctl: nothing was compared"], UNUSABLE)
    comparison = compare(*sides)
    if arguments.json:
        write_json(_as_json(comparison))
    else:
        write("".join(f"{each}\n" for each in comparison.differences))
        write(_summary(comparison, (arguments.first, arguments.second)) + "\n")
    is_broken = any(each.severity is Severity.ERROR for each in comparison.differences)
    return FAILED if is_broken else DONE


def _summary(comparison: "Comparison", files: tuple[str, str]) -> str:
    both, *lone = comparison.counts
    parts = [f"{both} virtual router{'s' if both != 1 else ''} in both"]
    parts += [f"{count} only in {file}" for count, file in zip(lone, files, strict=True) if count]
    severities = [str(each.severity) for each in comparison.differences for _ in range(1 + each.more)]
    found = [
        f"{severities.count(word)} {word}{'s' if severities.count(word) != 1 else ''}"
        for word in ("error", "warning")
        if word in severities
    ]
    return f"{', '.join(parts)}: {', '.join(found) or 'they fit together'}"


def _as_json(comparison: "Comparison") -> dict[str, Any]:
    both, first, second = comparison.counts
    return {
        "both": both,
        "only_first": first,
        "only_second": second,
        "differences": [_difference(each) for each in comparison.differences],
    }


def _difference(each: "Difference") -> dict[str, Any]:
    places = [
        None if place is None else {"file": place.file, "line": place.line, "column": place.column}
        for place in each.places
    ]
    return {
        "severity": each.severity,
        "what": each.what,
        "names": each.names,
        "values": each.values,
        "places": places,
        "consequence": each.consequence,
        "more": each.more,
    }

"""Everything that is counted, as OpenMetrics, or as a file for the textfile collector of node_exporter."""

import argparse

from vrrpd_fast.cli.exits import DAEMON, DONE, FAILED, CommandError
from vrrpd_fast.cli.output import complain, write


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--output",
        metavar="FILE",
        help="replace this file, in Prometheus' text format, instead of printing OpenMetrics",
    )
    parser.add_argument(
        "--keepalived-names", action="store_true", help="the names of keepalived-exporter as well"
    )


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe.exposition import Dialect
    from vrrpd_fast.observe.metrics import render
    from vrrpd_fast.observe.segment import Condition, SegmentError, Snapshot, read
    from vrrpd_fast.replace import replace

    snapshot: Snapshot | None = None
    trouble: str | None = None
    try:
        snapshot = read(arguments.socket)
    except SegmentError as error:
        trouble = error.strerror
    else:
        if snapshot.condition is not Condition.RUNNING:
            trouble = f"the daemon is {snapshot.condition}"
    dialect = Dialect.OPENMETRICS if arguments.output is None else Dialect.TEXT
    text = render(snapshot, dialect, keepalived=arguments.keepalived_names)
    if arguments.output is None:
        write(text)
    else:
        try:
            replace(arguments.output, text.encode(), 0o644)
        except OSError as error:
            raise CommandError([f"vrrpctl: {arguments.output}: {error.strerror}"], FAILED) from error
    if trouble is None:
        return DONE
    complain([f"vrrpctl: {trouble}"])
    return DAEMON

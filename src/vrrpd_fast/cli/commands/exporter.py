"""Serve the metrics to Prometheus, at /metrics. A process of its own, which asks the daemon nothing."""

import argparse

from vrrpd_fast.cli.exits import DONE, FAILED, UNUSABLE, CommandError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        metavar="ADDRESS:PORT",
        default="127.0.0.1:9112",
        help="where to be asked (default: %(default)s); [::1]:9112, :9112 for every address, unix:PATH",
    )
    parser.add_argument(
        "--keepalived-names", action="store_true", help="the names of keepalived-exporter as well"
    )


def run(arguments: argparse.Namespace) -> int:
    import asyncio

    from vrrpd_fast import log
    from vrrpd_fast.observe import exporter

    try:
        where = exporter.parse_listen(arguments.listen)
    except ValueError as error:
        raise CommandError([f"vrrpctl: --listen: {error}"], UNUSABLE) from error
    handler = log.setup()
    try:
        asyncio.run(exporter.run(where, arguments.socket, keepalived=arguments.keepalived_names))
    except OSError as error:  # without strerror from asyncio of Python 3.13
        why = error.strerror or error
        raise CommandError([f"vrrpctl: --listen {arguments.listen}: {why}"], FAILED) from error
    finally:
        handler.close()
    return DONE

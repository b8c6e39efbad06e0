"""The command vrrpd-fast."""

import argparse
import asyncio
import errno
import sys

import vrrpd_fast

DEFAULT_SOCKET = "/run/vrrpd-fast/control.sock"

EXIT_FAILURE = 1
EXIT_USAGE = 2


def parser() -> argparse.ArgumentParser:
    """The command line, also for the manual page."""
    made = argparse.ArgumentParser(
        prog="vrrpd-fast",
        description="VRRP (RFC 9568, 5798, 3768) for Linux routers with hundreds to thousands of virtual "
        "routers. Runs in the foreground and logs to stderr. SIGHUP reloads, SIGTERM and SIGINT stop.",
        epilog="Exit status: 0 clean, 1 failure at run time, 2 bad usage or configuration.",
    )
    made.add_argument("--config", metavar="FILE", help="configuration (JSON or keepalived.conf)")
    made.add_argument(
        "--strict-config",
        action="store_true",
        help="an error of everything in a keepalived.conf that is not served",
    )
    made.add_argument(
        "--config-id",
        metavar="ID",
        help="what @ID lines of a keepalived.conf are compared with (default: the short host name)",
    )
    made.add_argument(
        "--socket",
        metavar="PATH",
        default=DEFAULT_SOCKET,
        help="control socket for vrrpctl (default: %(default)s)",
    )
    made.add_argument(
        "--check", action="store_true", help="check the configuration, say what is wrong, and exit"
    )
    made.add_argument(
        "--expand",
        action="store_true",
        help="with --check: print the configuration as JSON with every range written out",
    )
    made.add_argument(
        "--withdraw",
        action="store_true",
        help="remove every address, route and rule an earlier run left in the kernel, in the net_namespace "
        "of --config if that is given, and exit",
    )
    made.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of the configuration, and exit"
    )
    made.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="default: %(default)s",
    )
    made.add_argument("--log-format", choices=("text", "json"), default="text", help="default: %(default)s")
    made.add_argument(
        "--no-kernel-filter",
        action="store_true",
        help="hear every advert instead of having the kernel absorb repetitions",
    )
    made.add_argument("--version", action="version", version=f"vrrpd-fast {vrrpd_fast.__version__}")
    return made


def main(argv: list[str] | None = None) -> int:
    made = parser()
    options = made.parse_args(argv)
    if options.schema:
        from vrrpd_fast.config.schema import schema_json

        sys.stdout.buffer.write(schema_json())
        return 0
    if options.withdraw:
        return _withdraw(options)
    if options.config is None:
        made.error("--config FILE is required")
    if options.expand and not options.check:
        made.error("--expand goes with --check")
    if options.expand:
        return _expand(options)
    if options.check:
        from vrrpd_fast.cli.commands.check import report

        return report(options.config, config_id=options.config_id, strict=options.strict_config)
    return _serve(options)


def _expand(options: argparse.Namespace) -> int:
    from vrrpd_fast.config.convert import expand
    from vrrpd_fast.model import ConfigError

    try:
        expanded = expand(options.config, config_id=options.config_id, strict=options.strict_config)
    except ConfigError as error:
        for finding in error.findings:
            print(finding)
        return EXIT_USAGE
    for finding in expanded.findings:
        print(finding, file=sys.stderr)
    sys.stdout.write(expanded.text)
    return 0


def _withdraw(options: argparse.Namespace) -> int:
    from vrrpd_fast.config.load import load
    from vrrpd_fast.model import Config, ConfigError
    from vrrpd_fast.net.leftovers import withdraw

    config = Config(router_id="")
    if options.config is not None:
        try:
            config = load(options.config, config_id=options.config_id).config
        except ConfigError as error:
            print(f"vrrpd-fast: net_namespace is not known: {error.findings[0]}", file=sys.stderr)
    try:
        withdrawn = withdraw(config.process.net_namespace, config.firewall.table)
    except OSError as error:
        print(f"vrrpd-fast: cannot withdraw: {_explain(error)}", file=sys.stderr)
        return EXIT_FAILURE
    print(withdrawn)
    return 0


def _serve(options: argparse.Namespace) -> int:
    import logging

    import uvloop

    from vrrpd_fast import log
    from vrrpd_fast.daemon import Daemon
    from vrrpd_fast.model import ConfigError

    handler = log.setup(options.log_level, options.log_format)
    logger = logging.getLogger("vrrpd_fast")

    async def serve() -> None:
        await Daemon(
            options.config,
            options.socket,
            config_id=options.config_id,
            strict_config=options.strict_config,
            kernel_filter=not options.no_kernel_filter,
        ).run()

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())
    except ConfigError as error:
        for finding in error.findings:
            logger.error("%s", finding)
        return EXIT_USAGE
    except ValueError as error:
        logger.error("%s: %s", options.config, error)
        return EXIT_USAGE
    except OSError as error:
        logger.error("%s", _explain(error))
        return EXIT_FAILURE
    finally:
        handler.close()
    return 0


def _explain(error: OSError) -> str:
    """What the system said, of which file, and what it wants if it did not allow something."""
    text = error.strerror or str(error)
    if error.filename is not None:
        return f"{error.filename}: {text}"
    if error.errno == errno.EPERM:
        return f"{text}; vrrpd-fast needs CAP_NET_ADMIN and CAP_NET_RAW"
    return text


if __name__ == "__main__":
    sys.exit(main())

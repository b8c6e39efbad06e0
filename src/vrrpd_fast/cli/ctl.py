"""vrrpctl: ask a running vrrpd-fast. Imports only what a command needs, so that each starts at once."""

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from vrrpd_fast.control.client import ControlError, ErrorAnswer, call

DEFAULT_SOCKET = "/run/vrrpd-fast/control.sock"
DETAILS_UP_TO = 5  # named virtual routers that are shown in full


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed, 2 wrong usage or a file that cannot be converted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if argv[:1] == ["lab"]:  # has its own options, and its own parser
        return _lab(argv[1:])
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except ErrorAnswer as error:
        if "findings" in error.parameters:
            _complain([*error.parameters["findings"], "vrrpctl: nothing was changed"])
        else:
            _complain([f"vrrpctl: {error}"])
    except ControlError as error:
        _complain([f"vrrpctl: {error}"])
    except BrokenPipeError:  # `vrrpctl status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vrrpctl", description="Ask a running vrrpd-fast.")
    parser.add_argument(
        "--socket",
        metavar="PATH",
        default=DEFAULT_SOCKET,
        help="control socket of the daemon (default: %(default)s)",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    status = commands.add_parser("status", help="state of the virtual routers")
    status.add_argument("names", metavar="NAME", nargs="*", help="only these; may be patterns such as 'lan*'")
    status.add_argument("--json", action="store_true", help="as JSON (docs/STATUS.md)")
    status.set_defaults(command=_status)
    reload = commands.add_parser("reload", help="read the configuration again and apply the difference")
    reload.add_argument("--json", action="store_true", help="what changed as JSON")
    reload.set_defaults(command=_reload)
    convert = commands.add_parser("convert", help="print a keepalived.conf as JSON")
    convert.add_argument("file", metavar="FILE", help="keepalived.conf")
    convert.add_argument(
        "--strict-config", action="store_true", help="an error of everything that is not served"
    )
    convert.add_argument(
        "--config-id", metavar="ID", help="what @ID lines are compared with (default: the short host name)"
    )
    convert.set_defaults(command=_convert)
    lab = commands.add_parser("lab", help="two routers and a client in namespaces: watch a failover")
    lab.add_argument("options", nargs=argparse.REMAINDER)
    lab.set_defaults(command=lambda arguments: _lab(arguments.options))
    return parser


def _status(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe import show

    names = arguments.names
    has_pattern = any(set(name) & set("*?[") for name in names)
    # The daemon knows names; patterns are matched here.
    status = call(arguments.socket, "GetStatus", names=[] if has_pattern else names)
    missing: list[str] = []
    if names:
        status["instances"], missing = _select(status["instances"], names)
    if arguments.json:
        sys.stdout.write(show.as_json(status))
    elif names and 0 < len(status["instances"]) <= DETAILS_UP_TO:
        sys.stdout.write(show.as_details(status))
    elif status["instances"] or not names:
        sys.stdout.write(show.as_table(status))
    _complain(f"vrrpctl: no virtual router is named {name!r}" for name in missing)
    return 1 if missing else 0


def _select(
    instances: Sequence[dict[str, Any]], names: Sequence[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """The instances that are meant, and the names that mean none. An exact name goes before a pattern."""
    known = {each["name"] for each in instances}
    chosen: set[str] = set()
    missing = []
    for name in names:
        found = {name} & known or {each for each in known if fnmatchcase(each, name)}
        chosen |= found
        if not found:
            missing.append(name)
    return [each for each in instances if each["name"] in chosen], missing


def _reload(arguments: argparse.Namespace) -> int:
    summary = call(arguments.socket, "Reload")
    if arguments.json:
        from vrrpd_fast.observe import show

        sys.stdout.write(show.as_json(summary))
    else:
        counts = {what: names if isinstance(names, int) else len(names) for what, names in summary.items()}
        print("reloaded: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
    failed = summary.get("failed", {})
    _complain([f"vrrpctl: instance {name} does not run now: {why}" for name, why in failed.items()])
    return 1 if failed else 0


def _convert(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.config.convert import convert
    from vrrpd_fast.model import ConfigError

    try:
        converted = convert(arguments.file, config_id=arguments.config_id, strict=arguments.strict_config)
    except ConfigError as error:
        _complain([*map(str, error.findings), "vrrpctl: nothing was converted"])
        return 2
    _complain(map(str, converted.findings))
    sys.stdout.write(converted.text)
    return 0


def _lab(argv: Sequence[str]) -> int:
    from vrrpd_fast.cli import lab

    return lab.main(list(argv))


def _complain(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

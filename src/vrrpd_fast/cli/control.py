"""How commands ask the daemon over its control socket, and what they make of its refusals."""

from typing import Any

from vrrpd_fast.cli.exits import DAEMON, FAILED, CommandError
from vrrpd_fast.control.client import ErrorAnswer, Unreachable, call


def ask(socket: str, method: str, **parameters: Any) -> dict[str, Any]:
    """The answer of a method of org.vrrpdfast; CommandError with what the daemon said against it."""
    try:
        return call(socket, method, **parameters)
    except ErrorAnswer as error:
        raise CommandError([f"vrrpctl: {error}"], FAILED) from error
    except Unreachable as error:
        raise CommandError([f"vrrpctl: {error}"], DAEMON) from error

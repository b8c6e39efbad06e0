"""How commands ask the daemon over its control socket, and what they make of its refusals."""

from typing import Any

from vrrpd_fast.cli.exits import DAEMON, FAILED, CommandError
from vrrpd_fast.control.client import ErrorAnswer, Unreachable, call


def ask(socket: str, method: str, **parameters: Any) -> dict[str, Any]:
    """The answer of a method of org.vrrpdfast; CommandError with what the daemon said against it."""
    try:
        return call(socket, method, **parameters)
    except ErrorAnswer as error:
        raise CommandError(_lines(error), FAILED) from error
    except Unreachable as error:
        raise CommandError([f"vrrpctl: {error}"], DAEMON) from error


def _lines(error: ErrorAnswer) -> list[str]:
    match error.name.rpartition(".")[2]:
        case "ReloadFailed":
            return [*error.parameters["findings"], "vrrpctl: nothing was changed"]
        case "NotFound":
            return [f"vrrpctl: no virtual router is named {name!r}" for name in error.parameters["names"]]
        case _:
            return [f"vrrpctl: {error}"]

"""A synchronous Varlink client for vrrpctl: standard library only, because a command should start at once."""

import json
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Any

INTERFACE = "org.vrrpdfast"
TIMEOUT = 30.0  # seconds


class ControlError(Exception):
    """The daemon could not be asked, or said no; the text is for people."""


class Unreachable(ControlError):
    """Nobody answers on the socket."""


class ErrorAnswer(ControlError):
    """The daemon answered with an error."""

    def __init__(self, name: str, parameters: Mapping[str, Any]) -> None:
        sentence = parameters.get("text")  # of Refused
        text = f"{name} {json.dumps(parameters)}" if parameters else name
        super().__init__(sentence if isinstance(sentence, str) else text)
        self.name = name
        self.parameters = parameters


def call(path: str, method: str, *, timeout: float = TIMEOUT, **parameters: Any) -> dict[str, Any]:
    """Ask the daemon once: a method of org.vrrpdfast, and its answer. ControlError."""
    with Client(path, timeout) as client:
        return client.call(f"{INTERFACE}.{method}", **parameters)


class Client:
    """A connection to the control socket."""

    def __init__(self, path: str, timeout: float = TIMEOUT) -> None:
        """Unreachable when no daemon answers there."""
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout)
        self._rest = b""
        try:
            self._socket.connect(path)
        except PermissionError:
            self._socket.close()
            raise Unreachable(
                f"{path}: permission denied (only root and the daemon's user may ask)"
            ) from None
        except OSError as error:
            self._socket.close()
            why = "" if isinstance(error, (FileNotFoundError, ConnectionRefusedError)) else f" ({error})"
            raise Unreachable(f"no vrrpd-fast answers on {path}{why}: is it running?") from None

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The answer's parameters. ErrorAnswer for an error, Unreachable when there is no answer."""
        call = {"method": method, "parameters": parameters}
        try:
            self._socket.sendall(json.dumps(call).encode() + b"\0")
            answer = json.loads(self._receive())
        except TimeoutError:
            raise Unreachable(f"vrrpd-fast on {self._path} does not answer in time") from None
        except (OSError, ValueError) as error:
            raise Unreachable(f"vrrpd-fast on {self._path} hung up: {error}") from None
        if "error" in answer:
            raise ErrorAnswer(answer["error"], answer.get("parameters") or {})
        result: dict[str, Any] = answer.get("parameters") or {}
        return result

    def _receive(self) -> bytes:
        pieces = [self._rest]
        while b"\0" not in pieces[-1]:
            piece = self._socket.recv(1024 * 1024)
            if not piece:
                raise ConnectionError("the connection was closed")
            pieces.append(piece)
        message, _, self._rest = b"".join(pieces).partition(b"\0")
        return message

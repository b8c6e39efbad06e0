"""The interface org.vrrpdfast: status and reload, served on the control socket."""

from collections.abc import Awaitable, Iterator
from importlib.resources import files
from typing import Any, Protocol, TypeVar

import msgspec

from .. import __version__
from .listener import Listener
from .varlink import Interface, Method, Server, VarlinkError

T = TypeVar("T")
INTERFACE = "org.vrrpdfast"
INSTANCES_PER_PIECE = 16  # about 16 KB of JSON, 40 µs of the loop


class Refusal(Exception):
    """An order that cannot be followed, and was not; the text is for people."""


class NotFound(Exception):
    """Virtual routers that are named and not there; nothing was done."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class Target(Protocol):
    """What the control socket controls."""

    def status(self, names: list[str]) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """docs/STATUS.md; all instances when `names` is empty."""

    def reload(self) -> dict[str, Any] | Awaitable[dict[str, Any]]:
        """What was changed. Raises what has `findings` when the file cannot be used."""

    def resign(self, names: list[str], seconds: float | None) -> Awaitable[dict[str, Any]]:
        """These give up mastership. Raises NotFound or Refusal, as the next ones do."""

    def set_priority(self, name: str, priority: int | None) -> Awaitable[dict[str, Any]]:
        """Another base priority; None: the configured one."""

    def set_log_level(self, level: str) -> Awaitable[dict[str, Any]]:
        """How much is logged from now on."""


class Service:
    """The control socket of one daemon."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._listener: Listener | None = None
        self._server = Server(
            [self._interface()], vendor="vrrpd-fast", product="vrrpd-fast", version=__version__
        )

    async def start(self, path: str) -> None:
        """Listen on `path`. OSError, with a message for people, when another daemon does or it cannot be."""
        self._listener = Listener(path)
        try:
            await self._server.start(self._listener.socket)
        except BaseException:
            self._listener.close()
            self._listener = None
            raise

    async def close(self) -> None:
        """Disconnect everyone, and remove the socket file."""
        await self._server.close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _interface(self) -> Interface:
        description = files(__package__).joinpath(f"{INTERFACE}.varlink").read_text()
        methods = {
            "GetStatus": Method(self._get_status, {"names": list[str] | None}),
            "Reload": Method(self._reload),
            "Resign": Method(self._resign, {"names": list[str], "for_seconds": float | None}),
            "SetPriority": Method(self._set_priority, {"name": str, "priority": int | None}),
            "SetLogLevel": Method(self._set_log_level, {"level": str}),
        }
        return Interface(INTERFACE, description, methods)

    async def _get_status(self, names: list[str] | None = None) -> Iterator[bytes]:
        status = await _result(self._target.status(names or []))
        return _status_pieces(status)

    async def _reload(self) -> dict[str, Any]:
        try:
            return {"summary": await _result(self._target.reload())}
        except Exception as error:
            findings = getattr(error, "findings", None)
            if findings is None:
                raise
            raise VarlinkError(
                f"{INTERFACE}.ReloadFailed", findings=[str(each) for each in findings]
            ) from error

    async def _resign(
        self, names: list[str] | None = None, for_seconds: float | None = None
    ) -> dict[str, Any]:
        return await _obey(self._target.resign(_given("names", names), for_seconds))

    async def _set_priority(self, name: str | None = None, priority: int | None = None) -> dict[str, Any]:
        return await _obey(self._target.set_priority(_given("name", name), priority))

    async def _set_log_level(self, level: str | None = None) -> dict[str, Any]:
        return await _obey(self._target.set_log_level(_given("level", level)))


def _given(name: str, value: T | None) -> T:
    if value is None:
        raise VarlinkError("org.varlink.service.InvalidParameter", parameter=name)
    return value


async def _obey(order: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    """What came of it, or why it is refused, as a Varlink error."""
    try:
        return await order
    except NotFound as error:
        raise VarlinkError(f"{INTERFACE}.NotFound", names=error.names) from error
    except Refusal as error:
        raise VarlinkError(f"{INTERFACE}.Refused", text=str(error)) from error


async def _result(value: dict[str, Any] | Awaitable[dict[str, Any]]) -> dict[str, Any]:
    return value if isinstance(value, dict) else await value


def _status_pieces(status: dict[str, Any]) -> Iterator[bytes]:
    """The JSON of {"status": …} in pieces: the loop goes on between them."""
    instances = status["instances"]
    rest = {name: value for name, value in status.items() if name != "instances"}
    yield b'{"status":' + msgspec.json.encode(rest)[:-1] + (b"," if rest else b"") + b'"instances":['
    for start in range(0, len(instances), INSTANCES_PER_PIECE):
        piece = msgspec.json.encode(instances[start : start + INSTANCES_PER_PIECE])[1:-1]
        yield piece if start == 0 else b"," + piece
    yield b"]}}"

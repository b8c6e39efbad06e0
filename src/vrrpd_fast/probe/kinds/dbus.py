"""As much of D-Bus as it takes to call a method: "Message Protocol" of its specification.

A library would be a dependency for a hundred lines, and most of it for what is not needed here.
"""

import struct
import sys
from collections.abc import Iterator, Sequence

from msgspec import Struct

LARGEST = 1 << 20  # bytes of a message that is believed
_FIXED = 16  # bytes before the header's fields
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SIGNATURE = 1, 2, 3, 4, 5, 6, 8
_CALL, _RETURN, _ERROR = 1, 2, 3
_OWN_ORDER = b"l" if sys.byteorder == "little" else b"B"


class MalformedError(ValueError):
    """What was received is no D-Bus."""


class Call(Struct, frozen=True):
    """A method call without arguments, or with one that is a list of strings."""

    destination: str
    path: str
    interface: str
    member: str
    argument: Sequence[str] | None = None

    def encode(self, serial: int) -> bytes:
        """The message; `destination` is left out if empty, as it is between two that have no bus."""
        body = b"" if self.argument is None else _strings(self.argument)
        fields = [(_PATH, b"o", self.path), (_INTERFACE, b"s", self.interface), (_MEMBER, b"s", self.member)]
        if self.destination:
            fields.append((_DESTINATION, b"s", self.destination))
        header = b""
        for code, kind, text in fields:
            header = _pad(header, 8) + bytes((code, 1)) + kind + b"\0" + _string(text)
        if self.argument is not None:
            header = _pad(header, 8) + bytes((_SIGNATURE, 1)) + b"g\0\2as\0"
        fixed = struct.pack("=cBBBIII", _OWN_ORDER, _CALL, 0, 1, len(body), serial, len(header))
        return _pad(fixed + header, 8) + body


class Reply(Struct, frozen=True):
    """The answer to the call of a serial. `error` is its name with what is said of it."""

    serial: int
    body: bytes = b""
    order: str = "="
    error: str | None = None

    def structs(self, signature: str) -> Iterator[list[str]]:
        """The members of an array of structs, of which the signature names s, o and u."""
        reader = _Reader(self.body, self.order)
        end = reader.number() + reader.align(8)
        while reader.position < end:
            reader.align(8)
            yield [str(reader.number()) if kind == "u" else reader.string() for kind in signature]


def decode(data: bytes) -> tuple[Reply | None, int]:
    """The first message and its length, 0 when it is not complete; no Reply when it is something else."""
    if len(data) < _FIXED:
        return None, 0
    order = {b"l": "<", b"B": ">"}.get(data[:1])
    if order is None:
        raise MalformedError("an unknown byte order")
    kind = data[1]
    body_length, _, header_length = struct.unpack_from(f"{order}III", data, 4)
    start = -(-(_FIXED + header_length) // 8) * 8
    if start + body_length > LARGEST:
        raise MalformedError("a message beyond all bounds")
    if len(data) < start + body_length:
        return None, 0
    length = start + body_length
    if kind not in (_RETURN, _ERROR):
        return None, length
    fields = _fields(_Reader(data[: _FIXED + header_length], order, _FIXED))
    body = data[start:length]
    error = None
    if kind == _ERROR:
        error = str(fields.get(_ERROR_NAME, "error"))
        if str(fields.get(_SIGNATURE, "")).startswith("s"):
            error = f"{error}: {_Reader(body, order).string()}"
    serial = fields.get(_REPLY_SERIAL)
    if not isinstance(serial, int):
        raise MalformedError("an answer to nothing")
    return Reply(serial, body, order, error), length


def _fields(reader: "_Reader") -> dict[int, str | int]:
    found: dict[int, str | int] = {}
    while reader.position < len(reader.data):
        reader.align(8)
        code, kind = reader.byte(), reader.signature()
        match kind:
            case "s" | "o":
                found[code] = reader.string()
            case "g":
                found[code] = reader.signature()
            case "u":
                found[code] = reader.number()
            case _:
                raise MalformedError(f"a header of type {kind}")
    return found


class _Reader:
    def __init__(self, data: bytes, order: str, position: int = 0) -> None:
        self.data = data
        self.position = position
        self._number = struct.Struct(f"{order}I")

    def align(self, boundary: int) -> int:
        """Go to a multiple of `boundary`, which is returned."""
        self.position = -(-self.position // boundary) * boundary
        return self.position

    def byte(self) -> int:
        return self._take(1)[0]

    def number(self) -> int:
        self.align(4)
        value: int = self._number.unpack(self._take(4))[0]
        return value

    def string(self) -> str:
        text = self._take(self.number() + 1)
        return text[:-1].decode(errors="replace")

    def signature(self) -> str:
        text = self._take(self.byte() + 1)
        return text[:-1].decode("ascii", errors="replace")

    def _take(self, length: int) -> bytes:
        piece = self.data[self.position : self.position + length]
        if len(piece) < length:
            raise MalformedError("a message that ends too soon")
        self.position += length
        return piece


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("=I", len(raw)) + raw + b"\0"


def _strings(texts: Sequence[str]) -> bytes:
    content = b""
    for text in texts:
        content = _pad(content, 4) + _string(text)
    return struct.pack("=I", len(content)) + content


def _pad(data: bytes, boundary: int) -> bytes:
    return data + bytes(-len(data) % boundary)

"""What the Structs of the file share: the base of every object, and types with their ranges."""

from typing import Annotated, Literal, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")

Delay = Annotated[float, Meta(ge=0, le=86400)]
Damping = Annotated[float, Meta(ge=0, le=86400)]
ShortDelay = Annotated[float, Meta(ge=0, le=255)]
Repeat = Annotated[int, Meta(ge=1, le=1000)]
RepeatOrNone = Annotated[int, Meta(ge=0, le=1000)]
DownAdverts = Annotated[int, Meta(ge=1, le=100)]
Weight = Annotated[int, Meta(ge=-253, le=253)]
WideWeight = Annotated[int, Meta(ge=-(2**31 - 1), le=2**31 - 1)]
Ttl = Annotated[int, Meta(ge=0, le=255)]
Bytes = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Range = dict[str, Annotated[list[int], Meta(min_length=2, max_length=3)]]
Text = Annotated[str, Meta(min_length=1)]
Version = Literal[2, 3]
Checksum = Literal["rfc5798", "rfc9568"]


class Block(Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of every object in the file: a key we do not know is an error."""


def stated(value: T | UnsetType, default: T) -> T:
    """The value of a key, or what holds without it."""
    return default if value is UNSET else value

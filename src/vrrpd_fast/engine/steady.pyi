"""The kernel filter that absorbs the steady state; the C API that the machine uses is in steady.pxd."""

from pathlib import Path
from typing import Final

from typing_extensions import disjoint_base

ROOM_MAX: Final[int]
"""The longest VRRP message that can be absorbed: what fits an MTU of 1500 (255 IPv4 or 90 IPv6 addresses)."""

TIME_OFFSETS: Path
ADVICE: dict[int, str]

class SteadyFilterError(OSError):
    """Why there is no kernel filter: errno, a line to show, and what the verifier said if it came to that."""

    log: str

def failure(result: int, step: str, log: str = "") -> SteadyFilterError: ...
def has_own_clock(offsets: str) -> bool: ...
def raise_memlock() -> bool: ...

@disjoint_base
class SteadyFilter:
    """Entries 0 … slots-1 with room for messages of `room` bytes (rounded up to 64s), and the program.

    An entry takes 64 + room bytes of kernel memory. Adverts pass untouched until a slot is bound and armed.
    SteadyFilterError when the kernel does not let us, or when CLOCK_MONOTONIC is a time namespace's own.
    """

    def __init__(self, slots: int, room: int = ...) -> None: ...
    @property
    def slots(self) -> int:
        """0 when closed."""

    @property
    def room(self) -> int: ...
    @property
    def program_fd(self) -> int:
        """The program's descriptor, for bpf(2); -1 when closed."""

    def attach(self, socket: int) -> None:
        """Filter what this raw VRRP socket receives, in place of any filter that it had, until detach()."""

    def detach(self, socket: int) -> None: ...
    def bind(self, slot: int, ifindex: int, family: int, vrid: int) -> None:
        """Which adverts the slot is for, in place of what it was for; it is disarmed, its counts stay.

        SteadyFilterError (EEXIST) when another slot is bound to these.
        """

    def unbind(self, slot: int) -> None:
        """Give the slot back: disarmed, bound to nothing, counts 0."""

    def grow(self, slots: int, room: int) -> None:
        """More or larger entries: new maps and a new program, swapped in on all sockets.

        Everything is disarmed; bindings and counts stay. Pointers to entries are no longer valid. After an
        error all is as it was.
        """

    def close(self) -> None:
        """Disarm and free everything; a socket that is still attached hears everything."""

    def arm(self, slot: int, source: bytes, destination: bytes, message: bytes) -> bool:
        """Have adverts absorbed that equal this one; False when the message is too long for that."""

    def disarm(self, slot: int) -> None:
        """Have nothing absorbed from now on."""

    def is_armed(self, slot: int) -> bool: ...
    def absorbed(self, slot: int) -> int:
        """How many adverts were absorbed."""

    def last_seen_ns(self, slot: int) -> int:
        """When the last one was, CLOCK_MONOTONIC; 0 before the first."""

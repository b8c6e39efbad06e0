"""BFD Control packets as bytes; see packet.pyx for the rules."""

from typing import NamedTuple

REFUSALS: tuple[str, ...]

class Control(NamedTuple):
    """The mandatory section of RFC 5880 4.1; `flags` are its six bits from P down to M."""

    diagnostic: int
    state: int
    flags: int
    multiplier: int
    my_discriminator: int
    your_discriminator: int
    min_tx_us: int
    min_rx_us: int

def parse(data: bytes) -> tuple[int, Control | None]:
    """The verdict, an index of REFUSALS, and what is in the packet when it is 0."""

def pack(control: Control) -> bytes:
    """A packet without authentication section."""

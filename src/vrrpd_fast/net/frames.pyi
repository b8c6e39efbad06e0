from collections.abc import Sequence

from typing_extensions import disjoint_base

__test__: dict[str, str]

@disjoint_base
class FrameSender:
    """Whole Ethernet frames out of any interface, through one AF_PACKET socket that receives nothing.

    Belongs to one thread. `errors` counts frames the kernel refused (interface down or gone, frame too long),
    `last_error` is the errno of the last of them, 0 when there was none.
    """

    errors: int
    last_error: int
    def __init__(self) -> None: ...
    def send(self, frames: Sequence[tuple[int, bytes]]) -> int:
        """Send (ifindex, frame) pairs in order; never blocks.

        Returns how many are done with, sent or refused. When the kernel runs out of room that is less than
        len(frames): send frames[result:] again later. ValueError for a frame shorter than an Ethernet header.
        """

    def fileno(self) -> int:
        """The descriptor, -1 when closed."""

    def close(self) -> None: ...

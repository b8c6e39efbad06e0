"""What a daemon does, seen from outside: a library for monitoring, and what vrrpctl shows.

    from vrrpd_fast.observe import read

    snapshot = read("/run/vrrpd-fast/control.sock")

`read`, `status`, `Snapshot`, `Condition` and `SegmentError` are those of observe.segment; docs/SEGMENT.md
tells what a snapshot has. Nothing here needs the daemon, nor is anything loaded before it is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .segment import Condition, SegmentError, Snapshot, read, status

__all__ = ["Condition", "SegmentError", "Snapshot", "read", "status"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from . import segment

        return getattr(segment, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

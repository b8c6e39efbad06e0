"""What trackers do to a priority: pure arithmetic, with keepalived's rules."""

import enum
from collections.abc import Iterable

OWNER = 255
_LARGEST = 253  # what a tracker may take away without being a fault, or add


class Fault(enum.Enum):
    """What a tracker of weight 0 says instead of a number."""

    DOWN = "fault"  # the virtual router cannot serve
    UNKNOWN = "waiting"  # nothing is known yet: it waits before it takes part


def contribution(weight: int, reverse: bool, up: bool | None) -> int | Fault:
    """What one tracker adds to the priority. A positive weight counts when up, a negative one when down.

    `reverse` turns the sign around; weight 0 means FAULT when down, or when up if reversed. `up` is None
    before the first result.
    """
    if weight == 0:
        if up is None:
            return Fault.UNKNOWN
        return 0 if up != reverse else Fault.DOWN
    if up is None or up != (weight > 0):
        return 0
    return -weight if reverse else weight


def contribution_of_value(weight: int, reverse: bool, value: int) -> int | Fault:
    """What a number, times its weight, adds to the priority: less than -253 is FAULT.

    Weight 0 means FAULT when the number is not 0, or when it is if reversed.
    """
    if weight == 0:
        return Fault.DOWN if (value != 0) != reverse else 0
    product = value * (-weight if reverse else weight)
    return Fault.DOWN if product < -_LARGEST else min(_LARGEST, product)


def effective(base: int, contributions: Iterable[int | Fault]) -> int:
    """The priority to advertise: base and contributions, held to 1..254. An owner's is never changed."""
    if base == OWNER:
        return OWNER
    return min(254, max(1, base + sum(part for part in contributions if isinstance(part, int))))

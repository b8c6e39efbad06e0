"""A BFD session as virtual routers see it: up while it is Up, or was when the neighbour took it down."""

from msgspec import Struct

from vrrpd_fast.bfd.service import Neighbour
from vrrpd_fast.model import JSON
from vrrpd_fast.track.priority import Fault, contribution


class BfdTracker(Struct, frozen=True):
    """There is no time in which nothing is known: a session begins Down."""

    neighbour: Neighbour

    @property
    def state(self) -> bool:
        return self.neighbour.is_up

    @property
    def text(self) -> str:
        """How it is, as a sentence."""
        return self.neighbour.text

    def part(self, weight: int, reverse: bool) -> int | Fault:
        """What it adds to the priority of one that tracks it like this."""
        return contribution(weight, reverse, self.state)

    def describe(self) -> JSON:
        """What status shows."""
        return self.neighbour.describe()

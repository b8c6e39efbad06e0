"""A link as something that is tracked: up or down."""

from msgspec import Struct

from vrrpd_fast.model import JSON
from vrrpd_fast.track.priority import Fault, contribution


class InterfaceTracker(Struct, frozen=True):
    """How one link is at a moment; one that does not exist is down."""

    name: str
    up: bool

    @property
    def text(self) -> str:
        return f"tracked interface {self.name} is {self._word}"

    def part(self, weight: int, reverse: bool) -> int | Fault:
        return contribution(weight, reverse, self.up)

    def describe(self) -> JSON:
        return {"name": self.name, "type": "interface", "state": self._word}

    @property
    def _word(self) -> str:
        return "up" if self.up else "down"

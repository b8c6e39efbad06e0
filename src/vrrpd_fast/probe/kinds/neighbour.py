"""A neighbour on a link, as the kernel's ARP or ND finds it.

The kernel believes in a neighbour for half a minute without asking. So it is made to ask, by unicast, at each
check. A question that is not answered it repeats once a second.
"""

import asyncio
from ipaddress import ip_address

from vrrpd_fast.model import NeighbourProbe
from vrrpd_fast.net import neighbours
from vrrpd_fast.net.neighbours import Nud
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, failure
from vrrpd_fast.probe.kinds.kernel import rtnetlink
from vrrpd_fast.probe.kinds.links import index_of

_FIRST_LOOK_S = 0.004  # the kernel asks at its next tick, every 1 to 10 ms
_LAST_LOOK_S = 0.1


def make(settings: NeighbourProbe, context: Context) -> Check:
    """The check of a neighbour block."""
    return NeighbourCheck(settings, context)


class NeighbourCheck:
    """Up while the neighbour answers; `passive`: while the kernel has an address for it."""

    def __init__(self, settings: NeighbourProbe, context: Context) -> None:
        self._context = context
        self._address = ip_address(settings.address).packed
        self._interface = settings.interface
        self._is_passive = settings.passive
        self._solicitation = Solicitation(context)

    def begin(self, conclude: Conclude) -> None:
        ifindex = index_of(self._interface)
        if self._is_passive:
            now = neighbours.state(self._context.shared(rtnetlink), ifindex, self._address)
            conclude(Outcome(bool(now & neighbours.ADDRESS_KNOWN), word(now)))
        else:
            self._solicitation.begin(ifindex, self._address, conclude)

    def abandon(self) -> None:
        self._solicitation.abandon()

    def close(self) -> None:
        """The socket is of all."""


class Solicitation:
    """Has the kernel ask one neighbour, and looks what comes of it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, ifindex: int, address: bytes, conclude: Conclude) -> None:
        """`conclude` once it has answered or been given up. OSError as in neighbours.verify."""
        now = neighbours.verify(self._context.shared(rtnetlink), ifindex, address)
        if now & neighbours.VERIFIED:
            conclude(Outcome(True, word(now)))
        else:
            self._look_after(_FIRST_LOOK_S, ifindex, address, conclude)

    def abandon(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_after(self, seconds: float, ifindex: int, address: bytes, conclude: Conclude) -> None:
        loop = self._context.loop
        self._timer = loop.call_later(seconds, self._look, seconds, ifindex, address, conclude)

    def _look(self, waited_s: float, ifindex: int, address: bytes, conclude: Conclude) -> None:
        self._timer = None
        try:
            now = neighbours.state(self._context.shared(rtnetlink), ifindex, address)
            if now == neighbours.NONE:  # somebody has flushed the table
                now = neighbours.verify(self._context.shared(rtnetlink), ifindex, address)
        except OSError as error:
            conclude(failure(error))
            return
        if now & neighbours.VERIFIED:
            conclude(Outcome(True, word(now)))
        elif now & Nud.FAILED:
            conclude(Outcome(False, "does not answer"))
        else:
            self._look_after(min(2 * waited_s, _LAST_LOOK_S), ifindex, address, conclude)


def word(state: Nud) -> str:
    """A state as ip-neighbour(8) has it, in small letters."""
    return (state.name or "none").lower()

"""The state machine on real sockets, timer and clock; see engine.pyx for how."""

from collections.abc import Callable, Sequence

from typing_extensions import disjoint_base

from vrrpd_fast.engine.machine import Machine
from vrrpd_fast.engine.rows import Rows
from vrrpd_fast.engine.steady import SteadyFilter

@disjoint_base
class Engine(Machine):
    def __init__(
        self,
        hook: Callable[[], None],
        *,
        receive4: int,
        receive6: int,
        packet: int,
        unicast4: int,
        unicast6: int,
        steady: SteadyFilter | None = None,
    ) -> None:
        """Descriptors as engine/sockets.py opens them, -1 for none.

        `hook` is called when there is something to drain, and not again before drain().
        """

    @property
    def has_filter(self) -> bool:
        """Whether the kernel absorbs the adverts of a steady master."""

    @property
    def filter_loss(self) -> str | None:
        """Why the kernel filter was given up while running."""

    @property
    def timer_fd(self) -> int:
        """The timerfd for the loop's add_reader(timer_fd, on_timer)."""

    @staticmethod
    def now_ns() -> int:
        """CLOCK_MONOTONIC."""

    def equip(self, handle: int, datagrams: Sequence[bytes]) -> None:
        """The adverts of a virtual router: whole IP datagrams of one length, one per destination."""

    def settle(self) -> None:
        """After control calls: send what they made due and set the timer."""

    def on_timer(self) -> None: ...
    def on_readable4(self) -> None: ...
    def on_readable6(self) -> None: ...
    def write_rows(self, rows: Rows) -> None:
        """From now on write what happens into these rows of a stats segment."""

    def show(self, handle: int, serial: int) -> bool:
        """The virtual router's card, with this serial, is in the segment: let its row be seen.

        False when the segment has no room for its row.
        """

    def hide(self, handle: int) -> None:
        """Clear the row of a virtual router that was removed; without this it stays as it was last."""

    def refresh_rows(self, limit: int) -> bool:
        """Bring the next rows up to date; False when that has ended a round of all."""

    def note_takeover(self, step: int, late_ns: int) -> None:
        """How long after its down deadline a new master's addresses were there (1) or announced (2)."""

    def beat(self, others: int, receive_dropped: int, link_overruns: int, *, stopped: bool = False) -> None:
        """Write into the segment that we live, and what is counted of the whole process."""

    def take_polling(self) -> bool:
        """Whether the receive sockets are read on the tick, so that the loop need not watch them."""

    def take_late(self) -> tuple[int, int] | None:
        """The worst tick that was more than 5 ms late since the last call: by how many ns, and when."""

    def lateness_ns(self) -> dict[int, int]:
        """How many ticks came late by less than so many nanoseconds (powers of two), each counted once."""

    def health(self) -> dict[str, int]:
        """Wake-ups, datagrams and failures of the process's whole life."""

"""BFD sessions on real sockets, timer and clock; see speaker.pyx for how."""

from collections.abc import Callable

from typing_extensions import disjoint_base

from vrrpd_fast.bfd.session import Sessions

@disjoint_base
class Speaker(Sessions):
    def __init__(self, hook: Callable[[], None], seed: int = 1) -> None:
        """`hook` is called when there is something to drain, and not again before drain()."""

    @property
    def timer_fd(self) -> int:
        """The timerfd for the loop's add_reader(timer_fd, on_timer)."""

    @staticmethod
    def now_ns() -> int:
        """CLOCK_MONOTONIC."""

    def listen(self, family: int, is_multihop: bool, receive: int, send: int) -> None:
        """Descriptors as bfd/sockets.py opens them for a family (4 or 6) and a port; -1 for none."""

    def equip(self, handle: int, now_ns: int, source: bytes | None, port: int, ttl: int) -> None:
        """What stands before the packets of a session: its address, source port, and TTL or hop limit."""

    def settle(self) -> None:
        """After control calls: send what they made due and set the timer."""

    def on_timer(self) -> None: ...
    def on_readable(self, which: int) -> None:
        """A receive socket has something: 0 IPv4, 1 IPv6, 2 and 3 the same for multihop."""

    def take_polling(self) -> bool:
        """Whether the receive sockets are read on the tick, so that the loop need not watch them."""

    def health(self) -> dict[str, int]:
        """Wake-ups, datagrams and failures of all sessions."""

"""Who waits for which reply; the socket itself is tried in tests/lab/test_probe_checks.py."""

from collections.abc import Callable
from typing import Any

import pytest

from vrrpd_fast.model import IcmpProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds.icmp import EchoCheck, Pinger


class Socket:
    """Takes requests, and gives what is put into it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.waiting: list[tuple[bytes, tuple[str, int]]] = []

    def sendmsg(self, parts: list[bytes], *rest: Any) -> None:
        self.sent.append(parts[0])

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        if not self.waiting:
            raise BlockingIOError
        return self.waiting.pop(0)

    def fileno(self) -> int:
        return 0

    def close(self) -> None:
        pass


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> tuple[Context, Socket, Callable[[], None]]:
    """A context with a socket of its own, and what the loop calls when that is readable."""
    socket = Socket()
    readers: list[Callable[[], None]] = []

    class Loop:
        def add_reader(self, fd: object, reader: Callable[[], None]) -> None:
            readers.append(reader)

    monkeypatch.setattr("vrrpd_fast.probe.kinds.icmp._raw_socket", lambda version, identifier: socket)
    context = Context(Loop())  # type: ignore[arg-type]
    return context, socket, lambda: readers[0]()


def reply(request: bytes) -> bytes:
    """The same back over IPv6."""
    return bytes([129, 0]) + request[2:]


def test_a_check_that_waits_for_nothing_takes_nobody_elses_reply(heard: Any) -> None:
    """A sequence number is given out again; who had it before and is abandoned now must not lose it."""
    context, socket, on_readable = heard
    outcomes: list[Outcome] = []
    one, two = (EchoCheck(IcmpProbe(address=f"2001:db8::{number}"), context) for number in (1, 2))
    one.begin(outcomes.append)
    socket.waiting.append((reply(socket.sent[0]), ("2001:db8::1", 0)))
    on_readable()
    assert [outcome.is_success for outcome in outcomes] == [True]
    (pinger,) = (thing for thing in context._shared.values() if isinstance(thing, Pinger))
    pinger._echo._next = 0
    two.begin(outcomes.append)
    one.abandon()
    socket.waiting.append((reply(socket.sent[1]), ("2001:db8::2", 0)))
    on_readable()
    assert [outcome.is_success for outcome in outcomes] == [True, True]


def test_a_reply_after_the_end_is_nobodys(heard: Any) -> None:
    context, socket, on_readable = heard
    outcomes: list[Outcome] = []
    check = EchoCheck(IcmpProbe(address="2001:db8::1"), context)
    check.begin(outcomes.append)
    check.abandon()
    socket.waiting += [(reply(socket.sent[0]), ("2001:db8::1", 0)), (b"", ("2001:db8::1", 0))]
    on_readable()
    assert not outcomes and not socket.waiting


def test_one_wake_up_reads_so_many(heard: Any) -> None:
    context, socket, on_readable = heard
    EchoCheck(IcmpProbe(address="2001:db8::1"), context).begin(lambda outcome: None)
    socket.waiting += [(b"forged", ("2001:db8::1", 0))] * 5000
    on_readable()
    assert len(socket.waiting) == 5000 - 1024

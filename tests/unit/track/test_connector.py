"""Messages of the proc connector, as a kernel sent them."""

import pytest

from vrrpd_fast.track.connector import Event, What, decode


def message(what: int, *words: int) -> bytes:
    """A process event: netlink header, connector header, what, processor, time stamp, then these words."""
    before = bytes.fromhex("4c0000000300000000000000000000000100000001000000090000000000000028000000")
    data = b"".join(word.to_bytes(4, "little") for word in (*words, *[0] * (6 - len(words))))
    return before + what.to_bytes(4, "little") + bytes(12) + data


def test_as_a_kernel_sent_it() -> None:
    """A shell (8702) that forks 10023, which becomes `true` and ends; Linux 6.18."""
    sent = (
        "4c0000000300000001000000000000000100000001000000010000000000000028000000"
        "0100000001000000e8fcbf9179000000fe210000fe21000027270000272700000000000000000000",
        "4c0000000300000000000000000000000100000001000000000000000000000028000000"
        "0200000000000000bcf9c5917900000027270000272700000000000000000000000000000000000000",
        "4c0000000300000001000000000000000100000001000000010000000000000028000000"
        "0000008000000000d157d391790000002727000027270000000000001100000000fe210000fe2100",
    )
    events = [decode(bytes.fromhex(text)) for text in sent]
    assert events == [(What.FORK, 10023, 8702), (What.EXEC, 10023, 0), (What.EXIT, 10023, 0)]


@pytest.mark.parametrize(
    ("what", "words", "event"),
    [
        (What.FORK, (7, 6, 9, 9), (What.FORK, 9, 6)),  # of a thread of process 6
        (What.FORK, (6, 6, 9, 6), None),  # a thread
        (What.EXEC, (6, 6), (What.EXEC, 6, 0)),
        (What.COMM, (6, 6, 0x61), (What.COMM, 6, 0)),
        (What.COMM, (9, 6, 0x61), None),
        (What.EXIT, (6, 6), (What.EXIT, 6, 0)),
        (What.EXIT, (9, 6), None),
        (What.ACKNOWLEDGED, (0,), None),
        (0x4, (6, 6, 0, 0), None),  # another user
        (0x40000000, (6, 6), None),  # a core dump
    ],
)
def test_decode(what: int, words: tuple[int, ...], event: Event | None) -> None:
    assert decode(message(what, *words)) == event


def test_what_is_cut_off_is_nothing() -> None:
    whole = message(What.EXIT, 6, 6)
    assert [decode(whole[:size]) for size in range(68)] == [None] * 68

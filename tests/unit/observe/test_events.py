"""The event ring: what is written is read, in order, resumable, whatever is overwritten or half written."""

import errno
import itertools
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from unit.event_samples import ENDED, START, TAKEOVER, append, write
from vrrpd_fast.observe import events
from vrrpd_fast.observe.events import EventsError, Reader, follow, read, ring_path
from vrrpd_fast.recorder.ring import RECORD_LIMIT, Ring

SMALL = {"block_size": 1024, "blocks": 4}


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "control.sock")


def numbers(path: str, since: int = 0, name: str | None = None) -> list[int]:
    return [event["seq"] for event in read(path, since, name)]


def many(first: int, count: int, room: int = 60) -> list[dict[str, Any]]:
    return [
        {"time": float(n), "event": "late", "instance": f"VI_{n % 3}", "text": "x" * (n * 7 % room)}
        for n in range(first, first + count)
    ]


def test_what_is_written_is_read(path: str) -> None:
    write(path, START, TAKEOVER, ENDED)
    assert [{**event, "seq": 0} for event in read(path)] == [
        {"seq": 0, **each} for each in (START, TAKEOVER, ENDED)
    ]
    assert numbers(path) == [1, 2, 3]
    assert numbers(path, since=1) == [2, 3]
    assert numbers(path, since=3) == []


def test_a_name_or_pattern_chooses(path: str) -> None:
    write(path, *many(1, 9))
    assert numbers(path, name="VI_1") == [1, 4, 7]
    assert numbers(path, name="VI_[12]") == [1, 2, 4, 5, 7, 8]
    assert numbers(path, name="none") == []


def test_the_file_is_sparse_and_for_everybody_to_read(path: str) -> None:
    write(path, START)
    facts = os.stat(ring_path(path))
    assert facts.st_mode & 0o777 == 0o644
    assert facts.st_size == 4096 + 16 * 1024 * 1024
    assert facts.st_blocks * 512 <= 16 * 1024


def test_the_sequence_goes_on_in_the_next_run(path: str) -> None:
    write(path, START, TAKEOVER)
    write(path, START)
    assert numbers(path) == [1, 2, 3]
    assert numbers(path, since=2) == [3]


@pytest.mark.parametrize("count", [1, 20, 33, 34, 60, 333])
def test_the_oldest_are_overwritten_and_the_reader_is_told(path: str, count: int) -> None:
    ring = Ring(path, **SMALL)
    for each in many(1, count):
        append(ring, each)
    ring.close()
    found = list(read(path))
    if found[0]["event"] == "gap":
        gap = found.pop(0)
        assert (gap["from"], gap["to"]) == (1, found[0]["seq"] - 1)
    assert [event["seq"] for event in found] == list(range(found[0]["seq"], count + 1))
    assert [event["time"] for event in found] == [float(event["seq"]) for event in found]
    for since in range(found[0]["seq"], count + 1):
        assert numbers(path, since) == list(range(since + 1, count + 1))
    ring = Ring(path, **SMALL)
    assert ring.last == count
    ring.close()


def test_many_at_once_are_as_many_one_by_one(path: str) -> None:
    ring = Ring(path, **SMALL)
    append(ring, *many(1, 500))
    ring.close()
    assert numbers(path)[-10:] == list(range(491, 501))


def test_a_record_as_long_as_may_be(path: str) -> None:
    ring = Ring(path)
    for _ in range(3):
        ring.append([b'{"seq":%d,"time":0,"event":"x"}' % (ring.last + 1) + b" " * (RECORD_LIMIT - 31)])
    ring.close()
    assert numbers(path) == [1, 2, 3]


def test_what_is_half_written_is_not_there_yet(path: str) -> None:
    write(path, START, TAKEOVER)
    with open(ring_path(path), "r+b") as file:
        data = file.read()
        at = data.rindex(b"VI_1")
        file.seek(at)
        file.write(b"\0")
    assert numbers(path) == [1]
    write(path, START)  # the next run goes on behind what is whole
    assert numbers(path) == [1, 2]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"x" * 10_000),
        lambda file: file.write_bytes(b"\xff" + file.read_bytes()[1:]),
        lambda file: file.write_bytes(file.read_bytes()[:16] + b"\1" + file.read_bytes()[17:]),
    ],
)
def test_a_ring_that_cannot_be_continued_is_made_anew(path: str, spoil: Any) -> None:
    write(path, START)
    spoil(Path(ring_path(path)))
    with pytest.raises(EventsError, match="no event ring of this version"):
        list(read(path))
    write(path, TAKEOVER)
    assert [event["event"] for event in read(path)] == ["transition"]
    assert numbers(path, since=900) == [1]  # who followed the former one begins again


def test_a_link_or_a_fifo_in_its_place_is_replaced_and_not_written_to(path: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"precious")
    Path(ring_path(path)).symlink_to(other)
    write(path, START)
    assert other.read_bytes() == b"precious"
    assert numbers(path) == [1]
    os.unlink(ring_path(path))
    os.mkfifo(ring_path(path))
    write(path, START)
    assert numbers(path) == [1]


def test_no_ring_is_an_error_that_says_so(path: str) -> None:
    with pytest.raises(EventsError, match="no events of a vrrpd-fast"):
        list(read(path))


def test_a_block_that_was_announced_and_never_begun(path: str) -> None:
    ring = Ring(path, **SMALL)
    append(ring, *many(1, 5))
    ring._next_block()  # and killed here
    ring.close()
    assert numbers(path) == [1, 2, 3, 4, 5]
    write(path, START, **SMALL)
    assert numbers(path) == [1, 2, 3, 4, 5, 6]


def test_no_room_loses_what_did_not_fit_and_nothing_else(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Ring(path)
    append(ring, *many(1, 5))
    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space")))
        with pytest.raises(OSError, match="No space"):
            append(ring, *many(6, 5))
    append(ring, *many(6, 2))
    ring.close()
    assert numbers(path) == list(range(1, 8))


def test_a_follower_gets_all_in_order_while_they_are_overwritten(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.0001)
    ring = Ring(path, **SMALL)
    append(ring, START)

    def fill() -> None:
        for each in many(2, 2999):
            append(ring, each)

    writer = threading.Thread(target=fill)
    expected = 1
    writer.start()
    for event in follow(path, since=0):
        if event["event"] == "gap":
            assert event["from"] == expected
            expected = event["to"] + 1
        else:
            assert event["seq"] == expected
            assert expected == 1 or event["time"] == float(expected)
            expected += 1
        if expected == 3001:
            break
    writer.join()
    ring.close()


def test_a_follower_sees_only_what_is_to_come_unless_told(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.0001)
    write(path, START, TAKEOVER)
    comes = follow(path)
    timer = threading.Timer(0.05, write, (path, ENDED))
    timer.start()
    assert next(comes)["seq"] == 3
    timer.join()
    comes.close()
    assert [each["seq"] for each in itertools.islice(follow(path, since=1), 2)] == [2, 3]


def test_a_follower_goes_over_to_a_ring_that_was_made_anew(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.0001)
    write(path, START, TAKEOVER)
    comes = follow(path, since=2)
    timer = threading.Timer(0.05, lambda: (os.unlink(ring_path(path)), write(path, ENDED)))
    timer.start()
    assert next(comes)["event"] == "steps"
    timer.join()


def test_a_reader_of_a_ring_without_events_waits_for_the_first(path: str) -> None:
    ring = Ring(path)
    with Reader(path) as reader:
        assert not list(reader.batches())
        append(ring, ENDED)
        assert [[e["seq"] for e in batch] for batch in reader.batches()] == [[1]]
    ring.close()


def test_a_reader_continues_where_it_was(path: str) -> None:
    write(path, START)
    with Reader(path) as reader:
        assert [[e["seq"] for e in batch] for batch in reader.batches()] == [[1]]
        assert not list(reader.batches())
        write(path, TAKEOVER, ENDED)
        assert [[e["seq"] for e in batch] for batch in reader.batches()] == [[2, 3]]


@pytest.mark.parametrize("count", [1, 7, 40, 333])
def test_needles_find_what_a_name_finds(path: str, count: int) -> None:
    ring = Ring(path, **SMALL)
    rare = [each | {"instance": "rare"} if n % 50 == 6 else each for n, each in enumerate(many(1, count))]
    for each in rare:
        append(ring, each)
    for name in ("VI_1", "rare", "none"):
        wanted = [event["seq"] for event in read(path, name=name) if event["event"] != "gap"]
        found = read(path, name=name, needles=[f'"instance":"{name}"'.encode()])
        assert [event["seq"] for event in found if event["event"] != "gap"] == wanted
    ring.close()

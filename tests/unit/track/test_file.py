"""The number in a track_file: what is read of it, and what is not even opened."""

import os
from pathlib import Path

import pytest

from vrrpd_fast.model import ValueFile
from vrrpd_fast.track.file import FileTracker, number_in


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"10", 10),
        (b" \t\n-5 \n", -5),
        (b"+3", 3),
        (b"0", 0),
        (b"0x10", 16),
        (b"0x", 0),
        (b"010", 8),
        (b"09", 0),
        (b"3.9", 3),
        (b"7 of 9", 7),
        (b"8\n9\n", 8),
        (b"99999999999999999999", 99999999999999999999),
        (b"", None),
        (b"\n", None),
        (b"abc", None),
        (b"-", None),
        (b"\0\xff", None),
    ],
)
def test_numbers(data: bytes, value: int | None) -> None:
    assert number_in(data) == value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def tracker(path: Path, initial: int | None = None, *, overwrite: bool = False) -> FileTracker:
    return FileTracker(ValueFile(name="f", path=str(path), initial=initial, overwrite=overwrite))


def test_a_change_is_told_once(path: Path) -> None:
    file = tracker(path)
    assert not file.read()
    assert (file.value, file.state) == (0, "missing")
    path.write_text("12\n")
    assert file.read()
    assert not file.read()
    assert file.describe() == {
        "name": "f",
        "type": "file",
        "state": "read",
        "path": str(path),
        "value": 12,
    }
    path.write_text("none")
    assert file.read()
    assert (file.value, file.state) == (0, "no number")


@pytest.mark.parametrize("text", ["2147483648", "-2147483649", "9" * 200])
def test_more_than_32_bits_change_nothing(path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    file = tracker(path)
    path.write_text("5")
    assert file.read()
    path.write_text(text)
    assert not file.read()
    assert (file.value, file.state) == (5, "out of range")
    assert caplog.messages == [f"track_file f: the number in {path} has more than 32 bits: still 5"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "directory"])
def test_only_regular_files_are_opened(path: Path, make: object, caplog: pytest.LogCaptureFixture) -> None:
    make(path)  # type: ignore[operator]
    file = tracker(path, 5, overwrite=True)
    file.initialise()
    assert not file.read()
    assert (file.value, file.state) == (0, "unreadable")
    assert f"track_file f: {path}: is no regular file: counts as 0" in caplog.messages


def test_of_a_large_file_little_is_read(path: Path) -> None:
    path.write_bytes(b" " * 128 + b"5")
    file = tracker(path)
    assert not file.read()
    assert file.state == "no number"


@pytest.mark.parametrize(
    ("before", "overwrite", "after"),
    [(None, False, "7\n"), (None, True, "7\n"), ("30\n", False, "30\n"), ("30\n", True, "7\n")],
)
def test_init_file(path: Path, before: str | None, overwrite: bool, after: str) -> None:
    if before is not None:
        path.write_text(before)
    file = tracker(path, 7, overwrite=overwrite)
    file.initialise()
    assert path.read_text() == after
    assert file.read()


def test_without_init_file_nothing_is_made(path: Path) -> None:
    tracker(path).initialise()
    assert not path.exists()


def test_what_cannot_be_written_is_told(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tracker(path / "below", 7).initialise()
    assert caplog.messages == [f"track_file f: init_file: {path / 'below'}: No such file or directory"]

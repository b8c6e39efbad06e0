import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.log.records import failing, record
from vrrpd_fast.log import journal
from vrrpd_fast.log.journal import JournalSink, is_stream, is_there
from vrrpd_fast.log.writer import QueueHandler


def decode(data: bytes) -> dict[str, str]:
    """The fields of one record, read as journald reads them."""
    found: dict[str, str] = {}
    while data:
        line, _, rest = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack_from("<Q", rest)
            value, rest = rest[8 : 8 + length], rest[8 + length :]
            assert rest[:1] == b"\n"
            rest = rest[1:]
        key = name.decode("ascii")
        assert key not in found
        assert key.replace("_", "").isalnum() and key == key.upper() and key[0] != "_" and len(key) <= 64
        found[key] = value.decode()
        data = rest
    return found


class Journal:
    """A journald that keeps what it gets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(5)

    def receive(self) -> dict[str, str]:
        data, ancillary, _, _ = self.socket.recvmsg(1 << 20, socket.CMSG_SPACE(4))
        if not ancillary:
            return decode(data)
        assert data == b""  # journald takes either the one or the other
        ((level, kind, passed),) = ancillary
        assert (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        (number,) = struct.unpack("i", passed)
        with open(number, "rb") as file:
            file.seek(0)
            with pytest.raises(PermissionError):
                os.pwrite(number, b"x", 0)  # sealed, or journald would refuse it
            return decode(file.read())


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "socket")
    yield journal
    journal.socket.close()


def test_fields(there: Journal) -> None:
    handler = QueueHandler(JournalSink(str(there.path)))
    told = {"instance": "VI_1 ü", "failover": "k3-7", "event": "transition"}
    handler.emit(record("instance %s: BACKUP -> MASTER", "VI_1", level=30, **told))
    handler.close()
    assert there.receive() == {
        "MESSAGE": "instance VI_1: BACKUP -> MASTER",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "vrrpd-fast",
        "CODE_FILE": str(Path(__file__).parent / "records.py"),
        "CODE_LINE": "12",
        "CODE_FUNC": "speak",
        "LOGGER": "vrrpd_fast.x",
        "VRRP_INSTANCE": "VI_1 ü",
        "VRRP_FAILOVER_ID": "k3-7",
        "VRRP_EVENT": "transition",
    }


def test_a_traceback_keeps_its_lines_and_a_name_cannot_add_fields(there: Journal) -> None:
    handler = QueueHandler(JournalSink(str(there.path)))
    handler.emit(failing("bad\nPRIORITY=0"))
    handler.emit(record("x", instance="a\nPRIORITY=0", failover="\udcff"))
    handler.close()
    first, second = there.receive(), there.receive()
    lines = first["MESSAGE"].split("\n")
    assert lines[0] == r"bad\nPRIORITY=0"
    assert lines[-1] == "  KeyError: 'gone'"
    assert first["PRIORITY"] == "3"
    assert (second["VRRP_INSTANCE"], second["PRIORITY"]) == ("a\nPRIORITY=0", "6")
    assert second["VRRP_FAILOVER_ID"] == r"\udcff"


def test_what_does_not_fit_into_a_datagram_comes_as_a_file(there: Journal) -> None:
    handler = QueueHandler(JournalSink(str(there.path)))
    handler.emit(record("x" * 3_000_000))
    handler.emit(record("small again"))
    handler.close()
    assert there.receive()["MESSAGE"] == "x" * 3_000_000
    assert there.receive()["MESSAGE"] == "small again"


def test_a_journal_that_is_away_loses_records_and_is_told_how_many(there: Journal) -> None:
    handler = QueueHandler(JournalSink(str(there.path)))
    there.socket.close()
    for n in range(5):
        handler.emit(record("%d", n))
    deadline = time.monotonic() + 5
    while handler.dropped < 5 and time.monotonic() < deadline:
        time.sleep(0.002)
    assert handler.dropped >= 5
    there.path.unlink()
    again = Journal(there.path)
    handler.emit(record("hello"))
    handler.close()
    assert again.receive()["MESSAGE"] == "hello"
    told = again.receive()
    assert told["MESSAGE"].endswith(" log records were dropped: nobody read them fast enough")
    assert int(told["MESSAGE"].split()[0]) >= 5
    again.socket.close()


def test_a_journal_that_does_not_read_holds_nobody(there: Journal) -> None:
    handler = QueueHandler(JournalSink(str(there.path)), limit=100)
    slowest = 0.0
    for n in range(3000):
        begin = time.perf_counter()
        handler.emit(record("%d", n))
        slowest = max(slowest, time.perf_counter() - begin)
    assert slowest < 0.5
    assert handler.dropped > 1000
    while (found := there.receive())["MESSAGE"][0].isdigit() and "dropped" not in found["MESSAGE"]:
        pass
    handler.close()


def test_the_stream_of_the_journal_is_recognised() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        status = os.fstat(ours.fileno())
        assert is_stream(ours.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_stream(theirs.fileno(), {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        assert not is_stream(ours.fileno(), {})
        number = ours.fileno()
    assert not is_stream(number, {"JOURNAL_STREAM": "1:1"})


def test_where_there_is_no_journal(there: Journal, tmp_path: Path) -> None:
    assert is_there(str(there.path))
    assert not is_there(str(tmp_path / "nothing"))
    (tmp_path / "file").write_text("")
    assert not is_there(str(tmp_path / "file"))


PROGRAM = """
import logging, os, sys
from vrrpd_fast.log import journal, setup
journal.PATH, level, format = sys.argv[1:]
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
setup(level, format)
logging.getLogger("vrrpd_fast.x").info("hello", extra={"instance": "50"})
"""


def run_under_systemd(path: Path, format: str) -> str:
    argv = [sys.executable, "-c", PROGRAM, str(path), "info", format]
    return subprocess.run(argv, stderr=subprocess.PIPE, text=True, check=True, timeout=20).stderr


def test_under_systemd_the_journal_gets_fields_and_stderr_nothing(there: Journal) -> None:
    assert journal.PATH == "/run/systemd/journal/socket"
    assert run_under_systemd(there.path, "text") == ""
    assert there.receive()["VRRP_INSTANCE"] == "50"


def test_under_systemd_without_a_journal_socket(tmp_path: Path) -> None:
    assert run_under_systemd(tmp_path / "nothing", "text") == "<6>hello\n"


def test_json_is_json_under_systemd_too(there: Journal) -> None:
    assert '"instance":"50"' in run_under_systemd(there.path, "json")

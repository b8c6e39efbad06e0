"""systemd: what is asked over D-Bus, and what answers come to.

A fake answers as systemd does, and a real dbus-daemon reads our messages; a real systemd is asked in
tests/lab/test_probes.py.
"""

import asyncio
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.probe import servers
from unit.probe.running import outcome_of
from unit.probe.running import run as run_again
from vrrpd_fast.model import SystemdProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds import dbus, make, systemd

RunFixture = Callable[[Any], Any]
Unit = tuple[str, str, str]  # load state, active state, sub state
RUNNING: Unit = ("loaded", "active", "running")


def returned(serial: int, units: list[Unit]) -> bytes:
    """A method return of ListUnitsByNames, as systemd would send it."""
    content = b""
    for load, active, sub in units:
        content += bytes(-len(content) % 8)
        for kind, value in zip(
            "ssssssouso", ("a.service", "A", load, active, sub, "", "/u", 0, "", "/j"), strict=True
        ):
            content += bytes(-len(content) % 4)
            if kind == "u":
                content += struct.pack("<I", value)
            else:
                raw = str(value).encode()
                content += struct.pack("<I", len(raw)) + raw + b"\0"
    body = struct.pack("<II", len(content), 0) + content
    fields = b"\5\1u\0" + struct.pack("<I", serial) + b"\10\1g\0\15a(ssssssouso)\0"
    return message(2, fields, body)


def failed(serial: int, name: str, text: str) -> bytes:
    raw = text.encode()
    body = struct.pack("<I", len(raw)) + raw + b"\0"
    fields = (
        b"\5\1u\0"
        + struct.pack("<I", serial)
        + b"\4\1s\0"
        + struct.pack("<I", len(name))
        + name.encode()
        + b"\0"
    )
    fields += bytes(-len(fields) % 8) + b"\10\1g\0\1s\0"
    return message(3, fields, body)


def message(kind: int, fields: bytes, body: bytes) -> bytes:
    head = struct.pack("<cBBBIII", b"l", kind, 1, 1, len(body), 77, len(fields)) + fields
    return head + bytes(-len(head) % 8) + body


class Systemd:
    """Somebody who knows units, behind a socket."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.units: dict[str, Unit] = {}
        self.calls: list[list[str]] = []
        self.hangs_up_after = 1000  # calls
        self.in_pieces = False
        self.error: str | None = None
        self.greeting = b"OK 0123456789abcdef\r\n"

    @contextmanager
    def running(self) -> Iterator[None]:
        with servers.unix(self.path, self.serve):
            yield
        Path(self.path).unlink()

    def serve(self, connection: socket.socket) -> None:
        said = servers.read_until(connection, b"BEGIN\r\n")
        assert said == b"\0AUTH EXTERNAL %s\r\nBEGIN\r\n" % str(os.getuid()).encode().hex().encode()
        connection.sendall(self.greeting)
        data = b""
        while piece := connection.recv(65536):
            data += piece
            while len(data) >= 16:
                body, serial, fields = struct.unpack_from("<III", data, 4)
                start = -(-(16 + fields) // 8) * 8
                if len(data) < start + body:
                    break
                self.answer(connection, serial, data[start : start + body])
                data = data[start + body :]

    def answer(self, connection: socket.socket, serial: int, body: bytes) -> None:
        names, position = [], 4
        while position < len(body):
            position += -position % 4
            (length,) = struct.unpack_from("<I", body, position)
            names.append(body[position + 4 : position + 4 + length].decode())
            position += 4 + length + 1
        self.calls.append(names)
        if len(self.calls) >= self.hangs_up_after:
            self.hangs_up_after = 1000
            connection.close()
            raise OSError
        said = returned(serial, [self.units.get(name, ("not-found", "inactive", "dead")) for name in names])
        if self.error is not None:
            said = failed(serial, "org.freedesktop.DBus.Error.Failed", self.error)
        # A signal comes before it, as on a bus.
        said = message(4, b"\3\1s\0\4\0\0\0Some\0", b"") + said
        for byte in said if self.in_pieces else [0]:
            connection.sendall(bytes((byte,)) if self.in_pieces else said)


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    found = Systemd(tmp_path / "private")
    monkeypatch.setattr(systemd, "PRIVATE", found.path)
    monkeypatch.setattr(systemd, "BUS", str(tmp_path / "no-bus"))
    return found


async def ask(unit: str = "a.service", **more: Any) -> Outcome:
    context = Context(asyncio.get_running_loop())
    try:
        return await outcome_of(SystemdProbe(unit=unit, **more), context, 5)
    finally:
        context.close()


@pytest.mark.parametrize(
    ("unit", "more", "outcome"),
    [
        (RUNNING, {}, Outcome(True, "active (running)")),
        (("loaded", "reloading", "reload"), {}, Outcome(True, "reloading (reload)")),
        (("loaded", "failed", "failed"), {}, Outcome(False, "failed (failed)")),
        (("loaded", "activating", "auto-restart"), {}, Outcome(False, "activating (auto-restart)")),
        (("loaded", "inactive", "dead"), {"states": ("inactive",)}, Outcome(True, "inactive (dead)")),
        (
            ("not-found", "inactive", "dead"),
            {"states": ("inactive",)},
            Outcome(False, "there is no such unit"),
        ),
    ],
)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_states(
    run: RunFixture, known: Systemd, unit: Unit, more: dict[str, Any], outcome: Outcome, in_pieces: bool
) -> None:
    known.units["a.service"] = unit
    known.in_pieces = in_pieces
    with known.running():
        assert run(ask(**more)) == outcome


def test_what_is_asked_at_once_is_one_call_on_one_connection(run: RunFixture, known: Systemd) -> None:
    known.units = {f"{n}.service": RUNNING if n % 2 else ("loaded", "failed", "exit-code") for n in range(50)}

    async def outcomes() -> list[bool]:
        context = Context(asyncio.get_running_loop())
        checks = [make(SystemdProbe(unit=name), context) for name in known.units]
        for _ in range(2):
            found = await asyncio.gather(*(run_again(check, context) for check in checks))
        context.close()
        return [outcome.is_success for outcome in found]

    with known.running():
        assert run(outcomes()) == [bool(n % 2) for n in range(50)]
    assert known.calls == [list(known.units)] * 2


def test_a_lost_connection_is_made_again_and_the_run_goes_on(run: RunFixture, known: Systemd) -> None:
    known.units["a.service"] = RUNNING
    known.hangs_up_after = 1
    with known.running():
        assert run(ask()) == Outcome(True, "active (running)")
    assert known.calls == [["a.service"]] * 2


def test_while_nobody_listens_a_run_waits(run: RunFixture, known: Systemd) -> None:
    known.units["a.service"] = RUNNING

    async def wait() -> Outcome:
        with socket.socket(socket.AF_UNIX) as deaf:  # bound, and not listening: ECONNREFUSED
            deaf.bind(known.path)
        task = asyncio.create_task(ask())
        await asyncio.sleep(0.05)
        Path(known.path).unlink()
        with known.running():
            return await task

    assert run(wait()) == Outcome(True, "active (running)")


def test_no_systemd(run: RunFixture, known: Systemd) -> None:
    assert run(ask()) == Outcome(False, f"{systemd.BUS}: No such file or directory")


def test_errors_are_told(run: RunFixture, known: Systemd) -> None:
    known.error = "Unit name a.b is not valid.\x1b[2J"
    with known.running():
        found = run(ask())
    assert not found.is_success and "is not valid" in found.text and found.text.isprintable()


@pytest.mark.parametrize("greeting", [b"REJECTED EXTERNAL\r\n", b"x" * 5000, b"\xff\xff\r\n"])
def test_who_does_not_let_us_in(run: RunFixture, known: Systemd, greeting: bytes) -> None:
    known.greeting = greeting
    with known.running():
        assert run(ask()).text.startswith("systemd says ")


@pytest.mark.parametrize(
    "noise", [b"x" * 100, b"l\2\1\1\xff\xff\xff\x7f" + b"\0" * 20, b"l\2\1\1" + b"\0" * 200]
)
def test_noise_instead_of_messages(run: RunFixture, known: Systemd, noise: bytes) -> None:
    known.greeting += noise
    with known.running():
        assert run(ask()).text.startswith("systemd says ")


def test_who_does_not_answer_gets_no_end_of_questions(run: RunFixture, known: Systemd) -> None:
    known.answer = lambda connection, serial, body: None  # type: ignore[method-assign]

    async def many() -> int:
        context = Context(asyncio.get_running_loop())
        check = make(SystemdProbe(unit="a.service"), context)
        for _ in range(40):
            assert (await run_again(check, context, 0.005)).text == "timed out"
        unanswered = len(context.shared(systemd.Manager)._asked)
        context.close()
        return unanswered

    with known.running():
        assert run(many()) <= systemd._UNANSWERED


def test_an_answer_cut_anywhere_is_refused_or_awaited() -> None:
    whole = returned(5, [RUNNING, RUNNING])
    for length in range(len(whole)):
        assert dbus.decode(whole[:length]) == (None, 0)
    reply, length = dbus.decode(whole + b"more")
    assert reply is not None and length == len(whole)
    assert [unit[2:5] for unit in reply.structs("ssssssouso")] == [list(RUNNING)] * 2
    for end in range(len(reply.body)):
        with pytest.raises(dbus.MalformedError):
            list(dbus.Reply(5, reply.body[:end], "<").structs("ssssssouso"))


@given(st.binary(max_size=200))
def test_no_bytes_get_further_than_being_refused(data: bytes) -> None:
    for noise in (data, b"l\2\0\1" + data, b"l\3\1\1\0\0\0\0\1\0\0\0\20\0\0\0" + data):
        try:
            reply, length = dbus.decode(noise)
            assert 0 <= length <= len(noise)
            if reply is not None:
                list(reply.structs("ssssssouso"))
        except dbus.MalformedError:
            pass


@pytest.mark.peer("dbus-daemon")
def test_a_real_bus_understands_us(run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hello is answered, and a service that is not there is told by the bus itself."""
    path = tmp_path / "bus"
    configuration = tmp_path / "bus.conf"
    configuration.write_text(
        f"<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>"
        '<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/>'
        '<allow receive_sender="*"/></policy></busconfig>'
    )
    program = shutil.which("dbus-daemon")
    assert program is not None
    daemon = subprocess.Popen([program, f"--config-file={configuration}", "--nofork", "--nopidfile"])
    try:
        for _ in range(500):
            if path.exists():
                break
            run(asyncio.sleep(0.01))
        monkeypatch.setattr(systemd, "PRIVATE", str(tmp_path / "none"))
        monkeypatch.setattr(systemd, "BUS", str(path))
        found = run(ask())
        assert not found.is_success and "org.freedesktop.systemd1" in found.text
    finally:
        daemon.terminate()
        daemon.wait()

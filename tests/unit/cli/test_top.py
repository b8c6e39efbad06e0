"""`vrrpctl top` on a real terminal (a pty): keys, sizes, and a terminal that is as before afterwards."""

import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path

import pytest

from unit.observe.segment_samples import Sample, instance
from vrrpd_fast.cli import ctl
from vrrpd_fast.cli.keyboard import parse

PROGRAM = "import sys; from vrrpd_fast.cli.ctl import main; sys.exit(main())"
STYLE = re.compile(r"\x1b\[[\d;]*m")
ALTERNATE, USUAL = "\x1b[?1049h", "\x1b[?1049l"


class Terminal:
    """A terminal, and `vrrpctl top` that believes in it."""

    def __init__(
        self, socket: str, *arguments: str, size: tuple[int, int] = (80, 24), term: str = "xterm"
    ) -> None:
        self._master, slave = pty.openpty()
        self.resize(*size)
        self.before = termios.tcgetattr(self._master)
        self.text = ""
        environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--socket", socket, "top", "--interval", "1", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            env=environment | {"TERM": term},
            start_new_session=True,
        )
        os.close(slave)

    def resize(self, columns: int, lines: int) -> None:
        ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    @property
    def after(self) -> list[object]:
        return termios.tcgetattr(self._master)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def screen(self) -> list[str]:
        """The last whole frame, without its colours."""
        frames = STYLE.sub("", self.text).split("\x1b[H")
        return frames[-1].replace("\r", "").split("\n")

    def until(self, is_there: Callable[[list[str]], bool], seconds: float = 15) -> list[str]:
        """Read until the screen is as it should be."""
        deadline = time.monotonic() + seconds
        while not is_there(self.screen()):
            assert time.monotonic() < deadline, "\n".join(self.screen())
            self.read(0.2)
        self.read(0.05)
        return self.screen()

    def read(self, timeout: float) -> None:
        while select.select([self._master], [], [], timeout)[0]:
            try:
                self.text += os.read(self._master, 65536).decode(errors="replace")
            except OSError:  # EIO: nobody has it open any more
                return
            timeout = 0

    def left(self) -> int:
        """The exit status, once it has left."""
        deadline = time.monotonic() + 15
        while self.process.poll() is None:
            assert time.monotonic() < deadline
            self.read(0.1)
        self.read(0.1)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()
        os.close(self._master)


@contextmanager
def on_terminal(socket: str, *arguments: str, **more: object) -> Iterator[Terminal]:
    terminal = Terminal(socket, *arguments, **more)  # type: ignore[arg-type]
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "socket")
    many = [instance(f"vr{n:03}", state="MASTER" if n % 2 else "BACKUP") for n in range(200)]
    many[150] |= {"state": "FAULT", "reason": "eth0 is down"}
    with Sample(path, many, beat_age=-30):  # alive for half a minute
        yield path


def has(text: str, line: int | None = None) -> Callable[[list[str]], bool]:
    def is_there(screen: list[str]) -> bool:
        return any(text in each for each in (screen if line is None else screen[line : line + 1]))

    return is_there


def test_keys(socket: str) -> None:
    with on_terminal(socket) as terminal:
        screen = terminal.until(has("q quit", 23))
        assert ALTERNATE in terminal.text
        assert len(screen) == 24 and max(map(len, screen)) <= 80
        assert screen[5].startswith("vr150  FAULT") and "eth0 is down" in screen[5]
        terminal.press("s")
        assert terminal.until(has("s sort: name"))[5].startswith("vr000")
        terminal.press("\x1b[6~")  # page down
        assert terminal.until(has("row 19 of 200"))[5].startswith("vr018")
        terminal.press("j\x1b[B")
        assert terminal.until(has("row 21 of 200"))[5].startswith("vr020")
        terminal.press("\x1b[F")
        assert terminal.until(has("row 200 of 200"))[5].startswith("vr199")
        terminal.press("\x1b[H")
        terminal.until(has("row 1 of 200"))
        terminal.press("/fault\r")
        assert terminal.until(has("/ filter: fault"))[6].strip() == ""
        terminal.press("\x1b")
        terminal.until(has("row 1 of 200"))
        terminal.press(" ")
        terminal.until(has("HELD"))
        terminal.press("q")
        assert terminal.left() == 0
        assert terminal.text.rstrip().endswith(USUAL) or USUAL in terminal.text
        assert terminal.after == terminal.before


def test_while_a_filter_is_typed_letters_are_letters(socket: str) -> None:
    with on_terminal(socket) as terminal:
        terminal.until(has("q quit", 23))
        terminal.press("/sq x")
        terminal.until(has("filter: sq x_"))
        terminal.press("\x7f\x7f\x7f\x7fvr01")
        terminal.until(has("filter: vr01_"))
        terminal.press("\x1b")
        terminal.until(has("row 1 of 200"))
        terminal.press("q")
        assert terminal.left() == 0


def test_another_size(socket: str) -> None:
    with on_terminal(socket) as terminal:
        terminal.until(has("q quit", 23))
        terminal.resize(150, 40)
        os.killpg(terminal.process.pid, signal.SIGWINCH)
        screen = terminal.until(has("q quit", 39))
        assert has("INTERFACE", 4)(screen)
        terminal.press("q")
        assert terminal.left() == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_the_terminal_as_it_was(socket: str, number: int, status: int) -> None:
    with on_terminal(socket) as terminal:
        terminal.until(has("q quit", 23))
        terminal.process.send_signal(number)
        assert terminal.left() == status
        assert USUAL in terminal.text
        assert terminal.after == terminal.before


def test_a_daemon_that_goes_and_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    first = Sample(path, [instance("one")])
    with on_terminal(path) as terminal:
        terminal.until(has("q quit", 23))
        first.close()
        terminal.until(has("STOPPED: vrrpd-fast", 0))
        os.unlink(path + ".stats")
        terminal.until(has("vrrpctl: /", 0))
        with Sample(path, [instance("two")], pid=99):
            terminal.until(has("two", 5))
        terminal.press("q")
        assert terminal.left() == 0


def test_nothing_to_look_at(tmp_path: Path) -> None:
    with on_terminal(str(tmp_path / "none")) as terminal:
        assert terminal.left() == 3
        assert terminal.process.stderr is not None
        assert b"not there" in terminal.process.stderr.read()
        assert ALTERNATE not in terminal.text


def test_a_dumb_terminal_gets_one_frame(socket: str) -> None:
    with on_terminal(socket, term="dumb") as terminal:
        assert terminal.left() == 0
        assert "\x1b" not in terminal.text
        assert "vr150" in terminal.text and "vr199" in terminal.text


def test_no_terminal_gets_one_frame_of_all(socket: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["--socket", socket, "top", "--interval", "1", "vr1*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 105
    assert lines[1].startswith("100 of 200 virtual routers:")
    assert lines[5].startswith("vr150")
    assert ctl.main(["--socket", socket, "top", "--interval", "1", "--json", "--sort", "name", "nobody"]) == 1
    captured = capsys.readouterr()
    assert (json.loads(captured.out), captured.err) == ([], "vrrpctl: no virtual router is named 'nobody'\n")
    assert ctl.main(["--socket", socket, "top", "--interval", "1", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert (first["name"], first["trouble"]) == ("vr150", "eth0 is down")


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"q", ["q"]),
        (b"js ", ["j", "s", " "]),
        (b"\x1b[A\x1bOB\x1b[5~q", ["up", "down", "page up", "q"]),
        (b"\x1b", ["escape"]),
        (b"\x1b\x1b[A", ["escape", "up"]),
        (b"\x1b[1;5Cx", ["x"]),
        (b"\x1b[999zq", ["q"]),
        (b"\x1b[", []),
        ("é".encode(), ["é"]),
        (b"\xff\x00\x01a", ["\ufffd", "a"]),
        (b"\r\x7f", ["enter", "backspace"]),
    ],
)
def test_keys_from_bytes(data: bytes, keys: list[str]) -> None:
    assert parse(data) == keys

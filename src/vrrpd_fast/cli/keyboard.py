"""Keys from a terminal, one by one and without an echo; and when its size changes."""

import os
import select
import signal
import sys
import termios
import tty
from types import TracebackType

# What terminals send for a key, in either mode of the cursor keys.
_SEQUENCES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\x1b[5~": "page up",
    b"\x1b[6~": "page down",
    b"\x1b[H": "home",
    b"\x1bOH": "home",
    b"\x1b[1~": "home",
    b"\x1b[F": "end",
    b"\x1bOF": "end",
    b"\x1b[4~": "end",
    b"\x1b": "escape",
    b"\r": "enter",
    b"\n": "enter",
    b"\x7f": "backspace",
    b"\x08": "backspace",
}


class Keyboard:
    """The terminal on stdin as long as the context lasts; afterwards it is as it was."""

    def __enter__(self) -> "Keyboard":
        self._fd = sys.stdin.fileno()
        self._saved = termios.tcgetattr(self._fd)
        self._wake, self._woken = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._handlers = {
            number: signal.signal(number, handler)
            for number, handler in ((signal.SIGWINCH, _ignore), (signal.SIGTERM, _leave))
        }
        self._old_wakeup = signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        tty.setcbreak(self._fd)
        attributes = termios.tcgetattr(self._fd)
        attributes[6][termios.VSUSP] = b"\0"  # Ctrl-Z would leave the terminal as it is now
        termios.tcsetattr(self._fd, termios.TCSANOW, attributes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, self._saved)
        signal.set_wakeup_fd(self._old_wakeup)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        os.close(self._wake)
        os.close(self._woken)

    def keys(self, timeout: float) -> list[str]:
        """What was pressed within `timeout` seconds: letters, and names such as `page up`.

        Returns with the first, and at once, with nothing, when the size changed. EOFError when the terminal
        is gone.
        """
        ready, _, _ = select.select([self._fd, self._wake], [], [], max(0.0, timeout))
        if self._wake in ready:
            os.read(self._wake, 512)
        if self._fd not in ready:
            return []
        data = os.read(self._fd, 512)
        if not data:
            raise EOFError
        return parse(data)


def parse(data: bytes) -> list[str]:
    """The keys in what a terminal sent; a sequence that means none of ours is dropped."""
    keys = []
    while data:
        found = next((raw for raw in _SEQUENCES if raw != b"\x1b" and data.startswith(raw)), None)
        if found is not None:
            keys.append(_SEQUENCES[found])
            data = data[len(found) :]
        elif data.startswith((b"\x1b[", b"\x1bO")):
            rest = data[2:].lstrip(b"0123456789;")
            data = rest[1:]
        elif data.startswith(b"\x1b"):
            keys.append("escape")
            data = data[1:]
        else:
            text = data.split(b"\x1b", 1)[0]
            piece = text[:1] if text[0] < 0x80 else text
            keys += [c for c in piece.decode(errors="replace") if c.isprintable()]
            data = data[len(piece) :]
    return keys


def _ignore(number: int, frame: object) -> None:
    """What counts is that select() wakes up."""


def _leave(number: int, frame: object) -> None:
    sys.exit(128 + number)

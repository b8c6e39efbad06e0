"""What the lab shows: lines of a story that stay, and below them one table that moves.

On a terminal the table is redrawn in place; elsewhere it is printed whenever something in it changed.
"""

import re
import shutil
import sys
from typing import TextIO

MOVING = "\x00"  # stands before and after a part of a row that changes all the time


class Screen:
    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._drawn: list[str] = []
        self._last: list[str] = []

    def say(self, text: str = "") -> None:
        """A line of the story."""
        self._clear()
        self._stream.write(text + "\n")
        self._stream.flush()

    def heading(self, text: str) -> None:
        self.say()
        self.say(f"\x1b[1m{text}\x1b[0m" if self._is_terminal else text)

    def table(self, rows: list[str]) -> None:
        """Show the table; what moves is no reason to print it again."""
        if self._is_terminal:
            self._clear()
            width = shutil.get_terminal_size().columns - 1  # a row that wraps could not be redrawn in place
            self._drawn = [row.replace(MOVING, "")[:width] for row in rows]
            self._stream.write("".join(row + "\n" for row in self._drawn))
            self._stream.flush()
            return
        standing = [re.sub(f"{MOVING}.*?{MOVING}", "", row) for row in rows]
        if standing != self._last:
            self._last = standing
            self._stream.write("".join(row.replace(MOVING, "") + "\n" for row in rows))
            self._stream.flush()

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{len(self._drawn)}A\x1b[J")
            self._drawn = []

"""What a daemon tells the outside: lines of its FIFOs and calls of its scripts, with the time of each."""

import os
import select
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPT = """#!/bin/sh
# One line with the time, the name it was called by and every argument in brackets.
line="${0##*/}"
for word; do line="$line [$word]"; done
echo "$(date +%s%N) $line" >> @DIR@/calls
"""


@dataclass(frozen=True)
class Note:
    """A FIFO's line or a script's call."""

    time_ns: int
    source: str  # the FIFO's name, or "call"
    text: str


class Notes:
    """FIFOs that are always read, and a script (by any name) that writes down how it was called."""

    def __init__(self, directory: Path, fifos: tuple[str, ...]) -> None:
        self.directory = directory
        self.lines: list[Note] = []
        self._handles: dict[int, str] = {}
        for name in fifos:
            path = directory / name
            os.mkfifo(path)
            self._handles[os.open(path, os.O_RDWR | os.O_NONBLOCK)] = name
        self._stop_read, self._stop_write = os.pipe()
        self._thread = threading.Thread(target=self._run, name="notes", daemon=True)
        self._thread.start()

    def script(self, name: str, then: str = "") -> None:
        """Make an executable which notes its calls; `then` is what else it does."""
        path = self.directory / name
        path.write_text(SCRIPT.replace("@DIR@", str(self.directory)) + f"{then}\n")
        path.chmod(0o755)

    def _run(self) -> None:
        rest = dict.fromkeys(self._handles, b"")
        while True:
            ready, _, _ = select.select([*self._handles, self._stop_read], [], [])
            if self._stop_read in ready:
                return
            now_ns = time.time_ns()
            for handle in ready:
                *lines, rest[handle] = (rest[handle] + os.read(handle, 65536)).split(b"\n")
                name = self._handles[handle]
                self.lines += [Note(now_ns, name, line.decode(errors="replace")) for line in lines]

    def calls(self) -> list[Note]:
        """How scripts were called so far, in the order in which they wrote it down."""
        path = self.directory / "calls"
        if not path.exists():
            return []
        whole, _, _ = path.read_text().rpartition("\n")
        found = []
        for line in whole.splitlines():
            stamp, _, text = line.partition(" ")
            found.append(Note(int(stamp), "call", text))
        return found

    def close(self) -> None:
        os.write(self._stop_write, b".")
        self._thread.join()
        for handle in (*self._handles, self._stop_read, self._stop_write):
            os.close(handle)

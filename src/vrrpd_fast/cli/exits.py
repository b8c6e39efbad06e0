"""Exit statuses of vrrpctl, and how a command ends with one."""

from collections.abc import Iterable

DONE = 0  # or as expected
FAILED = 1  # or not as expected
UNUSABLE = 2  # wrong usage, or a file that cannot be used
DAEMON = 3  # it is not running, stuck, or does not answer


class CommandError(Exception):
    """A command cannot go on: what is said on stderr, and the exit status."""

    def __init__(self, lines: Iterable[str], status: int = FAILED) -> None:
        self.lines = list(lines)
        super().__init__("\n".join(self.lines))
        self.status = status

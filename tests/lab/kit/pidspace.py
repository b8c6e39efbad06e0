"""A process space of one node, so that a check like `killall -0 haproxy` sees that node's processes only."""

import subprocess
from pathlib import Path

from lab.kit.net import Net
from lab.kit.waiting import wait_until


class PidSpace:
    """A pid namespace with a /proc of its own, held open by an idle process."""

    def __init__(self, net: Net, node: str) -> None:
        # Its first process inherits orphans; as it ignores SIGCHLD, none stays a zombie and is counted.
        first = ["env", "--ignore-signal=CHLD", "sleep", "infinity"]
        words = ["unshare", "--pid", "--mount", "--fork", "--mount-proc", "--kill-child", *first]
        self._holder = net.start(net.command(node, *words))
        self._init = wait_until(lambda: self._sleeper(), 5, "the process space is there")

    def _sleeper(self) -> int | None:
        """The first process of the space once it runs, when /proc is mounted."""
        try:
            pid = self.child_of(self._holder)
            return pid if Path(f"/proc/{pid}/comm").read_text() == "sleep\n" else None
        except (IndexError, FileNotFoundError):
            return None

    def command(self, *argv: str) -> list[str]:
        """The words that run `argv` in this space (and, there, as a child of nsenter)."""
        return ["nsenter", "--target", str(self._init), "--net", "--pid", "--mount", "--", *argv]

    @staticmethod
    def child_of(process: "subprocess.Popen[bytes]") -> int:
        """The process that a forking nsenter or unshare waits for."""
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return int(children[0])

"""Process 1 of a router: starts and signals programs as it is told on stdin, one JSON object a line.

Each command gets exactly one line in answer. The router lives as long as its stdin and its parent do.
"""

import json
import os
import signal
import sys
from typing import Any

from vrrpd_fast.lab import machine
from vrrpd_fast.lab.namespaces import NamespaceError, isolate


class Agent:
    def __init__(self) -> None:
        self._pids: dict[str, int] = {}
        self._exited: dict[str, int] = {}
        signal.signal(signal.SIGCHLD, self._reap)

    def _reap(self, *_: object) -> None:
        """Process 1 inherits everybody's orphans, so all of them are waited for."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name, known in list(self._pids.items()):
                if known == pid:
                    del self._pids[name]
                    self._exited[name] = os.waitstatus_to_exitcode(status)

    def configure(self, number: int) -> None:
        machine.configure(number)

    def start(self, name: str, argv: list[str], log: str) -> None:
        """Start a program under a name of ours; its output is appended to the file `log`."""
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])  # it must be known before it is reaped
        try:
            self._exited.pop(name, None)
            self._pids[name] = os.posix_spawnp(
                argv[0],
                argv,
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, output, 2),
                ],
                setsigmask=[],
            )
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
            os.close(output)

    def signal(self, name: str, number: int) -> None:
        if name in self._pids:
            os.kill(self._pids[name], number)

    def exited(self) -> dict[str, int]:
        """Exit status by name of the programs that are gone (negative: the signal)."""
        return self._exited

    def addresses(self) -> list[str]:
        return machine.addresses()


def main() -> int:
    try:
        first = isolate(as_root=True)
    except NamespaceError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    agent = Agent()
    print(json.dumps({"result": first}), flush=True)
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line)
        try:
            result = getattr(agent, command.pop("do"))(**command)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
        else:
            print(json.dumps({"result": result}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

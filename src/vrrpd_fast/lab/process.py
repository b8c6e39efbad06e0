"""The lab's end of a machine: the process that holds its namespaces, and a line of JSON each way."""

import json
import os
import signal
import subprocess
import sys
from typing import Any


class LabError(Exception):
    """Something in the lab did not go as it should; the text says what."""


class Process:
    """A program of the lab in namespaces of its own. Killing it kills everything in them."""

    def __init__(self, module: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | (environment or {}),
            start_new_session=True,
        )
        self.module = module
        self.pid: int = self.receive()  # process 1 of its namespaces

    @property
    def stdout(self) -> Any:
        return self._popen.stdout

    def send(self, message: Any) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write(json.dumps(message).encode() + b"\n")
        self._popen.stdin.flush()

    def receive(self) -> Any:
        """The result in the next line; LabError when there is none or it tells an error."""
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise LabError(f"{self.module} ended with status {self._popen.wait()}")
        message = json.loads(line)
        if "error" in message:
            raise LabError(f"{self.module}: {message['error']}")
        return message.get("result", message)

    def kill(self) -> None:
        """SIGKILL to everything in its namespaces; returns when nothing of it is left."""
        os.kill(self.pid, signal.SIGKILL)
        self._popen.wait()
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.stdout.close()

"""vrrpd-fast itself, with its status through the control socket."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import vrrpd_fast
from lab.kit.daemons import Daemon, Settings
from lab.kit.net import Net
from lab.kit.waiting import wait_until

DAEMON = "vrrpd_fast.cli.daemon"
CONTROL = "import sys; from vrrpd_fast.cli.ctl import main; sys.exit(main())"
SOURCES = Path(vrrpd_fast.__file__).parent.parent


def environment() -> dict[str, str]:
    """The environment in which a bare `python -m` finds this very package."""
    return os.environ | {"PYTHONPATH": str(SOURCES), "PYTHONUNBUFFERED": "1"}


class VrrpdFast(Daemon):
    """vrrpd-fast in a node, with a control socket of its own."""

    kind = "vrrpd-fast"

    def __init__(
        self, net: Net, node: str, document: dict[str, Any] | None = None, **instances: Settings
    ) -> None:
        super().__init__(net, node, **instances)
        net.ours.add(node)
        self.document = document  # a whole native file; what `instances` make when it is None
        self.config_path = self.directory / "vips.json"
        self.extra_environment: dict[str, str] = {}
        self.socket_path = self.directory / "control.sock"

    def configure(self) -> None:
        document = self.document or {
            "global_defs": {"router_id": self.node},
            "vrrp_instance": self.instances,
        }
        self.write(self.config_path, json.dumps(document, indent=2))

    def argv(self) -> list[str]:
        files = ["--config", str(self.config_path), "--socket", str(self.socket_path)]
        return [sys.executable, "-m", DAEMON, *files]

    def start(self, wait: bool = True) -> None:
        """Start it; with `wait`, until its control socket answers."""
        self.configure()
        self._waited_before_s = 0.0
        with self.log_path.open("ab") as log:
            self.process = self.net.start(
                self.net.command(self.node, *self.argv()),
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment() | self.extra_environment,
            )
        if wait:
            self.wait_ready()

    def wait_ready(self, timeout: float = 15.0) -> None:
        def ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"{self.node} ended with {self.process.returncode}:\n{self.log}")
            try:
                return bool(self.status())
            except (FileNotFoundError, ConnectionRefusedError):
                return False

        wait_until(ready, timeout, f"{self.node} answers on its control socket:\n{self.log}")
        self.forget_waiting()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One Varlink call; the reply's parameters, or AssertionError with the error it gave."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(self.socket_path))
            request = {"method": f"org.vrrpdfast.{method}", "parameters": parameters}
            connection.sendall(json.dumps(request).encode() + b"\0")
            data = b""
            while not data.endswith(b"\0"):
                chunk = connection.recv(65536)
                if not chunk:
                    raise ConnectionRefusedError(f"{self.node} closed the connection after {data!r}")
                data += chunk
        reply = json.loads(data[:-1])
        assert "error" not in reply, reply
        answer: dict[str, Any] = reply.get("parameters", {})
        return answer

    def status(self) -> dict[str, Any]:
        """The status contract as the daemon has it now."""
        status: dict[str, Any] = self.call("GetStatus")["status"]
        return status

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`vrrpctl WORDS` against this daemon."""
        return subprocess.run(
            [sys.executable, "-c", CONTROL, "--socket", str(self.socket_path), *words],
            capture_output=True,
            text=True,
            timeout=30,
            env=environment(),
        )

    def instance(self, name: str) -> dict[str, Any]:
        """The status of one virtual router."""
        found = [entry for entry in self.status()["instances"] if entry["name"] == name]
        assert len(found) == 1, (name, found)
        entry: dict[str, Any] = found[0]
        return entry

    def state(self, name: str) -> str:
        return str(self.instance(name)["state"])

    def statistics(self, name: str) -> dict[str, int]:
        return dict(self.instance(name)["statistics"])

    def wait_state(self, name: str, state: str, timeout: float = 5.0) -> dict[str, Any]:
        """The instance's status once it is in a state."""

        def reached() -> dict[str, Any] | None:
            status = self.instance(name)
            return status if status["state"] == state else None

        try:
            return wait_until(reached, timeout, f"{name} on {self.node} is {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}; now {self.instance(name)}\n{self.log}") from None

    def change(self, document: dict[str, Any] | None = None, **instances: Settings) -> None:
        """Write another configuration; nothing reads it yet."""
        self.document = document
        self.instances = instances
        self.configure()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

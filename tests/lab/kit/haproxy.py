"""A real haproxy in the process space of a node: it answers on every address there with the node's name."""

import os
import signal
import socket
import subprocess

from lab.kit.net import Net
from lab.kit.nsenter import socket_in
from lab.kit.pidspace import PidSpace
from lab.kit.waiting import wait_until

_CONFIGURATION = """
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 5s

frontend web
    bind *:80
    http-request return status 200 content-type text/plain string "NODE"
"""


class Haproxy:
    """Master and worker, as Debian's service runs it."""

    def __init__(self, net: Net, node: str, space: PidSpace) -> None:
        self._net = net
        self._node = node
        self._space = space
        self._path = net.directory / f"haproxy-{node}.cfg"
        self._path.write_text(_CONFIGURATION.replace("NODE", node))
        self._running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = self._space.command("haproxy", "-W", "-db", "-f", str(self._path))
        self._running = self._net.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: answer(self._net, self._node, "127.0.0.1") == self._node, 10, "haproxy answers")

    def stop(self) -> None:
        """As `systemctl stop` does: SIGTERM to the master, and it is gone."""
        assert self._running is not None
        os.kill(self._space.child_of(self._running), signal.SIGTERM)
        self._running.wait(10)

    def kill(self) -> None:
        """kill -9 of all its processes."""
        self._signal("KILL")
        assert self._running is not None
        self._running.wait(10)

    def wedge(self) -> None:
        """SIGSTOP: all its processes are there and do nothing."""
        self._signal("STOP")

    def go_on(self) -> None:
        self._signal("CONT")

    def _signal(self, name: str) -> None:
        subprocess.run(self._space.command("killall", f"-{name}", "haproxy"), check=True)


def answer(net: Net, node: str, address: str) -> str | None:
    """Who answers for http://address/, asked from a node; None when nobody does within half a second."""
    client = socket_in(net.namespace(node), socket.AF_INET, socket.SOCK_STREAM)
    with client:
        client.settimeout(0.5)
        try:
            client.connect((address, 80))
            client.sendall(f"GET / HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
            data = b""
            while chunk := client.recv(4096):
                data += chunk
        except OSError:
            return None
    return data.rpartition(b"\r\n\r\n")[2].decode()

import errno
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from unit.child import in_child
from vrrpd_fast import system
from vrrpd_fast.system import ServiceManager, enter_network


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[socket.socket, ServiceManager]:
    """A listening service manager, and the daemon's connection to it."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    request.addfinalizer(listener.close)
    listener.settimeout(5)
    if request.param == "path":
        name = address = str(tmp_path / "notify")
    else:
        name, address = f"@vrrpd-fast-test-{os.getpid()}", f"\0vrrpd-fast-test-{os.getpid()}"
    listener.bind(address)
    service = ServiceManager({"NOTIFY_SOCKET": name})
    request.addfinalizer(service.close)
    return listener, service


def test_messages(manager: tuple[socket.socket, ServiceManager]) -> None:
    listener, service = manager
    service.ready("500 virtual\nrouters")
    assert listener.recv(1000) == b"READY=1\nSTATUS=500 virtual routers"
    before_us = time.monotonic_ns() // 1000
    service.reloading()
    first, second = listener.recv(1000).split(b"\n")
    assert first == b"RELOADING=1"
    name, value = second.split(b"=")
    assert name == b"MONOTONIC_USEC"
    assert before_us <= int(value) <= time.monotonic_ns() // 1000
    service.ready()
    assert listener.recv(1000) == b"READY=1"
    service.status("all is well")
    assert listener.recv(1000) == b"STATUS=all is well"
    service.alive()
    assert listener.recv(1000) == b"WATCHDOG=1"
    service.stopping("bye")
    assert listener.recv(1000) == b"STOPPING=1\nSTATUS=bye"


def test_a_manager_that_does_not_read_blocks_nobody(manager: tuple[socket.socket, ServiceManager]) -> None:
    _, service = manager
    begin = time.monotonic()
    for _ in range(2000):
        service.alive()
    assert time.monotonic() - begin < 2


@pytest.mark.parametrize(
    "name", ["", "/no/such/socket", "@vrrpd-fast-nobody-listens", "vsock:2:1", "x", "/" * 300]
)
def test_no_manager_is_no_error(name: str) -> None:
    service = ServiceManager({"NOTIFY_SOCKET": name})
    service.ready("x")
    service.reloading()
    service.stopping()
    service.close()
    service.alive()
    service.close()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30_000_000_000),
        ({"WATCHDOG_USEC": "2000", "WATCHDOG_PID": str(os.getpid())}, 2_000_000),
        ({"WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "often"}, None),
        ({"WATCHDOG_USEC": "2000", "WATCHDOG_PID": "me"}, None),
    ],
)
def test_watchdog_interval(environment: dict[str, str], expected: int | None) -> None:
    assert ServiceManager(environment).watchdog_ns == expected


LIMITS = """
import resource, sys
from vrrpd_fast.system import raise_limits
files = int(sys.argv[1])
print(raise_limits(files), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(("files", "expected"), [(100, "True 200"), (300, "True 300"), (400, "True 400")])
def test_limits_are_raised_as_far_as_needed(files: int, expected: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", LIMITS, str(files)],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 400)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == expected


def test_limits_beyond_the_hard_one_are_taken_as_far_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    from vrrpd_fast import system

    taken: list[tuple[int, int]] = []

    def setrlimit(_: int, limits: tuple[int, int]) -> None:
        if limits[1] > 400:
            raise ValueError("not allowed to raise maximum limit")
        taken.append(limits)

    monkeypatch.setattr(system.resource, "getrlimit", lambda _: (200, 400))
    monkeypatch.setattr(system.resource, "setrlimit", setrlimit)
    assert system.raise_limits(500) is False
    assert taken == [(400, 400)]


def test_a_network_namespace_that_does_not_exist_is_named() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        enter_network("no-such-namespace")
    assert caught.value.filename == "/run/netns/no-such-namespace"


def test_what_is_no_network_namespace_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(system, "NAMESPACES", tmp_path)
    with pytest.raises(OSError, match="file") as caught:
        enter_network("file")
    assert caught.value.errno == errno.EINVAL
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="file"):
        enter_network("file")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.lab
def test_entering_a_network_namespace_moves_this_thread(tmp_path: Path) -> None:
    """Into a second one, which another process keeps, and nowhere else."""
    with subprocess.Popen(["unshare", "--net", "sleep", "60"]) as keeper:
        try:
            mine = os.readlink("/proc/self/ns/net")
            other = in_child(
                f"""
import pathlib, time
from vrrpd_fast import system
path = pathlib.Path("/proc/{keeper.pid}/ns/net")
while os.readlink(path) == {mine!r}:
    time.sleep(0.01)
system.NAMESPACES = path.parent
system.enter_network("net")
found = [os.readlink("/proc/thread-self/ns/net"), os.readlink(path)]
"""
            )
        finally:
            keeper.kill()
    assert other[0] == other[1] != mine

"""What the system around the daemon wants to hear from it, and grants it: systemd's notify socket, limits.

Also the system calls that Python does not have; a name of theirs stands in the documentation of each.
"""

import contextlib
import ctypes
import os
import resource
import socket
import time
from collections.abc import Mapping
from pathlib import Path

# SO_SNDBUFFORCE and SO_RCVBUFFORCE (asm-generic/socket.h); the socket module has no names for them.
_FORCED = {socket.SO_SNDBUF: 32, socket.SO_RCVBUF: 33}

NAMESPACES = Path("/run/netns")  # of ip-netns(8)

_CLONE_NEWNET = 0x40000000  # linux/sched.h
_PR_SET_NAME = 15  # linux/prctl.h
_MCL_CURRENT, _MCL_FUTURE, _MCL_ONFAULT = 1, 2, 4  # asm-generic/mman.h

_libc = ctypes.CDLL(None, use_errno=True)


class ServiceManager:
    """systemd, as sd_notify(3) knows it. Without it every call does nothing; none blocks or raises."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._socket: socket.socket | None = None
        if self._address is not None:
            with contextlib.suppress(OSError):
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
        self.watchdog_ns = _watchdog_ns(environment)  # None unless it wants WATCHDOG=1 that often

    def ready(self, status: str = "") -> None:
        """Start, or a reload, is complete."""
        self._send("READY=1", *_status(status))

    def reloading(self) -> None:
        """A reload begins (Type=notify-reload)."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, status: str = "") -> None:
        self._send("STOPPING=1", *_status(status))

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._send(*_status(status))

    def alive(self) -> None:
        """Feed the watchdog; to be called twice in `watchdog_ns`."""
        self._send("WATCHDOG=1")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, *assignments: str) -> None:
        if self._socket is None or self._address is None or not assignments:
            return
        # A manager that does not read (EAGAIN) or is gone must not stop a router.
        with contextlib.suppress(OSError):
            self._socket.sendto("\n".join(assignments).encode(errors="replace"), self._address)


def enlarge_buffer(sock: socket.socket, option: int, size: int) -> None:
    """Set SO_RCVBUF or SO_SNDBUF to `size` bytes, beyond the system's limit where we may (CAP_NET_ADMIN)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _FORCED[option], size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, option, size)


def enter_network(name: str) -> None:
    """Move this thread, and those it will start, to the network namespace NAME of ip-netns(8) (setns(2)).

    FileNotFoundError when there is none of that name, PermissionError without CAP_SYS_ADMIN; both name it.
    """
    _enter(NAMESPACES / name)


def enter_initial_network() -> None:
    """Move this thread alone to the network namespace that the machine began with, that of kthreadd.

    OSError without CAP_SYS_ADMIN and CAP_SYS_PTRACE, or where process 2 is not kthreadd (a pid namespace).
    """
    _enter(Path("/proc/2/ns/net"))


def _enter(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, _CLONE_NEWNET), str(path))
    finally:
        os.close(descriptor)


def lock_memory(is_locked: bool) -> None:
    """Keep what this process has in memory, and what it will have, from being swapped out (mlockall(2)).

    Pages are locked as they are used, so that nothing is reserved that is not needed.
    """
    if is_locked:
        _check(_libc.mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT))
    else:
        _check(_libc.munlockall())


def name_process(name: str) -> None:
    """What ps(1) and top(1) show of this process: at most 15 bytes (PR_SET_NAME of prctl(2))."""
    _check(_libc.prctl(_PR_SET_NAME, name.encode(errors="surrogateescape"), 0, 0, 0))


def _check(result: int, path: str | None = None) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)


def raise_limits(files: int) -> bool:
    """Make room for this many open files; False when the hard limit is below."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= files:
        return True
    if hard != resource.RLIM_INFINITY and hard < files:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        except (OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            return False
        return True
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return True


def _address(name: str) -> str | None:
    if name.startswith("/"):
        return name
    if name.startswith("@"):
        return "\0" + name[1:]
    return None


def _watchdog_ns(environment: Mapping[str, str]) -> int | None:
    """WATCHDOG_USEC, unless WATCHDOG_PID says that another process is meant (sd_watchdog_enabled(3))."""
    try:
        interval_us = int(environment["WATCHDOG_USEC"])
        pid = int(environment.get("WATCHDOG_PID", os.getpid()))
    except (KeyError, ValueError):
        return None
    return interval_us * 1000 if interval_us > 0 and pid == os.getpid() else None


def _status(text: str) -> tuple[str, ...]:
    return (f"STATUS={' '.join(text.split())}",) if text else ()

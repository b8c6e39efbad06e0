"""What this process does in another network namespace: in a thread of its own, for setns moves one only."""

import ctypes
import os
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

T = TypeVar("T")


def run_in(namespace: str, action: Callable[[], T]) -> T:
    """Do something in the named namespace; what it gives or raises."""

    def enter() -> T:
        handle = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            if _libc.setns(handle, CLONE_NEWNET) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), namespace)
        finally:
            os.close(handle)
        return action()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(enter).result()


def socket_in(namespace: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
    """A socket made in the named namespace, which stays there."""
    return run_in(namespace, lambda: socket.socket(family, kind, protocol))

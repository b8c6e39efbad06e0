"""A network namespace for one thread: no name, no trace, gone with its last socket."""

import ctypes
import functools
import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def in_new_namespace(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a thread that has a fresh network namespace; programs it starts are in there too."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        with ThreadPoolExecutor(1, initializer=_enter) as thread:
            thread.submit(test, *arguments, **named).result()

    return run


def ip(*commands: str) -> None:
    """Run ip(8) commands in the namespace of this thread, in one go."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


def show(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout


def _enter() -> None:
    if _libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))

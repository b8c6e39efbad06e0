"""A network namespace for one thread: no name, no trace, gone with its last socket."""

import ctypes
import functools
import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_here = threading.local()


class Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=Closable)


def in_new_namespace(test: Callable[..., None]) -> Callable[..., None]:
    """Run a test in a thread that has a fresh network namespace; programs it starts are in there too."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_run, test, *arguments, **named).result()

    return run


def closed_later(thing: T) -> T:
    """Have something closed when the test ends."""
    _here.stack.callback(thing.close)
    return thing


def ip(*commands: str) -> None:
    """Run ip(8) commands in the namespace of this thread, in one go."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


def show(*arguments: str) -> str:
    """What ip(8) prints in the namespace of this thread."""
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout


def _run(test: Callable[..., None], *arguments: Any, **named: Any) -> None:
    if _libc.unshare(_CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    Path("/proc/sys/net/ipv6/conf/default/addr_gen_mode").write_text("1")  # no link-local ones by themselves
    with ExitStack() as _here.stack:
        test(*arguments, **named)

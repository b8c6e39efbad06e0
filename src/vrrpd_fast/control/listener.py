"""The control socket's file: only its owner may open it, and only one daemon may have it."""

import contextlib
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path


class AlreadyRunning(OSError):
    """Another process serves this socket."""


class Listener:
    """A bound unix socket. The lock file beside it (PATH.lock) tells a live owner from a dead one's leftover,
    and stays behind: removing it would let two starters hold locks on two files."""

    def __init__(self, path: str) -> None:
        """AlreadyRunning names who has it; OSError says what the system does not allow."""
        self.path = path
        directory = Path(path).parent
        try:
            directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(directory)) from None
        self._lock = _lock(path)
        try:
            self.socket, self._inode = _bind(path)
        except BaseException:
            os.close(self._lock)
            raise

    def close(self) -> None:
        """Remove the file, if it is still ours, and let go of the name."""
        with contextlib.suppress(OSError):
            if os.lstat(self.path).st_ino == self._inode:
                os.unlink(self.path)
        self.socket.close()
        os.close(self._lock)


def _lock(path: str) -> int:
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise AlreadyRunning(errno.EADDRINUSE, _taken_text(path, _peer_pid(path))) from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _bind(path: str) -> tuple[socket.socket, int]:
    pid = _peer_pid(path)
    if pid is not None:  # somebody who does not know our lock
        raise AlreadyRunning(errno.EADDRINUSE, _taken_text(path, pid))
    with contextlib.suppress(FileNotFoundError):
        if not Path(path).is_socket():
            os.lstat(path)
            raise FileExistsError(errno.EEXIST, "exists and is not a socket", path)
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # bind gives its file the mode of the unbound socket: there is no moment with another one.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(path)
        return listener, os.lstat(path).st_ino
    except OSError as error:
        listener.close()
        if error.errno is None:  # "AF_UNIX path too long" comes without
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), path) from None
        raise
    except BaseException:
        listener.close()
        raise


def _peer_pid(path: str) -> int | None:
    """The process that listens there; None when nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except BlockingIOError:
            return 0  # somebody listens, and is too busy to be asked
        except OSError:
            return None
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack("3i", credentials)[0]
        return pid


def _taken_text(path: str, pid: int | None) -> str:
    who = f"process {pid}" if pid else "another process"
    return f"{path} is served by {who}: vrrpd-fast is already running"

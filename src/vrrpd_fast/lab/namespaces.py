"""Namespaces by the bare system calls: a lab needs neither root nor unshare(1), ip(8) or mount(8).

os.unshare exists from Python 3.12 on only, mount(2) not at all; hence ctypes.
"""

import ctypes
import os
import signal
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000
ISOLATED = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET

MS_NOSUID = 1 << 1
MS_NODEV = 1 << 2
MS_NOEXEC = 1 << 3
MS_REC = 1 << 14
MS_PRIVATE = 1 << 18

PR_SET_PDEATHSIG = 1

# (sysctl, the value that forbids, the value that allows)
OBSTACLES = (
    ("user.max_user_namespaces", "0", "10000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
)

libc = ctypes.CDLL(None, use_errno=True)


class NamespaceError(Exception):
    """The kernel does not let us build a lab; the text says which setting is in the way."""


def obstacle(proc_sys: Path = Path("/proc/sys")) -> str:
    """What on this machine forbids unprivileged user namespaces, as advice; '' when nothing known does."""
    for name, forbids, allows in OBSTACLES:
        path = proc_sys / name.replace(".", "/")
        if path.exists() and path.read_text().strip() == forbids:
            return f"sysctl {name} is {forbids}: `sysctl -w {name}={allows}` as root allows it"
    return ""


def is_privileged() -> bool:
    """Whether namespaces can be made without a user namespace around them (CAP_SYS_ADMIN, bit 21)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return bool(int(status["CapEff"], 16) >> 21 & 1)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        advice = obstacle() or "a container may forbid it; as root on the host it works"
        raise NamespaceError(f"{what}: {os.strerror(number)} ({advice})")


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [text.encode() if text is not None else None for text in (source, target, kind)]
    _check(
        libc.mount(*encoded, ctypes.c_ulong(flags), data.encode() if data else None),
        f"cannot mount {source} on {target}",
    )


def isolate(*, as_root: bool) -> int:
    """Return as process 1 of fresh network, process and mount namespaces; the result is its pid outside.

    The calling process stays outside, waits, and exits with our status, after everybody in the namespaces is
    gone. When process 1 or the caller's parent dies, the kernel kills all that is left, so nothing outlives a
    lab. Needs a single-threaded caller.
    """
    uid, gid = os.getuid(), os.getgid()
    if as_root:
        _check(libc.unshare(ISOLATED), "cannot make namespaces")
    else:
        _check(libc.unshare(ISOLATED | CLONE_NEWUSER), "cannot make namespaces as an ordinary user")
        try:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
            Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        except OSError as error:
            raise NamespaceError(f"cannot map our user to root of the lab: {error}; {obstacle()}") from error
    die_with_parent()
    first = os.fork()
    if first:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
    die_with_parent()
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    pid_outside = int(os.readlink("/proc/self"))  # the outer /proc is still the one we see
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    return pid_outside


def die_with_parent() -> None:
    """Ask the kernel to kill this process when the one that made it dies."""
    _check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")

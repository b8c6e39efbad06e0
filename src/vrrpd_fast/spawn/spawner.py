"""The spawn helper: a small process that starts check scripts, so that forking never delays an advert.

Started by spawn.py as `python -I -S -E spawner.py FD`, where FD is a connected SOCK_SEQPACKET socket: one
message is one marshal'ed tuple (both ends are the same interpreter, and marshal costs no import).

    request  (serial, argv, timeout_ns or 0, (uid, gid, groups) or None, {more environment}, umask)
             (serial,)                                 the time of this run is over now
    answers  (serial, "started", pid)                  the script has its process
             (serial, "timeout", duration_ns)          its time is over: SIGTERM went to its process group
             (serial, "exit", status, duration_ns)     it is gone; a negative status is minus the signal
             (serial, "unset", what, errno, duration_ns)   it is gone and never became the script
             (serial, "refused", text)                 there was no process to be had

Every script leads its own session and process group. On timeout the group gets SIGTERM and, 2 s later,
SIGKILL (keepalived's times). Children that a script leaves behind when it ends in time are left alone, as
keepalived leaves them, and so are those that moved to a session of their own. End of file on the socket means
that the daemon is gone: whatever still runs is killed, and the helper ends.

Memory: 9.4 MB resident, of which 3.6 MB are its own (Python 3.11); hence no import that is not needed.
"""

import errno
import heapq
import marshal
import os
import select
import signal
import sys
import time

MESSAGE_LIMIT = 128 * 1024
KILL_AFTER_NS = 2_000_000_000
LAST_FD = 65536
LAST_GRACE_NS = 500_000_000  # between SIGTERM and SIGKILL when the daemon is gone

# The helper goes when the daemon goes, not when a terminal or systemd signals the whole group.
OUTLIVED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
CHANGED = (*OUTLIVED, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ)


class Run:
    """A script that has a process."""

    __slots__ = ("is_dying", "serial", "started_ns")

    def __init__(self, serial: int, started_ns: int) -> None:
        self.serial = serial
        self.started_ns = started_ns
        self.is_dying = False  # SIGTERM is sent, SIGKILL is to come


class DaemonGone(Exception):
    """Nobody is there to read an answer."""


class Helper:
    def __init__(self, socket_fd: int) -> None:
        self.socket_fd = socket_fd
        self.identity = os.getuid(), os.getgid(), {os.getgid(), *os.getgroups()}
        self.running: dict[int, Run] = {}  # by pid, which is also the process group
        self.leaderless: set[int] = set()  # groups past their SIGTERM whose leader has gone
        self.deadlines: list[tuple[int, int, int, int]] = []  # (when_ns, pid, serial, signal)
        # A child that cannot become its script says why here, before it exits.
        self.unset_read, self.unset_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.unset: dict[int, tuple[str, int]] = {}
        self.wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in OUTLIVED:
            signal.signal(number, signal.SIG_IGN)

    def serve(self) -> None:
        poller = select.poll()
        poller.register(self.socket_fd, select.POLLIN)
        poller.register(self.wake_read, select.POLLIN)
        try:
            while True:
                ready = [fd for fd, _ in poller.poll(self.wait_ms())]
                if self.wake_read in ready:
                    os.read(self.wake_read, 4096)
                    self.reap()
                self.enforce(time.monotonic_ns())
                if self.socket_fd in ready:
                    message = os.read(self.socket_fd, MESSAGE_LIMIT)
                    if not message:
                        break
                    request = marshal.loads(message)
                    if len(request) == 1:
                        self.expire(*request)
                    else:
                        self.start(*request)
        except (DaemonGone, ConnectionResetError):
            pass
        self.finish()

    def wait_ms(self) -> int | None:
        """Time until the next deadline, rounded up; None without one."""
        if not self.deadlines:
            return None
        return max(0, -((time.monotonic_ns() - self.deadlines[0][0]) // 1_000_000))

    def answer(self, *message: int | str) -> None:
        try:
            os.write(self.socket_fd, marshal.dumps(message))
        except (BrokenPipeError, ConnectionResetError):
            raise DaemonGone from None

    def start(
        self,
        serial: int,
        argv: tuple[str, ...],
        timeout_ns: int,
        identity: tuple[int, int, tuple[int, ...]] | None,
        environment: dict[str, str],
        umask: int,
    ) -> None:
        os.umask(umask)
        pid = spawn(argv, environment) if identity is None or self.is_own(identity) else None
        if pid is None:
            try:
                pid = os.fork()
            except OSError as error:
                self.answer(serial, "refused", f"fork: {error.strerror}")
                return
            if pid == 0:
                become(argv, identity, environment, self.unset_write)
        now_ns = time.monotonic_ns()
        self.running[pid] = Run(serial, now_ns)
        if timeout_ns:
            heapq.heappush(self.deadlines, (now_ns + timeout_ns, pid, serial, signal.SIGTERM))
        self.answer(serial, "started", pid)

    def is_own(self, identity: tuple[int, int, tuple[int, ...]]) -> bool:
        """Whether a script of this user, group and supplementary groups is what we are."""
        uid, gid, groups = identity
        return self.identity == (uid, gid, {gid, *groups})

    def expire(self, serial: int) -> None:
        for pid, run in self.running.items():
            if run.serial == serial and not run.is_dying:
                heapq.heappush(self.deadlines, (time.monotonic_ns(), pid, serial, signal.SIGTERM))

    def reap(self) -> None:
        """Tell the end of every script that ended."""
        while self.running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            run = self.running.pop(pid)
            duration_ns = time.monotonic_ns() - run.started_ns
            if run.is_dying and signal_group(pid, 0):
                self.leaderless.add(pid)
            code = os.waitstatus_to_exitcode(status)
            unset = self.why_unset(pid) if code in (126, 127) else None
            if unset:
                self.answer(run.serial, "unset", *unset, duration_ns)
            else:
                self.answer(run.serial, "exit", code, duration_ns)

    def why_unset(self, pid: int) -> tuple[str, int] | None:
        """What a child reported before it exited without becoming its script."""
        try:
            lines = os.read(self.unset_read, 65536).decode().splitlines()
        except BlockingIOError:
            lines = []
        for line in lines:
            number, what, code = line.split()
            self.unset[int(number)] = (what, int(code))
        return self.unset.pop(pid, None)

    def enforce(self, now_ns: int) -> None:
        """SIGTERM for the group of a run that is out of time, SIGKILL for one that did not heed it."""
        while self.deadlines and self.deadlines[0][0] <= now_ns:
            _, pid, serial, number = heapq.heappop(self.deadlines)
            run = self.running.get(pid)
            if run is not None and run.serial != serial:
                run = None  # the pid has been given out again
            if number == signal.SIGKILL:
                if run is not None:
                    run.is_dying = False
                if run is not None or pid in self.leaderless:
                    self.signal(pid, signal.SIGKILL)
                self.leaderless.discard(pid)
            elif run is not None:
                run.is_dying = True
                self.signal(pid, signal.SIGTERM)
                heapq.heappush(self.deadlines, (now_ns + KILL_AFTER_NS, pid, serial, signal.SIGKILL))
                self.answer(serial, "timeout", now_ns - run.started_ns)

    def finish(self) -> None:
        """The daemon is gone: leave nothing behind."""
        groups = self.leaderless.union(self.running)
        for group in groups:
            self.signal(group, signal.SIGTERM)
        end_ns = time.monotonic_ns() + LAST_GRACE_NS
        while time.monotonic_ns() < end_ns and any(self.signal(group, 0) for group in groups):
            time.sleep(0.01)
            while self.running and (pid := os.waitpid(-1, os.WNOHANG)[0]):
                del self.running[pid]
        for group in groups:
            self.signal(group, signal.SIGKILL)

    def signal(self, pid: int, number: int) -> bool:
        """Signal a run's group, or its process when that was forked just now and has no group yet."""
        if signal_group(pid, number):
            return True
        if pid not in self.running:
            return False
        os.kill(pid, number)  # not reaped yet: nobody else can have this pid
        return True


def signal_group(group: int, number: int) -> bool:
    """Whether there was a process in the group to signal."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def spawn(argv: tuple[str, ...], more_environment: dict[str, str]) -> int | None:
    """Start a script as the user that we are, by vfork: a third of what fork costs, which copies page tables.

    None when that fails: a child of fork tells why, or finds the shell for a script without #!.
    """
    try:
        return os.posix_spawnp(
            argv[0],
            argv,
            os.environ | more_environment,
            file_actions=((os.POSIX_SPAWN_DUP2, 1, 2),),
            setsid=True,
            setsigmask=(),
            setsigdef=CHANGED,
        )
    except (OSError, NotImplementedError):  # a C library without POSIX_SPAWN_SETSID
        return None


def become(
    argv: tuple[str, ...],
    identity: tuple[int, int, tuple[int, ...]] | None,
    more_environment: dict[str, str],
    report_fd: int,
) -> None:
    """In the child: turn into the script, or report and exit as a shell would (127 not found, else 126)."""
    what = "setup"
    code = errno.EIO
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in CHANGED:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.dup2(1, 2)
        if identity is not None:
            what = "user"
            uid, gid, groups = identity
            os.setgroups(groups)
            os.setresgid(gid, gid, gid)
            os.setresuid(uid, uid, uid)
        what = "exec"
        environment = os.environ | more_environment
        try:
            os.execvpe(argv[0], argv, environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            # A script without #!: execvp(3) and every shell hand it to sh.
            os.execve("/bin/sh", ("sh", error.filename or argv[0], *argv[1:]), environment)
    except OSError as error:
        code = error.errno or errno.EIO
    finally:
        os.write(report_fd, f"{os.getpid()} {what} {code}\n".encode())
        os._exit(127 if code in (errno.ENOENT, errno.ENOTDIR) else 126)


def main() -> None:
    socket_fd = int(sys.argv[1])
    os.closerange(
        socket_fd + 1, LAST_FD
    )  # what whoever started the daemon had left open is no script's business
    os.set_inheritable(socket_fd, False)
    os.chdir("/")
    Helper(socket_fd).serve()


if __name__ == "__main__":
    main()

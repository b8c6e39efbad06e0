"""vrrp_track_process: the same processes under keepalived and under us, as the wire shows them.

The kernel tells of processes in the initial network namespace only, so both run there, on a link of their
own; we also run in another one, which keepalived cannot, and in a process space, where nobody is told.
"""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.pidspace import PidSpace
from lab.kit.told import TellingOurs, block, global_defs, reload, telling
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

PATIENCE_S = 10.0
HERE = "here"  # the node that is the network namespace of the tests
places = pytest.mark.parametrize(
    ("kind", "node"), [("keepalived", HERE), ("vrrpd-fast", HERE), ("vrrpd-fast", "r1")]
)


class Programs:
    """Programs with names that nobody else has: a shell that does what it is told, and one that sleeps."""

    def __init__(self, directory: Path) -> None:
        self.name = f"vp{os.getpid():x}"
        self.sleeper = directory / "sleeper" / self.name
        self._shell = directory / "shell" / self.name
        for path, program in ((self.sleeper, "/bin/sleep"), (self._shell, "/bin/bash")):
            path.parent.mkdir()
            shutil.copy(program, path)
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        self._running.append(subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True))
        return self._running[-1]

    def shell(self) -> "Shell":
        return Shell(self.start(str(self._shell)))

    def close(self) -> None:
        for process in self._running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()


class Shell:
    """A shell that renames itself and has children that are like it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def rename(self, name: str) -> None:
        self.say(f"printf {name} > /proc/$$/comm")

    def fork(self, count: int = 1) -> None:
        """Children that run no other program, and stand still."""
        self.say(f"for number in {{1..{count}}}; do (kill -STOP $BASHPID) & done")

    def end_children(self) -> None:
        self.say("kill -KILL $(jobs -p); wait")


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    directory = tmp_path / "programs"
    directory.mkdir()
    made = Programs(directory)
    yield made
    made.close()


def tracked(*entries: str) -> str:
    return "\n".join(["track_process {", *entries, "}"])


def process_block(name: str, process: str, *lines: str) -> str:
    return (
        f"vrrp_track_process {name} {{\n  process {process}\n"
        + "".join(f"  {line}\n" for line in lines)
        + "}\n"
    )


def place(build: Build, capture: Tap, node: str) -> tuple[Net, Capture, str]:
    """A LAN, what goes over it, and the interface of the node in question."""
    net = build(["r1", "client"])
    interface = net.plug_in_here(HERE).interface if node == HERE else "eth0"
    return net, capture(net), interface


class Wire:
    """Waits for the priority that must follow what happens."""

    def __init__(self, wire: Capture, node: str) -> None:
        self._wire = wire
        self._node = node
        self._since = now_ns()

    def act(self, what: str, do: Callable[[], object], priority: int) -> None:
        self._since = now_ns()
        do()
        self.expect(what, priority)

    def expect(self, what: str, priority: int) -> None:
        try:
            self._wire.wait_advert(self._node, priority=priority, after=self._since, timeout=PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None

    def seen(self) -> set[int]:
        """The priorities since something happened."""
        return {advert.priority for advert in self._wire.adverts(self._node, after=self._since)}


@pytest.mark.peer("keepalived")
@places
def test_counts_on_the_wire(build: Build, capture: Tap, programs: Programs, kind: str, node: str) -> None:
    net, seen, interface = place(build, capture, node)
    text = (
        global_defs()
        + process_block("one", programs.name, "weight 1")
        + process_block("two", programs.name, "quorum 2", "weight 2")
        + process_block("most", programs.name, "quorum_max 1", "weight 4")
        + process_block("none", programs.name, "quorum_max 0", "weight 8")
        + process_block("down", programs.name, "weight -16")
        + process_block("line", f'"{programs.sleeper}" 60', "weight 32")
        + process_block("more", f"{programs.sleeper} 6", "param_match initial", "weight 64")
        + block(
            "VI", 81, 100, tracked("one", "two", "most", "none", "down", "line", "more"), interface=interface
        )
    )
    daemon = telling(kind, net, node, text)
    daemon.start()
    wire = Wire(seen, node)
    wire.expect("nothing runs", 92)
    shells: list[Shell] = []
    wire.act("one starts", lambda: shells.append(programs.shell()), 105)
    (shell,) = shells
    wire.act("it has another name", lambda: shell.rename("other"), 92)
    wire.act("its old name", lambda: shell.rename(programs.name), 105)
    wire.act("it forks", shell.fork, 103)
    wire.act("the child ends", shell.end_children, 105)
    wire.act("twenty at once", lambda: shell.fork(20), 103)
    wire.act("and gone", shell.end_children, 105)
    wire.act("killed", shell.process.kill, 92)
    started: list[subprocess.Popen[bytes]] = []
    for argument, priority in (("60", 201), ("61", 169), ("7", 105)):
        command = (str(programs.sleeper), argument)
        wire.act(
            f"sleep {argument}", lambda command=command: started.append(programs.start(*command)), priority
        )
        wire.act("ends", started[-1].kill, 92)


@pytest.mark.peer("keepalived")
@places
def test_delays(build: Build, capture: Tap, programs: Programs, kind: str, node: str) -> None:
    """A restart in time moves nothing; an end, and a fork, count when they have lasted."""
    net, seen, interface = place(build, capture, node)
    text = (
        global_defs()
        + process_block("web", programs.name, "weight 10", "terminate_delay 1")
        + process_block("pair", programs.name, "quorum 2", "weight 20", "delay 1")
        + block("VI", 82, 100, tracked("web", "pair"), interface=interface)
    )
    daemon = telling(kind, net, node, text)
    daemon.start()
    wire = Wire(seen, node)
    wire.expect("nothing runs", 100)
    begun_ns = now_ns()
    first = programs.start(str(programs.sleeper), "60")
    up = seen.wait_advert(node, priority=110, after=begun_ns, timeout=PATIENCE_S)
    assert (up.time_ns - begun_ns) / 1e9 < 0.7  # a start has no delay

    restarted_ns = now_ns()
    first.kill()
    first.wait()
    shell = programs.shell()
    seen.wait_time(restarted_ns + 1_500_000_000)
    assert {one.priority for one in seen.adverts(node, after=restarted_ns)} == {110}

    forked_ns = now_ns()
    shell.fork()
    grown = seen.wait_advert(node, priority=130, after=forked_ns, timeout=PATIENCE_S)
    assert 0.9 < (grown.time_ns - forked_ns) / 1e9 < 1.7

    killed_ns = now_ns()
    os.killpg(shell.process.pid, signal.SIGKILL)
    gone = seen.wait_advert(node, priority=100, after=killed_ns, timeout=PATIENCE_S)
    assert 0.9 < (gone.time_ns - killed_ns) / 1e9 < 1.7
    assert {
        one.priority for one in seen.adverts(node, after=killed_ns + 50_000_000, before=gone.time_ns)
    } <= {130, 110, 120}


@pytest.mark.peer("keepalived")
@places
def test_a_fault_of_all_in_a_group(
    build: Build, capture: Tap, programs: Programs, kind: str, node: str
) -> None:
    """Without a weight it is FAULT, also for a process that must not run; a group tracks for its members."""
    net, seen, interface = place(build, capture, node)
    text = (
        global_defs()
        + process_block("web", programs.name)
        + process_block("line", f"{programs.sleeper}", "full_command", "weight 0 reverse")
        + "vrrp_sync_group G {\n  group {\n    one\n    two\n  }\n"
        + tracked("web", "line")
        + "\n}\n"
        + block("one", 83, 100, interface=interface)
        + block("two", 84, 100, interface=interface)
    )
    daemon = telling(kind, net, node, text)
    daemon.start()
    seen.wait_time(now_ns() + 1_500_000_000)
    assert not seen.adverts(node)  # nothing runs

    def expect(priority: int, since: int) -> None:
        for vrid in (83, 84):
            seen.wait_advert(node, vrid=vrid, priority=priority, after=since, timeout=PATIENCE_S)

    since = now_ns()
    shell = programs.shell()
    expect(100, since)
    since = now_ns()
    wrong = programs.start(str(programs.sleeper), "60")
    expect(0, since)
    since = now_ns()
    wrong.kill()
    expect(100, since)
    since = now_ns()
    shell.process.kill()
    expect(0, since)


def test_where_the_kernel_does_not_tell(build: Build, capture: Tap, programs: Programs) -> None:
    """In a process space: /proc is read, the log and status say so, and an end counts at once."""
    net = build(["r1", "client"])
    seen = capture(net)
    space = PidSpace(net, "r1")
    daemon = Spaced(net, "r1", space)
    daemon.text = (
        global_defs()
        + process_block("web", programs.name, "weight 10")
        + block("VI", 85, 100, tracked("web"))
    )
    daemon.start()
    seen.wait_advert("r1", priority=100, timeout=PATIENCE_S)
    assert "vrrp_track_process: no process events: " in daemon.log
    inside = net.start(space.command(str(programs.sleeper), "60"))
    seen.wait_advert("r1", priority=110, timeout=PATIENCE_S)
    (shown,) = daemon.instance("VI")["tracking"]
    assert (shown["type"], shown["state"], shown["count"], shown["source"]) == ("process", "up", 1, "scan")
    killed_ns = now_ns()
    os.kill(space.child_of(inside), signal.SIGKILL)
    lowered = seen.wait_advert("r1", priority=100, after=killed_ns, timeout=PATIENCE_S)
    assert (lowered.time_ns - killed_ns) / 1e9 < 0.2 + daemon.late_s()


class Spaced(TellingOurs):
    """vrrpd-fast in a process space."""

    def __init__(self, net: Net, node: str, space: PidSpace) -> None:
        super().__init__(net, node)
        self._space = space

    def argv(self) -> list[str]:
        return self._space.command(*super().argv())


def test_a_reload_takes_other_processes(build: Build, capture: Tap, programs: Programs) -> None:
    """State and other counts stay; a weight alone moves the priority at once and touches no tracker."""
    net = build(["r1", "client"])
    seen = capture(net)
    instance = block("VI", 86, 100, tracked("web"))
    daemon = telling(
        "vrrpd-fast", net, "r1", global_defs() + process_block("web", programs.name, "weight 10") + instance
    )
    assert isinstance(daemon, VrrpdFast)
    daemon.start()
    programs.start(str(programs.sleeper), "60")
    seen.wait_advert("r1", priority=110, timeout=PATIENCE_S)
    since = now_ns()
    reload(daemon, global_defs() + process_block("web", programs.name, "weight 30") + instance)
    seen.wait_advert("r1", priority=130, after=since, timeout=PATIENCE_S)
    assert {one.priority for one in seen.adverts("r1", after=since)} <= {110, 130}
    since = now_ns()
    reload(daemon, global_defs() + process_block("web", programs.name, "quorum 2", "weight 30") + instance)
    seen.wait_advert("r1", priority=100, after=since, timeout=PATIENCE_S)
    assert {one.priority for one in seen.adverts("r1", after=since)} <= {130, 100}
    (shown,) = daemon.instance("VI")["tracking"]
    assert (shown["state"], shown["count"], shown["quorum"], shown["source"]) == ("down", 1, 2, "events")
    reload(daemon, global_defs() + block("VI", 86, 100))
    wait_until(lambda: not daemon.instance("VI")["tracking"], PATIENCE_S, "nothing is tracked")
    assert daemon.state("VI") == "MASTER"

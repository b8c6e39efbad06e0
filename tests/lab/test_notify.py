"""notify scripts and FIFOs: the same configuration and the same events under keepalived and under us.

Lines are compared in their order; runs of scripts as a set where keepalived starts them at the same time.
"""

import os
import stat
import time
from collections import Counter
from pathlib import Path

import pytest

from lab.kit.daemons import Daemon
from lab.kit.fixtures import Build
from lab.kit.inject import Injector
from lab.kit.net import Net
from lab.kit.told import KINDS, FifoReader, Ground, block, global_defs, reload, telling
from lab.kit.waiting import wait_until

both = pytest.mark.parametrize("kind", KINDS)


class Scene:
    """One router, what it tells, and an end that takes everything along."""

    def __init__(self, build: Build, kind: str, *members: str) -> None:
        self.net: Net = build(["r1", *members])
        self.ground = Ground(self.net)
        self.kind = kind
        self.daemon: Daemon
        self._readers: list[FifoReader] = []

    def start(self, text: str) -> None:
        self.daemon = telling(self.kind, self.net, "r1", text)
        self.daemon.start()

    def reader(self, name: str = "fifo", delay: float = 0.0) -> FifoReader:
        self._readers.append(FifoReader(self.ground.path / name, delay))
        self.net.at_close.append(self._readers[-1].close)
        return self._readers[-1]

    @property
    def fifo(self) -> str:
        return f"vrrp_notify_fifo {self.ground.path}/fifo"

    def says(self, word: str, arguments: str = "", user: str = "") -> str:
        """A line of the configuration that runs the recorder."""
        return f'{word} "{self.ground.recorder} {arguments}" {user}'.replace(' "', ' "', 1)

    def wait_runs(self, count: int) -> Counter[str]:
        wait_until(lambda: len(self.ground.runs) >= count, 8, f"{count} runs: {self.ground.runs}")
        return Counter(self.ground.runs)


@both
def test_a_life(build: Build, kind: str) -> None:
    """Start, MASTER, another priority, FAULT, recovery, stop: lines of both FIFOs, arguments and users."""
    scene = Scene(build, kind)
    ground = scene.ground
    up = ground.path / "up"
    every = scene.reader("all")
    lines = scene.reader()
    says = scene.says
    scene.start(
        global_defs(
            f"notify_fifo {ground.path}/all daemon daemon", scene.fifo, "vrrp_notify_priority_changes true"
        )
        + f'vrrp_script chk {{\n  script "/usr/bin/test -e {up}"\n  interval 1\n  weight 20\n}}\n'
        + block(
            "VI 1",
            101,
            100,
            "track_script {\n chk\n}",
            says("notify", "every 'a b' $HOME ; x", "nobody nogroup"),
            says("notify_master", "master", "daemon"),
            f"notify_backup {ground.recorder}",
            says("notify_fault", "fault", "daemon tty"),
            says("notify_stop", "stop"),
            says("notify_deleted", "deleted"),
        )
        + block("2", 102, 90, says("notify", "two"))
    )
    for reader in (every, lines):
        reader.wait('INSTANCE "VI 1" MASTER 100')
        reader.wait('INSTANCE "2" MASTER 90')
    up.touch()
    lines.wait('INSTANCE "VI 1" MASTER_PRIORITY 120')
    scene.net.ip("r1", "link", "set", "eth0", "down")
    lines.wait('INSTANCE "2" FAULT 90')
    up.unlink()
    lines.wait('INSTANCE "VI 1" BACKUP_PRIORITY 100')
    port = scene.net.port("r1")
    scene.net.ip("r1", "link", "set", "eth0", "up")
    lines.wait('INSTANCE "2" MASTER 90', count=2)
    lines.wait('INSTANCE "VI 1" MASTER 100', count=2)
    assert str(port.ipv4) in scene.net.addresses("r1")
    assert scene.daemon.stop() == 0
    lines.wait('INSTANCE "2" STOP 90')
    every.wait('INSTANCE "2" STOP 90')
    one = [
        "BACKUP 100",
        "MASTER 100",
        "MASTER_PRIORITY 120",
        "FAULT 120",
        "BACKUP_PRIORITY 100",
        "BACKUP 100",
        "MASTER 100",
        "STOP 100",
    ]
    two = ["BACKUP 90", "MASTER 90", "FAULT 90", "BACKUP 90", "MASTER 90", "STOP 90"]
    for reader in (every, lines):
        assert (reader.of("VI 1"), reader.of("2")) == (one, two)
        assert len(reader.lines) == len(one) + len(two)

    def generic(state: str, priority: int) -> str:
        return f"65534:65534:65534 [every] [a b] [$HOME] [;] [x] [INSTANCE] [VI 1] [{state}] [{priority}]"

    states = [each.split() for each in one if "_" not in each]
    expected = Counter(generic(state, int(priority)) for state, priority in states)
    expected += Counter(f"0:0:0 [two] [INSTANCE] [2] [{each.split()[0]}] [90]" for each in two)
    expected += Counter({"1:1:1 [master]": 2, "0:0:0": 2, "1:5:5 [fault]": 1, "0:0:0 [stop]": 1})
    assert scene.wait_runs(expected.total()) == expected


@both
def test_a_fault_at_the_start_and_an_owner(build: Build, kind: str) -> None:
    """The first line is FAULT or BACKUP; an owner's is MASTER."""
    scene = Scene(build, kind)
    scene.net.ip("r1", "link", "add", "down0", "type", "veth", "peer", "name", "down1")
    lines = scene.reader()
    owner = block("owner", 103, 255, "state MASTER", scene.says("notify", "owner"))
    scene.start(
        global_defs(scene.fifo)
        + block("dead", 104, 100, scene.says("notify_fault", "dead"), interface="down0")
        + owner
        + block("usual", 105, 100)
    )
    lines.wait('INSTANCE "usual" MASTER 100')
    assert lines.of("dead") == ["FAULT 100"]
    assert lines.of("owner") == ["MASTER 255"]
    assert lines.of("usual") == ["BACKUP 100", "MASTER 100"]
    assert scene.wait_runs(2) == Counter(
        {"0:0:0 [dead]": 1, "0:0:0 [owner] [INSTANCE] [owner] [MASTER] [255]": 1}
    )


@both
def test_reload(build: Build, kind: str) -> None:
    """Removed: DELETED with notify_deleted, else FAULT to FIFO and `notify`, nothing if in FAULT."""
    scene = Scene(build, kind)
    scene.net.ip("r1", "link", "add", "down0", "type", "veth", "peer", "name", "down1")
    lines = scene.reader()
    says = scene.says
    head = global_defs(scene.fifo)
    stays = block("stays", 106, 100, says("notify", "stays"))
    scene.start(
        head
        + stays
        + block("plain", 107, 100, says("notify", "plain"), says("notify_fault", "unwanted"))
        + block("deleted", 108, 100, says("notify", "d"), says("notify_deleted", "gone"))
        + block("bare", 109, 100, "notify_deleted", says("notify", "bare"))
        + block("dead", 110, 100, says("notify", "dead"), interface="down0")
        + block("other", 111, 100, says("notify", "other"))
    )
    names = ("stays", "plain", "deleted", "bare", "other")
    for name in names:
        lines.wait(f'INSTANCE "{name}" MASTER 100')
    before = scene.wait_runs(2 * len(names) + 1)
    reload(
        scene.daemon, head + stays + block("other", 112, 100, says("notify", "other")) + block("new", 113, 90)
    )
    lines.wait('INSTANCE "new" MASTER 90')
    lines.wait('INSTANCE "other" MASTER 100', count=2)
    assert lines.of("stays") == ["BACKUP 100", "MASTER 100"]
    assert lines.of("plain")[2:] == ["FAULT 100"]
    assert lines.of("deleted")[2:] == ["DELETED 100"]
    assert lines.of("bare")[2:] == ["DELETED 100"]
    assert lines.of("dead") == ["FAULT 100"]
    assert lines.of("other")[2:] == ["FAULT 100", "BACKUP 100", "MASTER 100"]
    assert lines.of("new") == ["BACKUP 90", "MASTER 90"]
    assert scene.wait_runs(before.total() + 7) - before == Counter(
        [
            "0:0:0 [plain] [INSTANCE] [plain] [FAULT] [100]",
            "0:0:0 [gone]",
            "0:0:0 [d] [INSTANCE] [deleted] [DELETED] [100]",
            "0:0:0 [bare] [INSTANCE] [bare] [DELETED] [100]",
            *(f"0:0:0 [other] [INSTANCE] [other] [{state}] [100]" for state in ("FAULT", "BACKUP", "MASTER")),
        ]
    )


@both
def test_another_priority_in_the_file_is_not_told(build: Build, kind: str) -> None:
    scene = Scene(build, kind)
    lines = scene.reader()
    head = global_defs(scene.fifo, "vrrp_notify_priority_changes true")
    scene.start(head + block("VI", 114, 100))
    lines.wait('INSTANCE "VI" MASTER 100')
    reload(scene.daemon, head + block("VI", 114, 110) + block("mark", 115, 100))
    lines.wait('INSTANCE "mark" BACKUP 100')
    assert scene.daemon.stop() == 0
    lines.wait('INSTANCE "VI" STOP 110')
    assert lines.of("VI") == ["BACKUP 100", "MASTER 100", "STOP 110"]


@both
def test_states_on_reload(build: Build, kind: str) -> None:
    """fifo_write_vrrp_states_on_reload; keepalived leaves out who is MASTER."""
    scene = Scene(build, kind, "r2")
    lines = scene.reader()
    scene.net.ip("r1", "link", "add", "down0", "type", "veth", "peer", "name", "down1")
    other = telling(kind, scene.net, "r2", global_defs() + block("backup", 116, 200))
    other.start()
    text = (
        global_defs(scene.fifo, "fifo_write_vrrp_states_on_reload")
        + block("backup", 116, 100, scene.says("notify", "quiet"))
        + block("master", 117, 100)
        + block("fault", 118, 100, interface="down0")
    )
    scene.start(text)
    lines.wait('INSTANCE "master" MASTER 100')
    reload(scene.daemon, text)
    lines.wait('INSTANCE "backup" BACKUP 100', count=2)
    lines.wait('INSTANCE "fault" FAULT 100', count=2)
    repeated = [] if kind == "keepalived" else ["MASTER 100"]
    if repeated:
        lines.wait('INSTANCE "master" MASTER 100', count=2)
    assert lines.of("master") == ["BACKUP 100", "MASTER 100", *repeated]
    assert set(scene.ground.runs) == {"0:0:0 [quiet] [INSTANCE] [backup] [BACKUP] [100]"}
    assert len(scene.ground.runs) == 1


@both
def test_an_advert_of_lower_priority(build: Build, kind: str) -> None:
    """A line and a run of notify_master_rx_lower_pri for each; `notify` hears nothing of it."""
    scene = Scene(build, kind, "x")
    lines = scene.reader()
    scene.start(
        global_defs(scene.fifo)
        + block(
            "VI", 119, 150, scene.says("notify_master_rx_lower_pri", "lower"), scene.says("notify", "every")
        )
    )
    lines.wait('INSTANCE "VI" MASTER 150')
    injector = Injector(scene.net, "x")
    for heard in range(1, 4):
        injector.advert(vrid=119, priority=50, interval_cs=20, addresses=["10.0.0.119"])
        lines.wait('INSTANCE "VI" MASTER_RX_LOWER_PRI 150', count=heard)
        scene.wait_runs(2 + heard)
        time.sleep(0.2)  # the next one comes after an interval, as that of a real router would
    injector.close()
    assert lines.of("VI") == ["BACKUP 150", "MASTER 150", *["MASTER_RX_LOWER_PRI 150"] * 3]
    assert scene.wait_runs(5)["0:0:0 [lower]"] == 3


@both
def test_the_file(build: Build, kind: str) -> None:
    """Mode 0600 and ours, or whose it is to be; made at the start, gone at the end."""
    scene = Scene(build, kind)
    paths = [scene.ground.path / "all", scene.ground.path / "vrrp"]
    scene.start(
        global_defs(f"notify_fifo {paths[0]} daemon tty", f"vrrp_notify_fifo {paths[1]}")
        + block("VI", 120, 100)
    )
    wait_until(lambda: all(path.exists() for path in paths), 5, "the FIFOs are there")
    wait_until(lambda: paths[0].stat().st_uid == 1, 5, "it has its owner")
    found = [path.stat() for path in paths]
    assert [stat.filemode(each.st_mode) for each in found] == ["prw-------"] * 2
    assert [(each.st_uid, each.st_gid) for each in found] == [(1, 5), (0, 0)]
    assert scene.daemon.stop() == 0
    assert not any(path.exists() for path in paths)


@both
def test_the_umask_counts_for_the_file(build: Build, kind: str) -> None:
    scene = Scene(build, kind)
    path = scene.ground.path / "fifo"
    scene.start(global_defs("umask 022", scene.fifo) + block("VI", 121, 100))
    wait_until(path.exists, 5, "the FIFO is there")
    wait_until(lambda: stat.filemode(path.stat().st_mode) == "prw-r--r--", 5, "0644 & ~022")


@both
def test_a_fifo_that_was_there(build: Build, kind: str) -> None:
    """Its mode stays, and so does the file at the end."""
    scene = Scene(build, kind)
    path = scene.ground.path / "fifo"
    os.mkfifo(path)
    path.chmod(0o640)
    lines = scene.reader()
    scene.start(global_defs(scene.fifo) + block("VI", 122, 100))
    lines.wait('INSTANCE "VI" MASTER 100')
    assert scene.daemon.stop() == 0
    lines.wait('INSTANCE "VI" STOP 100')
    assert stat.filemode(path.stat().st_mode) == "prw-r-----"


@both
def test_the_script_of_a_fifo(build: Build, kind: str) -> None:
    """It has the FIFO's name as its last argument, its user, and the lines from the first on."""
    scene = Scene(build, kind)
    read = scene.ground.path / "read"
    read.touch()
    read.chmod(0o666)
    script = scene.ground.script(
        "reader", f'#!/bin/sh\necho "$(id -u) $#: $1 $2 $3" >> {read}\nexec cat "$3" >> {read}\n'
    )
    scene.start(
        global_defs(f"{scene.fifo} daemon", f"vrrp_notify_fifo_script \"{script} 'a b' c\" daemon")
        + block("VI", 123, 100)
    )
    expected = [
        f"1 3: a b c {scene.ground.path}/fifo",
        'INSTANCE "VI" BACKUP 100',
        'INSTANCE "VI" MASTER 100',
    ]
    wait_until(lambda: read.read_text().splitlines() == expected, 8, f"{expected} in {read.read_text()}")
    assert scene.daemon.stop() == 0
    if kind != "keepalived":  # it ends its script before it says STOP
        assert read.read_text().splitlines() == [*expected, 'INSTANCE "VI" STOP 100']


@both
def test_startup_and_shutdown_script(build: Build, kind: str) -> None:
    """Before anything and after all: no address is there yet, none is there any more."""
    scene = Scene(build, kind)
    look = scene.ground.script(
        "look",
        f'#!/bin/sh\nsleep 0.3\n{scene.ground.recorder} "$1" "$(ip addr | grep -c 10.0.0.124/24)"\n',
    )
    scene.start(
        global_defs(f'startup_script "{look} before"', f'shutdown_script "{look} after"')
        + block("VI", 124, 255, "state MASTER", scene.says("notify", "VI"))
    )
    told = "0:0:0 [VI] [INSTANCE] [VI]"
    wait_until(lambda: f"{told} [MASTER] [255]" in scene.ground.runs, 8, "it is MASTER")
    assert scene.daemon.stop() == 0
    assert scene.ground.runs == [
        "0:0:0 [before] [0]",
        f"{told} [MASTER] [255]",
        f"{told} [STOP] [255]",
        "0:0:0 [after] [0]",
    ]


@both
def test_a_startup_script_that_hangs(build: Build, kind: str) -> None:
    """It has its time, then everything goes on."""
    scene = Scene(build, kind)
    lines = scene.reader()
    hang = scene.ground.script("hang", "#!/bin/sh\nsleep 60\n")
    began = time.monotonic()
    scene.start(
        global_defs(f"startup_script {hang}", "startup_script_timeout 1", scene.fifo) + block("VI", 125, 100)
    )
    lines.wait('INSTANCE "VI" MASTER 100')
    assert 1.0 < time.monotonic() - began < 8.0


@both
def test_what_is_insecure_does_not_run_as_root(build: Build, kind: str) -> None:
    """enable_script_security: every element of the path, also of a link's target, is root's alone."""
    scene = Scene(build, kind)
    ground = scene.ground
    loose = ground.path / "loose"
    loose.mkdir()
    text = Path(ground.recorder).read_text()
    inside = ground.script("loose/record", text)
    loose.chmod(0o777)
    owned = ground.script("owned", text)
    os.chown(owned, 1, 0)
    group = ground.script("group", text, 0o775)
    others_group = ground.script("others_group", text, 0o775)
    os.chown(others_group, 0, 1)
    link = ground.path / "link"
    link.symlink_to(inside)
    beside, elsewhere = ground.path / "beside", ground.path / "other" / "link"
    (ground.path / "other").mkdir()
    elsewhere.symlink_to(ground.recorder)
    beside.symlink_to("record")
    lines = scene.reader()
    scripts = {
        "loose": inside,
        "owned": owned,
        "group": group,
        "others_group": others_group,
        "link": str(link),
        "beside": str(beside),
        "elsewhere": str(elsewhere),
    }
    blocks = [
        block(name, 130 + number, 255, "state MASTER", f'notify_master "{path} {name}"')
        for number, (name, path) in enumerate(scripts.items())
    ]
    blocks.append(block("nobody", 140, 255, "state MASTER", f'notify_master "{inside} nobody" nobody'))
    scene.start(global_defs("enable_script_security", scene.fifo) + "".join(blocks))
    for name in (*scripts, "nobody"):
        lines.wait(f'INSTANCE "{name}" MASTER 255')
    assert scene.daemon.stop() == 0
    ran = {line.rsplit("[", 1)[1].rstrip("]") for line in ground.runs}
    assert ran == {"group", "beside", "elsewhere", "nobody"}
    assert f"0:0:0 [{beside}] [beside]" in ground.runs  # a link keeps its name beside its target
    assert "0:0:0 [elsewhere]" in ground.runs

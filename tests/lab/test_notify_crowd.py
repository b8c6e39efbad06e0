"""Thousands of events at once: a FIFO with a late reader, more scripts than the machine can run at once."""

import time
from collections import Counter
from itertools import islice

from lab.kit.crowd import Many, crowd
from lab.kit.daemons import Settings
from lab.kit.fixtures import Build
from lab.kit.told import FifoReader, Ground
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

LATE_S = 6.0


def virtual_routers(count: int, interval: float, **more: object) -> dict[str, Settings]:
    """So many of them, 250 on a LAN."""
    lans = range(-(-count // 250))
    made = crowd(lans, range(1, 251), priority=100, interval=interval, **more)
    return dict(islice(made.items(), count))


def test_4096_with_a_reader_6_s_late(build: Build) -> None:
    """Every line arrives, in order for each virtual router, and nobody waits for the reader."""
    net = build(*[["r1"]] * 17)
    ground = Ground(net)
    # Names that together are more than what the kernel holds for a reader.
    made = {f"{name}-{'x' * 120}": block for name, block in virtual_routers(4096, 0.5).items()}
    ours = Many(net, "r1", made)
    ours.document = {"global_defs": {"vrrp_notify_fifo": f"{ground.path}/fifo"}, "vrrp_instance": made}
    reader = FifoReader(ground.path / "fifo", LATE_S)
    net.at_close.append(reader.close)
    ours.start()

    def fifo() -> dict[str, int]:
        (only,) = ours.status()["notify"]["fifos"]
        return dict(only)

    wait_until(
        lambda: fifo()["written"] + fifo()["waiting"] == 8192, 30, "everything has been told", pause=0.1
    )
    then = fifo()
    assert then["waiting"] > 1000, "the kernel took it all: nothing is tested"
    assert not reader.lines, "the reader came too early for this test"
    began = time.monotonic()
    wait_until(lambda: len(reader.lines) >= 8192, LATE_S + 10, "every line arrives")
    print(f"{then['waiting']} lines waited; the reader had all {time.monotonic() - began:.2f} s later")
    told: dict[str, list[str]] = {}
    for line in reader.lines:
        kind, name, *words = line.split()
        assert kind == "INSTANCE"
        told.setdefault(name.strip('"'), []).append(" ".join(words))
    assert set(told) == set(made)
    assert Counter(map(tuple, told.values())) == {("BACKUP 100", "MASTER 100"): 4096}
    assert fifo() | {"path": ""} == then | {"path": "", "written": 8192, "waiting": 0, "dropped": 0}


def test_a_script_for_each_of_2000(build: Build) -> None:
    """4000 scripts run, those of one virtual router in order, and a few at a time."""
    net = build(*[["r1"]] * 8)
    ground = Ground(net)
    runs = ground.path / "runs"
    script = ground.script("say", f'#!/bin/sh\necho "$3 $4 $VRRP_EVENT" >> {runs}\n')
    ours = Many(net, "r1", virtual_routers(2000, 1.0, notify=f"{script} a", notify_stop="/bin/true"))
    began = time.monotonic()
    ours.start()
    most = 0

    def all_ran() -> bool:
        nonlocal most
        scripts = ours.status()["notify"]["scripts"]
        most = max(most, scripts["running"])
        return bool(scripts["run"] == 4000 and not scripts["waiting"] and not scripts["running"])

    wait_until(all_ran, 120, "every script has run", pause=0.05)
    took = time.monotonic() - began
    print("4000 scripts after:", round(took, 3))
    scripts = ours.status()["notify"]["scripts"]
    assert (scripts["failed"], scripts["dropped"]) == (0, 0)
    assert 1 < most <= 64
    print("at once:", most)
    told: dict[str, list[tuple[str, int]]] = {}
    for line in runs.read_text().splitlines():
        name, state, event = line.split()
        told.setdefault(name, []).append((state, int(event)))
    assert set(told) == set(ours.instances)
    for name, events in told.items():
        assert [state for state, _ in events] == ["BACKUP", "MASTER"], name
        assert events[0][1] < events[1][1]
    lateness = ours.status()["engine"]["lateness_ns"]
    print("lateness_ns:", lateness)


def test_scripts_that_hang_hold_up_their_own_virtual_router_only(build: Build) -> None:
    net = build(["r1"])
    ground = Ground(net)
    hang = ground.script("hang", "#!/bin/sh\nexec sleep 600\n")
    quick = ground.path / "quick"
    said = ground.script("say", f'#!/bin/sh\necho "$VRRP_NAME $VRRP_STATE" >> {quick}\n')
    made = crowd([0], range(1, 41), priority=100)
    names = list(made)
    for name in names[:20]:
        made[name]["notify"] = hang
    for name in names[20:]:
        made[name]["notify"] = said
    ours = VrrpdFast(net, "r1", **made)
    ours.start()
    wait_until(
        lambda: quick.exists() and len(quick.read_text().splitlines()) == 40,
        10,
        f"the others have run twice each\n{ours.log}",
    )
    began = time.monotonic()
    assert ours.stop(timeout=15) == 0
    assert time.monotonic() - began < 9, "5 s for scripts, no more"
    assert "given up" in ours.log

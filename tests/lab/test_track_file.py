"""track_file: the same file and the same events under keepalived and under us, as the wire shows them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import now_ns
from lab.kit.told import KINDS, Ground, block, global_defs, reload, telling
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

both = pytest.mark.parametrize("kind", KINDS)
PATIENCE_S = 10.0


def tracked(name: str, path: Path, *lines: str) -> str:
    return f'track_file {name} {{\n  file "{path}"\n' + "".join(f"  {line}\n" for line in lines) + "}\n"


def entry(*lines: str) -> str:
    return "\n".join(["track_file {", *lines, "}"])


def replace(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.rename(path)


def link(path: Path, to: Path) -> None:
    beside = path.with_suffix(".new")
    beside.symlink_to(to)
    beside.rename(path)


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


# What happens to the file, and the priority of 100 + 2 × its number that follows.
EVENTS: list[tuple[str, Callable[[Path], object], int]] = [
    ("written", lambda path: path.write_text("10"), 120),
    ("with a line end", lambda path: path.write_text(" -5 \n"), 90),
    ("no number", lambda path: path.write_text("abc\n"), 100),
    ("with more behind", lambda path: path.write_text("+3 of 9"), 106),
    ("hexadecimal", lambda path: path.write_text("0x10"), 132),
    ("octal", lambda path: path.write_text("010"), 116),
    ("empty", lambda path: path.write_text(""), 100),
    ("far too high", lambda path: path.write_text("900"), 254),
    ("just no fault", lambda path: path.write_text("-126"), 1),
    ("renamed over", lambda path: replace(path, "8"), 116),
    ("deleted", lambda path: path.unlink(), 100),
    ("made again", lambda path: path.write_text("9"), 118),
    ("moved away", lambda path: path.rename(path.with_suffix(".old")), 100),
    ("a link to a file", lambda path: link(path, path.with_suffix(".old")), 118),
    ("a FIFO", make_fifo, 100),
    ("a file again", lambda path: replace(path, "4"), 108),
]


@both
def test_numbers_on_the_wire(build: Build, capture: Tap, kind: str) -> None:
    net = build(["r1", "client"])
    wire: Capture = capture(net)
    path = Ground(net).path / "load"
    text = global_defs() + tracked("load", path, "weight 2") + block("VI", 71, 100, entry("load"))
    daemon = telling(kind, net, "r1", text)
    daemon.start()
    wire.wait_advert("r1", priority=100, timeout=PATIENCE_S)
    for what, act, priority in EVENTS:
        since = now_ns()
        act(path)
        try:
            wire.wait_advert("r1", priority=priority, after=since, timeout=PATIENCE_S)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from None


@both
def test_faults_weights_and_init_file(build: Build, capture: Tap, kind: str) -> None:
    """Weight 0 and less than -253 are FAULT; an entry has a weight of its own; the file is made first."""
    net = build(["r1", "client"])
    wire: Capture = capture(net)
    ground = Ground(net)
    hard, made, kept = (ground.path / name for name in ("hard", "made", "kept"))
    kept.write_text("5\n")
    daemon = telling(
        kind,
        net,
        "r1",
        global_defs()
        + tracked("hard", hard, "weight 0")
        + f'vrrp_track_file made {{\n  file "{made}"\n  init_file 7\n}}\n'
        + tracked("kept", kept, "weight 1 reverse", "init_file 9")
        + block("VI", 72, 100, entry("hard", "made", "kept weight 3 noreverse")),
    )
    daemon.start()
    wire.wait_advert("r1", priority=122, timeout=PATIENCE_S)
    assert (made.read_text(), kept.read_text()) == ("7\n", "5\n")
    for path, bad, good in ((hard, "1", "0"), (hard, "-1", "none"), (kept, "-85", "5")):
        since = now_ns()
        path.write_text(bad)
        wire.wait_advert("r1", priority=0, after=since, timeout=PATIENCE_S)
        since = now_ns()
        path.write_text(good)
        wire.wait_advert("r1", priority=122, after=since, timeout=PATIENCE_S)
    hard.write_text("1")
    wire.wait_advert("r1", priority=0, after=since, timeout=PATIENCE_S)
    since = now_ns()
    hard.unlink()
    wire.wait_advert("r1", priority=122, after=since, timeout=PATIENCE_S)


@both
def test_a_sync_group_tracks_for_its_members(build: Build, capture: Tap, kind: str) -> None:
    net = build(["r1", "client"])
    wire: Capture = capture(net)
    path = Ground(net).path / "load"
    group = "vrrp_sync_group G {\n  group {\n    one\n    two\n  }\n  track_file {\n    load\n  }\n}\n"
    instances = block("one", 73, 100) + block("two", 74, 100)
    daemon = telling(kind, net, "r1", global_defs() + tracked("load", path) + group + instances)
    daemon.start()
    for text, priority in (("20", 120), ("-30", 70), ("-300", 0), ("10", 110)):
        since = now_ns()
        path.write_text(text)
        for vrid in (73, 74):
            wire.wait_advert("r1", vrid=vrid, priority=priority, after=since, timeout=PATIENCE_S)


def test_a_reload_takes_another_file(build: Build, capture: Tap) -> None:
    """State and the numbers of other files stay; status shows what is read."""
    net = build(["r1", "client"])
    wire: Capture = capture(net)
    ground = Ground(net)
    one, two = ground.path / "one", ground.path / "two"
    one.write_text("1")
    two.write_text("2")
    instance = block("VI", 75, 100, entry("load"))
    daemon = telling("vrrpd-fast", net, "r1", global_defs() + tracked("load", one) + instance)
    assert isinstance(daemon, VrrpdFast)
    daemon.start()
    wire.wait_advert("r1", priority=101, timeout=PATIENCE_S)
    since = now_ns()
    reload(daemon, global_defs() + tracked("load", two) + instance)
    wire.wait_advert("r1", priority=102, after=since, timeout=PATIENCE_S)
    (shown,) = daemon.instance("VI")["tracking"]
    assert (shown["type"], shown["path"], shown["value"], shown["contribution"]) == ("file", str(two), 2, 2)
    reload(daemon, global_defs() + block("VI", 75, 100))
    wait_until(lambda: not daemon.instance("VI")["tracking"], PATIENCE_S, "nothing is tracked")
    assert daemon.instance("VI")["effective_priority"] == 100
    assert daemon.state("VI") == "MASTER"

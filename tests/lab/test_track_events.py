"""vrrp_script and track_interface: what happens to what is tracked, under keepalived and us, on the wire.

Four virtual routers track the same thing with different weights, so that every rule shows at once. track_file
and vrrp_track_process have files of their own.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.told import KINDS, Ground, block, global_defs, telling

both = pytest.mark.parametrize("kind", KINDS)
PATIENCE_S = 12.0

# VRID, the entry of the track list, and the priority while what is tracked is up and down; 0 is FAULT.
ROUTERS = (
    (91, "weight 10", 110, 100),
    (92, "weight -20", 100, 80),
    (93, "weight 30 reverse", 70, 100),
    (94, "weight 0", 100, 0),
)


def routers(word: str, name: str) -> str:
    return "".join(
        block(f"V{vrid}", vrid, 100, f"{word} {{", f"  {name} {weight}", "}")
        for vrid, weight, _, _ in ROUTERS
    )


class Seen:
    """What must be on the wire after an event."""

    def __init__(self, wire: Capture) -> None:
        self._wire = wire

    def expect_nothing(self, what: str, act: Callable[[], object], seconds: float) -> None:
        """Nobody has another priority than while it is up."""
        since = now_ns()
        act()
        self._wire.wait_time(since + int(seconds * 1e9))
        for vrid, _, up, _ in ROUTERS:
            seen = {advert.priority for advert in self._wire.adverts("r1", vrid=vrid, after=since)}
            assert seen == {up}, (what, vrid)

    def expect(self, what: str, act: Callable[[], object], is_up: bool) -> None:
        since = now_ns()
        act()
        for vrid, _, up, down in ROUTERS:
            priority = up if is_up else down
            try:
                advert = self._wire.wait_advert(
                    "r1", vrid=vrid, priority=priority, after=since, timeout=PATIENCE_S
                )
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from None
            if priority == 0:
                self._wire.wait_time(advert.time_ns + 300_000_000)
                after = self._wire.adverts("r1", vrid=vrid, after=advert.time_ns)
                assert not [one for one in after if one.priority], what  # keepalived says goodbye twice


class Check:
    """A script that does what a file tells it."""

    def __init__(self, net: Net) -> None:
        ground = Ground(net)
        self._orders = ground.path / "orders"
        self.path = Path(ground.script("check", f"#!/bin/sh\n. {self._orders}\n"))
        self.order("exit 0")

    def order(self, text: str) -> None:
        beside = self._orders.with_suffix(".new")
        beside.write_text(text + "\n")
        beside.rename(self._orders)


@both
def test_scripts(build: Build, capture: Tap, kind: str) -> None:
    """Failing, killed, hanging, not heeding SIGTERM, missing, not executable; and well again each time.

    keepalived takes no notice of a script that is not there any more, or cannot be executed: it goes on with
    what it said last. Here it has failed.
    """
    net = build(["r1", "client"])
    seen = Seen(capture(net))
    check = Check(net)
    script = f'vrrp_script chk {{\n  script "{check.path}"\n  interval 1\n  timeout 1\n}}\n'
    daemon = telling(kind, net, "r1", global_defs() + script + routers("track_script", "chk"))
    seen.expect("started", daemon.start, True)
    away = check.path.with_suffix(".away")
    events: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("exit 1", lambda: check.order("exit 1"), lambda: check.order("exit 0")),
        ("exit 255", lambda: check.order("exit 255"), lambda: check.order("exit 0")),
        ("killed", lambda: check.order("kill -KILL $$"), lambda: check.order("exit 0")),
        ("hanging", lambda: check.order("exec sleep 1000"), lambda: check.order("exit 0")),
        ("does not heed", lambda: check.order("trap '' TERM; sleep 1000"), lambda: check.order("exit 0")),
        ("missing", lambda: check.path.rename(away), lambda: away.rename(check.path)),
        ("not executable", lambda: check.path.chmod(0o644), lambda: check.path.chmod(0o755)),
    ]
    for what, harm, mend in events:
        if kind == "keepalived" and what in ("missing", "not executable"):
            seen.expect_nothing(what, harm, 2.5)
        else:
            seen.expect(what, harm, False)
        seen.expect(f"{what}, mended", mend, True)


@both
def test_interfaces(build: Build, capture: Tap, kind: str) -> None:
    """Set down, without carrier, deleted, made again, renamed."""
    net = build(["r1", "client"])
    seen = Seen(capture(net))

    def make() -> None:
        net.ip("r1", "link", "add", "tracked", "type", "veth", "peer", "name", "peer")
        net.ip("r1", "link", "set", "peer", "up")
        net.ip("r1", "link", "set", "tracked", "up")

    def link(*words: str) -> Callable[[], None]:
        return lambda: net.ip("r1", "link", *words)

    def rename(old: str, new: str) -> None:
        net.ip("r1", "link", "set", old, "down")
        net.ip("r1", "link", "set", old, "name", new)
        net.ip("r1", "link", "set", new, "up")

    make()
    text = global_defs("dynamic_interfaces") + routers("track_interface", "tracked")
    daemon = telling(kind, net, "r1", text)
    seen.expect("started", daemon.start, True)
    events: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("set down", link("set", "tracked", "down"), link("set", "tracked", "up")),
        ("no carrier", link("set", "peer", "down"), link("set", "peer", "up")),
        ("deleted", link("del", "tracked"), make),
        ("deleted again", link("del", "tracked"), make),
        ("renamed", lambda: rename("tracked", "other"), lambda: rename("other", "tracked")),
    ]
    for what, harm, mend in events:
        seen.expect(what, harm, False)
        seen.expect(f"{what}, mended", mend, True)

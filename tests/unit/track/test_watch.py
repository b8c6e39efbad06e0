"""All kinds of trackers together: found by kind and name, and read in one form."""

import asyncio
from pathlib import Path

import pytest

from unit.samples import instance, link, on_file, on_link, on_script
from vrrpd_fast.model import Config, Reason, Script, TrackKind, ValueFile
from vrrpd_fast.net.links import Link
from vrrpd_fast.spawn.spawn import Spawner
from vrrpd_fast.track.priority import Fault
from vrrpd_fast.track.readings import REASONS, readings
from vrrpd_fast.track.script import ScriptTracker
from vrrpd_fast.track.watch import Watch


def test_every_kind_has_a_reason() -> None:
    assert set(REASONS) == set(TrackKind)


def test_found_by_kind_and_read_in_order(tmp_path: Path) -> None:
    asyncio.run(_found_by_kind(tmp_path))


async def _found_by_kind(directory: Path) -> None:
    (directory / "number").write_text("3\n")
    links: dict[str, Link] = {"up1": link("up1", 8)}
    told: list[tuple[TrackKind, str]] = []
    loop = asyncio.get_running_loop()
    watch = Watch(loop, Spawner(loop), links.get, lambda kind, name: told.append((kind, name)))
    config = Config(
        router_id="r1",
        scripts={"same": Script(name="same", script="/bin/true", init_fail=True)},
        files={"same": ValueFile(name="same", path=str(directory / "number"))},
    )
    fresh = watch.prepare(config)
    await watch.take(config, fresh, lambda: None)
    tracks = (on_link("up1", 5), on_link("gone"), on_script("same"), on_file("same", -10))
    found = list(readings(instance(tracks=tracks), watch.find))
    assert [reading.part for reading in found] == [5, Fault.DOWN, Fault.DOWN, -30]
    assert found[1].fault == (Reason.TRACKED_INTERFACE, "tracked interface gone is down")
    assert found[2].fault == (Reason.TRACKED_SCRIPT, "vrrp_script same is down")
    described = [reading.status() for reading in found]
    assert [(one["type"], one["state"], one["contribution"]) for one in described] == [
        ("interface", "up", 5),
        ("interface", "down", "fault"),
        ("script", "down", "fault"),
        ("file", "read", -30),
    ]

    links["up1"] = link("up1", 8, up=False)
    assert next(readings(instance(tracks=tracks), watch.find)).part == 0

    (directory / "number").write_text("1\n")
    for _ in range(500):
        if told:
            break
        await asyncio.sleep(0.01)
    assert told == [(TrackKind.FILE, "same")]

    await watch.drop(Config(router_id="r1"), lambda: None)
    with pytest.raises(KeyError):
        watch.find(TrackKind.SCRIPT, "same")
    watch.stop()
    await watch.close()


def test_damping_comes_and_goes_with_a_reload(tmp_path: Path) -> None:
    asyncio.run(_damping(tmp_path))


async def _damping(directory: Path) -> None:
    """A script that flaps counts as down; without damping, or with other seconds, as it is."""
    told: list[tuple[TrackKind, str]] = []
    loop = asyncio.get_running_loop()
    spawner = Spawner(loop)
    watch = Watch(loop, spawner, {}.get, lambda kind, name: told.append((kind, name)))
    script = Script(name="chk", script="/bin/true", interval=3600.0)
    key = (TrackKind.SCRIPT, "chk")
    damped = Config(router_id="r1", scripts={"chk": script}, damping={key: 60.0})
    tracker = await _taken(watch, damped)
    for state in (True, False, True, False, True):
        tracker._judgement.state = state
        watch._changed(*key)
    assert told == [key] * 4
    assert watch.find(*key).describe()["state"] == "down"
    told.clear()
    assert await _taken(watch, damped) is tracker
    assert (watch.find(*key).describe()["damped"], told) == (pytest.approx(60, abs=5), [])
    assert await _taken(watch, Config(router_id="r1", scripts={"chk": script})) is tracker
    assert (watch.find(*key), told) == (tracker, [key])
    watch.stop()
    await watch.close()
    await spawner.close()


async def _taken(watch: Watch, config: Config) -> ScriptTracker:
    await watch.take(config, watch.prepare(config), lambda: None)
    await watch.drop(config, lambda: None)
    return watch._scripts.judge("chk")

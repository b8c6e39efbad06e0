"""A priority that moves: in the next advert, known to the peer, timers timed anew, and damped where asked."""

import random
from pathlib import Path

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.settings import FAST
from lab.kit.timing import EARLY_S
from lab.kit.told import Ground
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

INTERVAL_S = 0.5


def router(net: Net, node: str, priority: int, number: Path, interval_s: float = INTERVAL_S) -> VrrpdFast:
    """One whose priority is moved by the number in a file."""
    document = {
        "global_defs": {"router_id": node},
        "track_file": {"number": {"file": str(number)}},
        "vrrp_instance": {
            "VI": FAST.settings(priority, advert_int=interval_s, track_file=["number"]),
        },
    }
    return VrrpdFast(net, node, document=document)


def pair(build: Build, capture: Tap) -> tuple[Net, Capture, dict[str, Path]]:
    net = build(["r1", "r2"])
    ground = Ground(net)
    numbers = {node: ground.path / node for node in ("r1", "r2")}
    for path in numbers.values():
        path.write_text("0\n")
    return net, capture(net), numbers


def test_the_next_advert_has_it_and_the_peer_knows(build: Build, capture: Tap) -> None:
    """Ten changes at any moment of the interval; nothing else is ever sent, and no advert more than usual."""
    net, wire, numbers = pair(build, capture)
    one, two = router(net, "r1", 150, numbers["r1"]), router(net, "r2", 60, numbers["r2"])
    one.start()
    two.start()
    one.wait_state("VI", "MASTER")
    two.wait_state("VI", "BACKUP")
    choose = random.Random(5)
    begun_ns = now_ns()
    for number in choose.sample(range(-80, 100), 10):
        wire.wait_time(now_ns() + choose.randrange(int(INTERVAL_S * 1e9)))
        changed_ns = now_ns()
        numbers["r1"].write_text(f"{number}\n")
        wire.wait_advert("r1", priority=150 + number, after=changed_ns)
        seen = wire.adverts("r1", after=changed_ns)
        assert [advert.priority for advert in seen][-1:] == [150 + number]
        assert (seen[-1].time_ns - changed_ns) / 1e9 < INTERVAL_S + one.late_s()
        wait_until(lambda: two.instance("VI")["master_priority"] == 150 + number, 0.2, "the peer knows")  # noqa: B023
    adverts = wire.adverts("r1", after=begun_ns)
    beats = (adverts[-1].time_ns - adverts[0].time_ns) / 1e9 / INTERVAL_S
    assert len(adverts) == round(beats) + 1
    assert not wire.adverts("r2", after=begun_ns)
    shown = one.instance("VI")
    assert shown["priority_sum"] == f"150 base, {number:+d} number {number} = {150 + number}"


@pytest.mark.parametrize(("base", "number"), [(10, 230), (240, -230)])
def test_a_timer_that_runs_is_timed_anew(build: Build, capture: Tap, base: int, number: int) -> None:
    """A backup's skew is that of its new priority, also when the master is gone already."""
    net, wire, numbers = pair(build, capture)
    one = router(net, "r1", 254, numbers["r1"], 1.0)
    two = router(net, "r2", base, numbers["r2"], 1.0)
    one.start()
    two.start()
    one.wait_state("VI", "MASTER")
    two.wait_state("VI", "BACKUP")
    wire.wait_adverts(2, "r1", after=now_ns())
    one.kill()
    last = wire.adverts("r1")[-1]
    wire.wait_time(last.time_ns + 1_000_000_000)
    numbers["r2"].write_text(f"{number}\n")
    taken = wire.wait_advert("r2", after=last.time_ns, timeout=8)
    assert taken.priority == base + number
    silence_s = (taken.time_ns - last.time_ns) / 1e9
    expected_s = 3 + (256 - base - number) / 256
    assert expected_s - EARLY_S < silence_s < expected_s + two.late_s()


def test_what_flaps_is_damped(build: Build, capture: Tap) -> None:
    """The first outage counts as it is, the second one lasts until the script has been up for `damping`."""
    net = build(["r1", "client"])
    wire = capture(net)
    ground = Ground(net)
    flag = ground.path / "flag"
    flag.touch()
    document = {
        "global_defs": {"router_id": "r1", "script_user": "root"},
        "vrrp_script": {"chk": {"script": f"test -e {flag}", "interval": 0.1, "weight": 20, "damping": 3}},
        "vrrp_instance": {"VI": FAST.settings(100, track_script=["chk"])},
    }
    ours = VrrpdFast(net, "r1", document=document)
    ours.start()
    wire.wait_advert("r1", priority=120)
    for act, priority in ((flag.unlink, 100), (flag.touch, 120), (flag.unlink, 100)):
        since = now_ns()
        act()
        wire.wait_advert("r1", priority=priority, after=since)
    flag.touch()
    since = now_ns()
    wait_until(lambda: ours.instance("VI")["tracking"][0]["damped"] is not None, 2, "it is up, and damped")
    (tracking,) = ours.instance("VI")["tracking"]
    assert (tracking["state"], tracking["contribution"]) == ("down", 0)
    back = wire.wait_advert("r1", priority=120, after=since)
    assert 3 - 0.05 < (back.time_ns - since) / 1e9 < 3 + 0.1 + 0.1 + 0.2 + ours.late_s()
    assert "vrrp_script chk flaps: it went down twice within " in ours.log
    assert "vrrp_script chk has been up for 3 s and counts again" in ours.log

"""BFD sessions with FRR and with keepalived, and the priorities that they move, as the wire shows them."""

import itertools
import json
import random
import signal
import time
from typing import Any

import pytest

from lab.kit.bfd import (
    ADMIN_DOWN,
    DOWN,
    UP,
    Bfdd,
    BfdPacket,
    KeepalivedBfd,
    complaints,
    packets,
)
from lab.kit.capture import Capture
from lab.kit.daemons import Daemon, Settings
from lab.kit.fixtures import Build, Tap
from lab.kit.net import Net, now_ns
from lab.kit.settings import FAST
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

# Where no time is judged, sessions are patient: other tests may keep either end from running for a while.
PATIENT: Settings = {"min_rx": 10, "min_tx": 10, "multiplier": 30}


def addresses(net: Net, node: str, family: int) -> str:
    port = net.port(node)
    return str(port.ipv4 if family == 4 else port.ipv6)


def ours_on(net: Net, node: str, neighbour: str, family: int = 4, **more: Any) -> VrrpdFast:
    """A virtual router of ours that tracks a session with another node."""
    tracked = more.pop("tracked", "far weight -50")
    session = {"neighbor_ip": addresses(net, neighbour, family), **PATIENT, **more}
    session.setdefault("source_ip", addresses(net, node, family))
    return VrrpdFast(
        net,
        node,
        document={
            "global_defs": {"router_id": node},
            "bfd_instance": {"far": session},
            "vrrp_instance": {"VI": FAST.settings(150, track_bfd=[tracked])},
        },
    )


def tracking(daemon: VrrpdFast) -> dict[str, Any]:
    (entry,) = daemon.instance("VI")["tracking"]
    return dict(entry)


def is_up(daemon: VrrpdFast) -> bool:
    return bool(tracking(daemon)["state"] == "up")


def frr(net: Net, family: int, multihop: bool = False) -> Bfdd:
    """bfdd on r2, with a session to r1 at 10 ms."""
    ours, theirs = addresses(net, "r1", family), addresses(net, "r2", family)
    if multihop:
        peer = f"{ours} multihop local-address {theirs}"
    else:
        peer = f"{ours} local-address {theirs} interface eth0"
    timers = ["detect-multiplier 30", "receive-interval 10", "transmit-interval 10"]
    return Bfdd(net, "r2", {peer: timers})


def gaps_ms(seen: list[BfdPacket]) -> list[float]:
    return [(after.time_ns - before.time_ns) / 1e6 for before, after in itertools.pairwise(seen)]


@pytest.mark.peer("frr")
@pytest.mark.parametrize("multihop", [False, True], ids=["single", "multihop"])
@pytest.mark.parametrize("family", [4, 6])
def test_sessions_with_frr(build: Build, capture: Tap, family: int, multihop: bool) -> None:
    """Up, agreed, jittered, without fault for tshark; down when bfdd is killed, and up again."""
    net = build(["r1", "r2"])
    wire = capture(net)
    other = frr(net, family, multihop)
    ours = ours_on(net, "r1", "r2", family, multihop=multihop)
    other.start()
    ours.start()
    wait_until(lambda: is_up(ours), 10, f"the session is up\n{ours.log}\n{other.log}")
    wire.wait_advert("r1", priority=150)
    wait_until(lambda: tracking(ours)["detection_time"] == 0.3, 5, "bfdd is at 10 ms")
    began_ns = now_ns()
    time.sleep(1.0)
    port = 4784 if multihop else 3784
    seen = packets(wire, "r1", began_ns, port)
    assert {packet.state for packet in seen} == {UP}
    assert {packet.ttl for packet in seen} == {255}
    assert len({packet.source_port for packet in seen}) == 1
    assert seen[0].source_port >= 49152
    assert not packets(wire, "r1", port=3784 if multihop else 4784)
    gaps = sorted(gaps_ms([packet for packet in seen if not packet.flags & 0x10]))
    assert gaps[len(gaps) // 20] > 7.4
    assert gaps[len(gaps) // 2] < 10.3
    assert gaps[len(gaps) * 19 // 20] - gaps[len(gaps) // 20] > 1.0  # jitter
    assert complaints(wire, "r1", net.directory) == []
    entry = tracking(ours)
    assert (entry["remote_state"], entry["remote_multiplier"], entry["remote_min_tx"]) == ("up", 30, 0.01)
    (shown,) = other.shown()
    assert shown["status"] == "up"
    assert (shown["remote-receive-interval"], shown["remote-detect-multiplier"]) == (10, 30)

    other.kill()
    killed = wire.wait_advert("r1", priority=100, after=now_ns() - 10**9)
    entry = tracking(ours)
    assert entry["diagnostic"] == "detection time expired"
    last = packets(wire, "r2", port=port)[-1]
    assert (killed.time_ns - last.time_ns) / 1e6 < 300 + 100 + 1000 * ours.late_s()
    other.start()
    wait_until(lambda: is_up(ours), 15, f"the session is up again\n{ours.log}\n{other.log}")
    wire.wait_advert("r1", priority=150, after=killed.time_ns)
    assert tracking(ours)["ups"] >= 2


@pytest.mark.peer("frr")
def test_frr_shuts_the_session_down(build: Build, capture: Tap) -> None:
    """AdminDown is no failure: no priority moves until there is one; and so it is told by us when we stop."""
    net = build(["r1", "r2"])
    wire = capture(net)
    other = frr(net, 4)
    ours = ours_on(net, "r1", "r2")
    other.start()
    ours.start()
    wait_until(lambda: is_up(ours), 10, f"the session is up\n{ours.log}\n{other.log}")
    wire.wait_advert("r1", priority=150)
    (peer,) = other.peers
    began_ns = now_ns()
    other.tell("configure terminal", "bfd", f"peer {peer}", "shutdown")
    wait_until(lambda: tracking(ours)["remote_state"] == "admin down", 5, "bfdd has said so")
    assert ADMIN_DOWN in {packet.state for packet in packets(wire, "r2", began_ns)}
    entry = tracking(ours)
    assert (entry["state"], entry["diagnostic"]) == ("down", "neighbour signalled session down")
    assert entry["contribution"] == 0  # of a weight of -50
    time.sleep(1.0)
    other.tell("configure terminal", "bfd", f"peer {peer}", "no shutdown")
    wait_until(lambda: is_up(ours), 15, f"the session is up again\n{ours.log}\n{other.log}")
    assert {advert.priority for advert in wire.adverts("r1", after=began_ns)} == {150}

    other.kill()
    killed = wire.wait_advert("r1", priority=100, after=now_ns() - 10**9)
    other.start()
    wire.wait_advert("r1", priority=150, after=killed.time_ns, timeout=15)

    assert ours.stop() == 0
    last = packets(wire, "r1")[-1]
    assert (last.state, last.diagnostic) == (ADMIN_DOWN, 7)
    wait_until(lambda: other.shown()[0]["status"] == "down", 5, "bfdd has heard it")


def test_the_priority_follows_within_50_ms(build: Build, capture: Tap) -> None:
    """At 10 ms × 3: from the neighbour's last packet to the lower priority on the wire."""
    net = build(["r1", "r2", "r3"])
    wire = capture(net)
    ours = ours_on(net, "r1", "r2", multiplier=3)
    document = dict(ours.document or {})
    document["vrrp_instance"] = {
        "VI": FAST.settings(150, track_bfd=["far weight -50"]) | {"advert_int": 0.01}
    }
    ours.document = document
    other = ours_on(net, "r2", "r1", multiplier=3)
    other.document = {**(other.document or {}), "vrrp_instance": {"VI": FAST.settings(10, vrid=9)}}
    ours.start()
    other.start()
    took = []
    for _ in range(5):
        wait_until(lambda: is_up(ours), 10, f"the session is up\n{ours.log}")
        wire.wait_advert("r1", priority=150, after=now_ns())
        ours.forget_waiting()
        other.signal(signal.SIGSTOP)
        lowered = wire.wait_advert("r1", priority=100, after=now_ns() - 10**7)
        last = [packet for packet in packets(wire, "r2") if packet.time_ns < lowered.time_ns][-1]
        silence_ms = (lowered.time_ns - last.time_ns) / 1e6
        assert silence_ms > 28
        took.append(silence_ms - 1000 * ours.late_s(0))
        other.signal(signal.SIGCONT)
    assert sorted(took)[2] < 50, took


def test_a_session_without_weight_is_a_fault(build: Build, capture: Tap) -> None:
    """FAULT from the start, out of it when the session is up, and back with the reason when it ends."""
    net = build(["r1", "r2"])
    wire = capture(net)
    ours = ours_on(net, "r1", "r2", tracked="far")
    other = ours_on(net, "r2", "r1")
    other.document = {**(other.document or {}), "vrrp_instance": {"VI": FAST.settings(10, vrid=9)}}
    ours.start()
    assert ours.wait_state("VI", "FAULT")["reason"] == "bfd_instance far is down"
    assert not wire.adverts("r1")
    other.start()
    ours.wait_state("VI", "MASTER", timeout=10)
    killed_ns = now_ns()
    other.kill()
    status = ours.wait_state("VI", "FAULT")
    assert status["reason"] == "bfd_instance far is down: detection time expired"
    wire.wait_advert("r1", priority=0, after=killed_ns)


def test_a_second_daemon_is_told_that_the_port_is_taken(build: Build) -> None:
    net = build(["r1", "r2"])
    first = ours_on(net, "r1", "r2")
    first.start()
    second = ours_on(net, "r1", "r2")
    second.directory = net.directory / "second"
    second.directory.mkdir()
    second.config_path = second.directory / "vips.json"
    second.socket_path = second.directory / "control.sock"
    second.log_path = second.directory / "log"
    second.start(wait=False)
    assert second.process is not None
    assert second.process.wait(15) != 0
    assert "UDP port 3784 is taken" in second.log
    assert "Traceback" not in second.log


# -- beside keepalived: the same sessions and the same events, and the same priorities


def on_r1(kind: str, net: Net, family: int, session: Settings, tracked: str) -> Daemon:
    """The router whose priorities are compared."""
    wanted = {
        "neighbor_ip": addresses(net, "r2", family),
        "source_ip": addresses(net, "r1", family),
        **session,
    }
    settings = FAST.settings(150, track_bfd=[tracked])
    if kind == "keepalived":
        return KeepalivedBfd(net, "r1", {"far": wanted}, VI=settings)
    document = {"bfd_instance": {"far": wanted}, "vrrp_instance": {"VI": settings}}
    return VrrpdFast(net, "r1", document=document)


def on_r2(kind: str, net: Net, family: int, session: Settings) -> Daemon:
    """Its neighbour."""
    wanted = {
        "neighbor_ip": addresses(net, "r1", family),
        "source_ip": addresses(net, "r2", family),
        **session,
    }
    settings = FAST.settings(10, vrid=9)
    settings["virtual_ipaddress"] = ["10.0.0.109/24"]
    if kind == "keepalived":
        return KeepalivedBfd(net, "r2", {"far": wanted}, VI=settings | {"track_bfd": ["far weight 1"]})
    document = {"bfd_instance": {"far": wanted}, "vrrp_instance": {"VI": settings}}
    return VrrpdFast(net, "r2", document=document)


def cut(net: Net, node: str, is_cut: bool) -> None:
    """Drop UDP to BFD's port on its way to a node, and let it pass again."""
    rules = "add table inet cut; add chain inet cut in { type filter hook input priority 0; }; "
    rules += "add rule inet cut in udp dport { 3784, 4784 } drop"
    text = rules if is_cut else "delete table inet cut"
    net.run(node, "nft", text)


def wait_priority(wire: Capture, priority: int | None, timeout: float = 15.0) -> None:
    """r1 advertises with this priority from now on; None: nothing any more."""
    if priority is not None:
        wire.wait_advert("r1", priority=priority, after=now_ns(), timeout=timeout)
        return
    wait_until(lambda: not wire.adverts("r1", after=now_ns() - 500_000_000), timeout, "r1 advertises no more")


def wait_settled(wire: Capture, priority: int) -> None:
    """The priority of a session that is Up, and polls are over: both ends send at 10 ms and know it."""
    wait_priority(wire, priority)

    def is_steady(node: str) -> bool:
        recent = packets(wire, node, now_ns() - 400_000_000)
        return len(recent) > 20 and {(packet.state, packet.flags) for packet in recent} == {(UP, 0)}

    wait_until(lambda: is_steady("r1") and is_steady("r2"), 10, "the session is steady")


SCRIPTS = {
    "negative": ("far weight -50", 100, 150),
    "positive": ("far weight 20", 150, 170),
    "reverse": ("far weight 20 reverse", 150, 130),
    "fault": ("far", None, 150),
}


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize("neighbour", ["ours", "keepalived"])
@pytest.mark.parametrize("tracked", SCRIPTS)
@pytest.mark.parametrize("router", ["ours", "keepalived"])
def test_priorities_are_those_of_keepalived(
    build: Build, capture: Tap, router: str, neighbour: str, tracked: str
) -> None:
    """Start alone; the neighbour comes, is not heard, is killed, comes back, does not hear, and stops.

    Who stops says AdminDown, which changes no priority, or nothing (keepalived); then keepalived 2.2.7 as the
    router is not judged: once a neighbour has signalled Down, no session expires any more there.
    """
    family = 4 if tracked in ("negative", "fault") else 6
    entry, down, up = SCRIPTS[tracked]
    net = build(["r1", "r2"])
    wire = capture(net)
    session = PATIENT
    subject = on_r1(router, net, family, session, entry)
    other = on_r2(neighbour, net, family, session)
    subject.start()
    wait_priority(wire, down)
    other.start()
    wait_settled(wire, up)
    cut(net, "r1", True)
    wait_priority(wire, down)
    cut(net, "r1", False)
    wait_settled(wire, up)
    other.kill()
    wait_priority(wire, down)
    other.start()
    wait_settled(wire, up)
    cut(net, "r2", True)
    wait_priority(wire, down)
    cut(net, "r2", False)
    wait_settled(wire, up)
    stopped_ns = now_ns()
    other.stop()
    if neighbour == "ours":
        time.sleep(1.0)
        assert {advert.priority for advert in wire.adverts("r1", vrid=51, after=stopped_ns)} == {up}
    elif router == "ours":
        wait_priority(wire, down)
    seen = {advert.priority for advert in wire.adverts("r1", vrid=51)}
    assert seen <= {each for each in (down, up, 150, 0) if each is not None}


def test_a_reload_keeps_the_session(build: Build, capture: Tap) -> None:
    """Other intervals and another weight: the session stays Up, the priority follows the weight."""
    net = build(["r1", "r2"])
    wire = capture(net)
    ours, other = ours_on(net, "r1", "r2"), ours_on(net, "r2", "r1")
    other.document = {**(other.document or {}), "vrrp_instance": {"VI": FAST.settings(10, vrid=9)}}
    ours.start()
    other.start()
    wait_until(lambda: is_up(ours), 10, f"the session is up\n{ours.log}")
    document = json.loads(json.dumps(ours.document))
    document["bfd_instance"]["far"] |= {"min_rx": 40, "min_tx": 50, "multiplier": 20}
    document["vrrp_instance"]["VI"]["track_bfd"] = ["far weight 7"]
    ours.change(document)
    assert ours.ctl("reload").returncode == 0
    wire.wait_advert("r1", priority=157, after=now_ns())
    wait_until(lambda: tracking(ours)["tx_interval"] == 0.05, 5, "packets go out every 50 ms")
    assert tracking(ours)["downs"] == 0
    assert DOWN not in {packet.state for packet in packets(wire, "r1", after=now_ns() - 2 * 10**9)[10:]}
    document["bfd_instance"] = {}
    document["vrrp_instance"]["VI"]["track_bfd"] = []
    ours.change(document)
    assert ours.ctl("reload").returncode == 0
    wait_until(lambda: packets(wire, "r1")[-1].state == ADMIN_DOWN, 2, "the neighbour is told")


def test_a_flood_disturbs_neither_adverts_nor_sessions(build: Build, capture: Tap) -> None:
    """Rubbish and forged packets at some thousands a second, for two seconds."""
    net = build(["r1", "r2", "r3"])
    wire = capture(net)
    ours, other = ours_on(net, "r1", "r2"), ours_on(net, "r2", "r1")
    other.document = {**(other.document or {}), "vrrp_instance": {"VI": FAST.settings(10, vrid=9)}}
    ours.start()
    other.start()
    wait_until(lambda: is_up(ours), 10, f"the session is up\n{ours.log}")
    began_ns = now_ns()
    seed = random.randrange(2**32)
    flood = (
        "import random, socket, time\n"
        f"chance = random.Random({seed})\n"
        "udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "udp.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)\n"
        "end = time.monotonic() + 2\n"
        "count = 0\n"
        "while time.monotonic() < end:\n"
        "    for _ in range(10):\n"
        "        data = bytes([0x20, 0x40, 3, 24]) + chance.randbytes(20)\n"
        "        data = data[: chance.choice([24, 24, 3, 12])]\n"
        f"        udp.sendto(data, ('{addresses(net, 'r1', 4)}', 3784))\n"
        "        count += 1\n"
        "    time.sleep(0.001)\n"
        "print(count)\n"
    )
    count = int(net.run("r3", "python3", "-c", flood).stdout)
    assert count > 2000
    assert is_up(ours), seed
    assert tracking(ours)["downs"] == 0
    adverts = wire.adverts("r1", after=began_ns)
    assert {advert.priority for advert in adverts} == {150}
    gaps = [(after.time_ns - before.time_ns) / 1e6 for before, after in itertools.pairwise(adverts)]
    assert sorted(gaps)[len(gaps) // 2] == pytest.approx(100, abs=3)

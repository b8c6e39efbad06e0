"""Announcements under the same keepalived.conf: keepalived and we, each alone in a namespace."""

import itertools

import pytest

from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.told import KINDS, telling

both = pytest.mark.parametrize("kind", KINDS)
SLACK_S = 0.12  # what a busy machine adds to a wait; steps of these tests are longer
INTERVAL_S = 0.3


def conf(*addresses: str, defs: str = "", more: str = "", outside: str = "") -> str:
    """An owner on eth0, MASTER at once."""
    listed = "\n".join(addresses)
    return (
        f"global_defs {{\n router_id r1\n vrrp_version 3\n {defs}\n}}\n{outside}\n"
        "vrrp_instance VI {\n interface eth0\n state MASTER\n priority 255\n virtual_router_id 51\n"
        f" {more}\n virtual_ipaddress {{\n {listed}\n }}\n}}\n"
    )


class Heard:
    """Announcements of r1, from its first on: (LAN, address) in their order, and when."""

    def __init__(self, build: Build, capture: Tap, kind: str, text: str, count: int) -> None:
        net = build(["r1", "client"], ["r1", "other"])
        self._wire: Capture = capture(net)
        telling(kind, net, "r1", text).start()
        self._count = count

    def wait(self, timeout: float = 12.0) -> list[tuple[float, int, str]]:
        """(seconds since the first, LAN, address) once there are as many as were promised."""

        def enough() -> bool:
            return len(self._wire.announcements_seen) >= self._count

        self._wire.wait(enough, timeout, f"{self._count} announcements")
        seen = sorted(self._wire.announcements_seen, key=lambda each: each.time_ns)
        return [((each.time_ns - seen[0].time_ns) / 1e9, each.lan, each.address) for each in seen]


@both
def test_frames_on_one_interface_keep_their_distance(build: Build, capture: Tap, kind: str) -> None:
    """vrrp_garp_interval: eth0 has three addresses to announce, eth1 its own, neither waits for the other."""
    text = conf(
        *("10.0.0.101/24", "10.0.0.102/24", "10.0.0.103/24", "10.1.0.104/24 dev eth1"),
        defs=f"vrrp_garp_interval {INTERVAL_S}",
        more="garp_master_repeat 1\n garp_master_delay 0",
    )
    seen = Heard(build, capture, kind, text, 4).wait()
    assert [address for _, lan, address in seen if lan == 0] == ["10.0.0.101", "10.0.0.102", "10.0.0.103"]
    (other,) = [at for at, lan, _ in seen if lan == 1]
    assert other < SLACK_S
    _keep_distance([at for at, lan, _ in seen if lan == 0])


@both
def test_a_group_of_interfaces_has_one_distance(build: Build, capture: Tap, kind: str) -> None:
    text = conf(
        *("10.0.0.101/24", "10.1.0.102/24 dev eth1", "10.0.0.103/24"),
        outside=f"garp_group {{\n garp_interval {INTERVAL_S}\n interfaces {{\n eth0\n eth1\n }}\n}}",
        more="garp_master_repeat 1\n garp_master_delay 0",
    )
    seen = Heard(build, capture, kind, text, 3).wait()
    assert sorted(address for _, _, address in seen) == ["10.0.0.101", "10.0.0.103", "10.1.0.102"]
    _keep_distance([at for at, _, _ in seen])


@both
def test_neighbour_advertisements_have_a_distance_of_their_own(build: Build, capture: Tap, kind: str) -> None:
    text = conf(
        *("fe80::101/64", "2001:db8::102/64", "2001:db8::103/64"),
        defs=f"vrrp_gna_interval {INTERVAL_S}",
        more="garp_master_repeat 1\n garp_master_delay 0",
    )
    seen = Heard(build, capture, kind, text, 3).wait()
    assert [address for _, _, address in seen] == ["fe80::101", "2001:db8::102", "2001:db8::103"]
    _keep_distance([at for at, _, _ in seen])


def _keep_distance(times: list[float]) -> None:
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(INTERVAL_S - 0.005 < gap < INTERVAL_S + SLACK_S for gap in gaps), gaps


def test_every_repetition_leaves_in_its_time(build: Build, capture: Tap) -> None:
    """First each address once, then the rounds. keepalived forgets all but one or two of each (2.2.7)."""
    text = conf(
        *("10.0.0.101/24", "10.0.0.102/24"),
        defs=f"vrrp_garp_interval {INTERVAL_S}",
        more="garp_master_repeat 3\n garp_master_delay 0",
    )
    seen = Heard(build, capture, "vrrpd-fast", text, 6).wait()
    assert [address for _, _, address in seen] == ["10.0.0.101", "10.0.0.102"] * 3
    _keep_distance([at for at, _, _ in seen])


@both
def test_other_interfaces_are_reminded(build: Build, capture: Tap, kind: str) -> None:
    """vrrp_garp_extra_if: every second one address of each interface that is not the instance's own."""
    text = conf(
        *("10.0.0.101/24", "10.1.0.102/24 dev eth1", "10.1.0.103/24 dev eth1"),
        more="garp_master_repeat 1\n garp_master_delay 0\n garp_extra_if all 1",
    )
    seen = Heard(build, capture, kind, text, 5).wait()
    assert [address for at, _, address in seen if at < 0.5] == ["10.0.0.101", "10.1.0.102", "10.1.0.103"]
    later = [(round(at), address) for at, _, address in seen if at > 0.5]
    assert later == [(1, "10.1.0.102"), (2, "10.1.0.102")]

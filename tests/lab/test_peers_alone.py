"""The harness proves itself on daemons that are not ours: whatever fails here is the lab's own fault."""

import pytest

from lab.kit.daemons import Daemon, Settings
from lab.kit.fixtures import Build, Tap
from lab.kit.frr import Frr
from lab.kit.keepalived import Keepalived
from lab.kit.net import now_ns

SETTINGS: dict[int, Settings] = {
    4: {
        "version": 3,
        "interface": "eth0",
        "virtual_router_id": 5,
        "advert_int": 0.1,
        "virtual_ipaddress": ["10.0.0.100/24"],
    },
    6: {
        "version": 3,
        "interface": "eth0",
        "virtual_router_id": 5,
        "advert_int": 0.1,
        "virtual_ipaddress": ["fe80::100/64", "2001:db8:0::100/64"],
    },
}
PEERS: dict[str, type[Daemon]] = {"keepalived": Keepalived, "frr": Frr}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("second", ["keepalived", "frr"])
@pytest.mark.peer("keepalived")
def test_two_foreign_daemons_elect_and_take_over(
    build: Build, capture: Tap, second: str, family: int
) -> None:
    net = build(["r1", "r2", "client"])
    wire = capture(net)
    vip = {4: "10.0.0.100", 6: "2001:db8::100"}[family]
    high = Keepalived(net, "r1", VI=SETTINGS[family] | {"priority": 200})
    low = PEERS[second](net, "r2", VI=SETTINGS[family] | {"priority": 100})
    high.start()
    wire.wait_advert("r1", priority=200)
    low.start()
    wire.wait_adverts(10, "r1", after=now_ns())
    assert high.holds(vip)
    assert not low.holds(vip)
    net.must_ping("client", vip)

    high.kill()
    last = wire.adverts("r1")[-1]
    taken = wire.wait_advert("r2", priority=100)
    late = {"keepalived": 0.08, "frr": 0.2}[second]  # FRR is up to an interval late
    assert 0.35 < (taken.time_ns - last.time_ns) / 1e9 < 0.361 + late  # 3 × 100 ms + skew 61 ms

    high.start()
    back = wire.wait_advert("r1", priority=200, after=now_ns())
    wire.wait_adverts(5, "r1", after=back.time_ns)
    assert not wire.adverts("r2", after=back.time_ns + round(late * 1e9))

    high.stop()
    goodbye = wire.wait_advert("r1", priority=0, after=back.time_ns)
    taken = wire.wait_advert("r2", priority=100, after=goodbye.time_ns)
    assert (taken.time_ns - goodbye.time_ns) / 1e9 < 0.061 + late

"""keepalived's options of the protocol, beside keepalived: passwords, TTLs of peers, one VRID for several."""

from typing import Any

import pytest

from lab.kit.daemons import Settings
from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.keepalived import Keepalived
from lab.kit.net import now_ns
from lab.kit.settings import FAST, FAST6, FLAVOURS, Flavour
from lab.kit.vectors import right_advert
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until

V2 = FLAVOURS["v2"]
by_family = pytest.mark.parametrize("kind", [FAST, FAST6], ids=["ipv4", "ipv6"])


def password(text: str, of: type) -> Settings:
    if of is Keepalived:
        return {"authentication": ["auth_type PASS", f"auth_pass {text}"]}
    return {"authentication": {"auth_type": "PASS", "auth_pass": text}}


def peers(kind: Flavour, own: int, *others: str) -> Settings:
    prefix = "10.0.0." if kind.family == 4 else "fe80::"
    return {"unicast_src_ip": f"{prefix}{own}", "unicast_peer": [f"{prefix}{other}" for other in others]}


@pytest.mark.peer
@pytest.mark.rfc("R11", "P14")
@pytest.mark.parametrize("ours_is_master", [True, False])
def test_a_password_shared_with_keepalived(build: Build, capture: Tap, ours_is_master: bool) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    ours = VrrpdFast(
        net, "r1", VI=V2.settings(200 if ours_is_master else 100, **password("secret", VrrpdFast))
    )
    other = Keepalived(
        net, "r2", VI=V2.settings(100 if ours_is_master else 200, **password("secret", Keepalived))
    )
    master, backup = (ours, other) if ours_is_master else (other, ours)
    master.start()
    first = wire.wait_advert(master.node)
    assert first.message[4] == 1
    assert first.message[-8:] == b"secret\0\0"
    backup.start()
    wire.wait_adverts(5, master.node, after=now_ns(), timeout=8)
    assert not wire.adverts(backup.node)
    if not ours_is_master:
        assert ours.statistics("VI")["authentication_errors"] == 0
        ours.wait_state("VI", "BACKUP")


@pytest.mark.rfc("R11")
@pytest.mark.parametrize("wrong", [{}, {"auth_type": 1, "auth_data": b"secreT\0\0"}])
def test_another_password_moves_a_counter_and_nothing_else(build: Build, wrong: dict[str, Any]) -> None:
    net = build(["r1", "other"])
    ours = VrrpdFast(net, "r1", VI=V2.settings(100, **password("secret", VrrpdFast)))
    ours.start()
    ours.wait_state("VI", "MASTER", timeout=6)
    injector = Injector(net, "other")
    injector.advert(**right_advert("v2", 51, 100, 200) | wrong)
    wait_until(lambda: ours.statistics("VI")["authentication_errors"] == 1, 2, "it was counted")
    assert ours.state("VI") == "MASTER"
    injector.advert(**right_advert("v2", 51, 100, 200) | {"auth_type": 1, "auth_data": b"secret\0\0"})
    ours.wait_state("VI", "BACKUP", timeout=1)
    injector.close()


@pytest.mark.peer
@pytest.mark.rfc("U4")
@by_family
def test_unicast_from_afar(build: Build, capture: Tap, kind: Flavour) -> None:
    """keepalived as if behind routers is heard, unless its range of TTLs says otherwise; we send as told."""
    net = build(["r1", "r2"])
    wire = capture(net)
    other = Keepalived(net, "r2", VI=kind.settings(200, **peers(kind, 2, "1"), unicast_ttl=64))
    other.start()
    wire.wait_advert("r2")
    ours = VrrpdFast(net, "r1", VI=kind.settings(100, **peers(kind, 1, "2")))
    ours.start()
    ours.wait_state("VI", "BACKUP")
    wire.wait_adverts(6, "r2", after=now_ns())
    assert ours.state("VI") == "BACKUP"
    ours.change(VI=kind.settings(100, **peers(kind, 1, "2 min_ttl 65"), unicast_ttl=7))
    assert ours.ctl("reload").returncode == 0
    ours.wait_state("VI", "MASTER", timeout=3)
    assert ours.statistics("VI")["ip_ttl_errors"] > 0
    assert wire.wait_advert("r1").ttl == 7


@pytest.mark.peer
@pytest.mark.rfc("P5")
def test_one_vrid_in_two_groups(build: Build, capture: Tap) -> None:
    net = build(["r1", "r2"])
    wire = capture(net)
    group = {"mcast_dst_ip": "224.0.0.99", "virtual_ipaddress": ["10.0.0.101/24"]}
    ours = VrrpdFast(net, "r1", A=FAST.settings(100), B=FAST.settings(100, **group))
    other = Keepalived(net, "r2", B=FAST.settings(200, **group))
    other.start()
    wire.wait_advert("r2")
    ours.start()
    ours.wait_state("A", "MASTER")
    wire.wait_adverts(6, "r2", after=now_ns())
    assert ours.state("B") == "BACKUP"
    assert ours.statistics("A")["peer_errors"] == 0
    other.kill()
    ours.wait_state("B", "MASTER", timeout=2)
    assert {str(advert.destination) for advert in wire.adverts("r1")} == {"224.0.0.18", "224.0.0.99"}


@pytest.mark.peer
@pytest.mark.rfc("P5")
@by_family
def test_one_vrid_with_different_peers(build: Build, capture: Tap, kind: Flavour) -> None:
    net = build(["r1", "r2", "r3"])
    wire = capture(net)
    ours = VrrpdFast(
        net,
        "r1",
        A=kind.settings(100, **peers(kind, 1, "2")),
        B=kind.settings(100, **peers(kind, 1, "3")) | {"virtual_ipaddress": [_other(kind)]},
    )
    other = Keepalived(net, "r2", A=kind.settings(200, **peers(kind, 2, "1")))
    other.start()
    wire.wait_advert("r2")
    ours.start()
    ours.wait_state("B", "MASTER")
    wire.wait_adverts(6, "r2", after=now_ns())
    assert ours.state("A") == "BACKUP"
    assert {str(advert.destination)[-1] for advert in wire.adverts("r1")} == {"3"}


def _other(kind: Flavour) -> str:
    return "10.0.0.101/24" if kind.family == 4 else "fe80::101/64"


@pytest.mark.peer
def test_unicast_without_an_interface(build: Build, capture: Tap) -> None:
    """It is heard wherever it comes from and sent by the kernel's routes."""
    net = build(["r1", "r2"])
    wire = capture(net)
    settings = FAST.settings(100, **peers(FAST, 1, "2")) | {"virtual_ipaddress": ["10.0.0.100/24 dev eth0"]}
    del settings["interface"]
    ours = VrrpdFast(net, "r1", VI=settings)
    other = Keepalived(net, "r2", VI=FAST.settings(200, **peers(FAST, 2, "1")))
    other.start()
    wire.wait_advert("r2")
    ours.start()
    ours.wait_state("VI", "BACKUP")
    wire.wait_adverts(6, "r2", after=now_ns())
    assert ours.state("VI") == "BACKUP"
    other.kill()
    ours.wait_state("VI", "MASTER", timeout=2)
    assert str(wire.wait_advert("r1").destination) == "10.0.0.2"


def test_a_last_advert_before_stepping_down(build: Build, capture: Tap) -> None:
    net = build(["r1", "other"])
    wire = capture(net)
    ours = VrrpdFast(net, "r1", VI=FAST.settings(100, advert_int=1, higher_prio_send_advert=True))
    ours.start()
    ours.wait_state("VI", "MASTER", timeout=6)
    first = wire.wait_advert("r1", after=now_ns(), timeout=3)
    injector = Injector(net, "other")
    injector.advert(**right_advert("v3-ipv4", 51, 100, 200))
    ours.wait_state("VI", "BACKUP", timeout=1)
    heard = wire.wait_advert("other")
    last = wire.wait_advert("r1", after=first.time_ns)
    assert 0 < last.time_ns - heard.time_ns < ours.late_s(0.02) * 1e9
    assert (last.priority, wire.adverts("r1")[-1]) == (100, last)
    injector.close()

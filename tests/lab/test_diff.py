"""What `vrrpctl diff` says of two files is what two routers with these files do."""

from typing import Any

import pytest

from lab.kit.fixtures import Build
from lab.kit.settings import FAST
from lab.kit.vrrpd import VrrpdFast
from lab.kit.waiting import wait_until
from vrrpd_fast.cli import ctl

Settings = dict[str, Any]

V2 = {"version": 2, "advert_int": 1}
PASS = {"auth_type": "PASS", "auth_pass": "one"}
THERE = {"unicast_src_ip": "10.0.0.1", "unicast_peer": ["10.0.0.2"]}
BACK = {"unicast_src_ip": "10.0.0.2", "unicast_peer": ["10.0.0.1"]}
ADDRESS = {"virtual_ipaddress": ["10.0.0.201/24"]}


def pair(build: Build, change: Settings, common: Settings, old: Settings) -> tuple[VrrpdFast, VrrpdFast]:
    """As in tests/unit/config/test_config_pair.py: `old` is what the first one has, `change` the second."""
    net = build(["r1", "r2"])
    first = VrrpdFast(net, "r1", VI=FAST.settings(200) | common | old)
    second = VrrpdFast(net, "r2", VI=FAST.settings(100) | common | change)
    for router in (first, second):
        router.start()
    return first, second


def told(first: VrrpdFast, second: VrrpdFast, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = ctl.main(["diff", str(first.config_path), str(second.config_path)])
    return status, capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "common", "old"),
    [
        ({"virtual_router_id": 77}, {}, {}),
        ({"version": 2, "advert_int": 1}, {}, {"advert_int": 1}),
        ({"advert_int": 2}, V2, {}),
        (ADDRESS, V2, {}),
        (ADDRESS, {"check_addresses": "strict"}, {}),
        ({"authentication": PASS}, V2, {}),
        ({"authentication": PASS | {"auth_pass": "two"}}, V2, {"authentication": PASS}),
        (BACK, {}, {}),
        ({"unicast_peer": ["10.0.0.99"]}, {}, THERE | {"priority": 90}),
        (BACK, {}, THERE | {"unicast_peer": ["10.0.0.99"]}),
        (BACK | {"unicast_peer": ["10.0.0.1 min_ttl 255"]}, {}, THERE | {"unicast_ttl": 64}),
        ({"mcast_dst_ip": "224.0.0.20"}, {}, {}),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_both_become_master(
    build: Build, capsys: pytest.CaptureFixture[str], change: Settings, common: Settings, old: Settings
) -> None:
    first, second = pair(build, change, common, old)
    status, text = told(first, second, capsys)
    assert status == 1
    assert "both become MASTER" in text
    for router in (first, second):
        router.wait_state("VI", "MASTER", timeout=10)
    # And both stay it: neither hears what could change its mind.
    before = [router.statistics("VI") for router in (first, second)]
    for router, was in zip((first, second), before, strict=True):
        wait_until(
            lambda router=router, was=was: (
                router.statistics("VI")["advertisement_sent"] >= was["advertisement_sent"] + 3
            ),
            10,
            "three more adverts",
        )
        assert router.state("VI") == "MASTER"


@pytest.mark.parametrize(
    ("change", "common", "old", "expected"),
    [
        ({}, {}, {}, (0, "")),
        (BACK, {}, THERE, (0, "")),
        ({}, V2 | {"authentication": PASS}, {}, (0, "")),
        ({"advert_int": 0.5}, {}, {}, (0, "warning: VI: advert_int")),
        ({"checksum": "rfc9568"}, {}, {}, (0, "warning: VI: checksum")),
        (ADDRESS, {}, {}, (1, "error: VI: virtual_ipaddress")),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_one_becomes_master(
    build: Build,
    capsys: pytest.CaptureFixture[str],
    change: Settings,
    common: Settings,
    old: Settings,
    expected: tuple[int, str],
) -> None:
    first, second = pair(build, change, common, old)
    status, text = told(first, second, capsys)
    assert (status, text.startswith(expected[1])) == (expected[0], True)
    assert "both become MASTER" not in text
    first.wait_state("VI", "MASTER", timeout=10)
    second.wait_state("VI", "BACKUP", timeout=10)
    wait_until(lambda: second.instance("VI")["master_address"] == "10.0.0.1", 5, "the master is heard")
    interval = first.instance("VI")["advert_int"]
    if "advert_int" in change:
        assert second.instance("VI")["master_advert_int"] == interval != second.instance("VI")["advert_int"]


def test_two_owners(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = pair(build, {"priority": 255}, {}, {"priority": 255})
    status, text = told(first, second, capsys)
    assert status == 1 and "then the higher address wins" in text
    second.wait_state("VI", "MASTER")
    first.wait_state("VI", "BACKUP")


def test_one_that_is_not_heard_when_it_is_master(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """The lower one sends into the void, which shows when the higher one falls below it."""
    first, second = pair(build, BACK | {"unicast_peer": ["10.0.0.99"]}, {}, THERE)
    status, text = told(first, second, capsys)
    assert status == 1 and "and when the one of lower priority has to be MASTER both are" in text
    first.wait_state("VI", "MASTER")
    second.wait_state("VI", "BACKUP")
    first.call("SetPriority", name="VI", priority=50)
    second.wait_state("VI", "MASTER")
    assert first.state("VI") == "MASTER"

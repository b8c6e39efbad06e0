"""The lab's configurations, and the protocol's times as the lab computes them."""

from ipaddress import IPv4Address

import pytest

from vrrpd_fast.lab import reference
from vrrpd_fast.lab.reference import VirtualRouter, seconds


def virtual_router(version: int, interval_cs: int) -> VirtualRouter:
    return VirtualRouter("x", 1, "eth0", IPv4Address("192.0.2.1"), version, interval_cs)


@pytest.mark.parametrize(
    ("version", "priority", "interval_cs", "skew_ns"),
    [
        (2, 100, 100, 609_375_000),
        (2, 102, 100, 601_562_500),
        (2, 100, 300, 609_375_000),  # of a second, whatever the interval (RFC 3768 6.1)
        (3, 100, 100, 609_375_000),
        (3, 100, 1, 6_093_750),
        (3, 254, 1, 78_125),
    ],
)
def test_skew_time(version: int, priority: int, interval_cs: int, skew_ns: int) -> None:
    assert virtual_router(version, interval_cs).skew_ns(priority) == skew_ns


def test_down_interval_is_three_intervals_and_the_skew() -> None:
    assert virtual_router(3, 100).down_interval_ns(100) == 3_609_375_000
    assert virtual_router(3, 10).down_interval_ns(254) == 300_781_250


def test_the_reference_deployment_is_read() -> None:
    fifty, fifty_one = reference.virtual_routers(reference.load())
    assert fifty == VirtualRouter("50", 50, "eth0", IPv4Address("192.168.0.75"), 2, 100)
    assert fifty_one == VirtualRouter("51", 51, "eth1", IPv4Address("10.10.10.10"), 2, 100)


def test_only_version_interval_and_priority_are_quickened() -> None:
    config = reference.load()
    quick = reference.quickened(config, advert_int=0.01, priority=150)
    assert [vr.interval_cs for vr in reference.virtual_routers(quick)] == [1, 1]
    assert config == reference.load()
    for name, instance in quick["vrrp_instance"].items():
        told = {"version": 3, "advert_int": 0.01, "priority": 150}
        assert instance == config["vrrp_instance"][name] | told
    assert quick["vrrp_script"] == config["vrrp_script"]


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [(3_601_562_500, "3.602 s"), (999_949_999, "999.9 ms"), (36_093_750, "36.1 ms"), (-400_000, "-0.4 ms")],
)
def test_durations_are_readable(duration_ns: int, text: str) -> None:
    assert seconds(duration_ns) == text

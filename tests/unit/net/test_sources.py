"""What the kernel's routes say, in a namespace."""

from ipaddress import ip_address

import pytest

from lab.kit.netns import in_new_namespace, ip
from vrrpd_fast.net.sources import source_towards


@pytest.mark.lab
@in_new_namespace
def test_the_route_tells_the_source() -> None:
    ip(
        "link add a0 type bridge",
        "link add a1 type bridge",
        "addr add 10.0.0.1/24 dev a0",
        "addr add 10.0.1.1/24 dev a1",
        "addr add 10.0.1.7/32 dev a1",
        "addr add 2001:db8::1/64 dev a0 nodad",
        "link set a0 up",
        "link set a1 up",
        "route add 10.9.0.0/16 via 10.0.1.2 src 10.0.1.7",
    )
    for peer, source in (
        ("10.0.0.9", "10.0.0.1"),
        ("10.0.1.9", "10.0.1.1"),
        ("10.9.0.9", "10.0.1.7"),
        ("2001:db8::9", "2001:db8::1"),
    ):
        assert source_towards(ip_address(peer)) == ip_address(source)
    assert source_towards(ip_address("10.8.0.1")) is None
    assert source_towards(ip_address("2001:db9::1")) is None

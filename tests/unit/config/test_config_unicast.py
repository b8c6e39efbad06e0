"""Where adverts come from and go to."""

from ipaddress import IPv4Address, IPv6Address

from unit.config.loading import instance
from vrrpd_fast.model import Peer


def test_sources_and_peers() -> None:
    assert instance(mcast_src_ip="10.0.0.9").source_ip == IPv4Address("10.0.0.9")
    one = instance(unicast_src_ip="10.0.0.9", unicast_peer=["10.0.0.8", "10.0.0.7"])
    assert one.source_ip == IPv4Address("10.0.0.9")
    assert [peer.address for peer in one.unicast_peers] == [IPv4Address("10.0.0.8"), IPv4Address("10.0.0.7")]


def test_peers_with_limits() -> None:
    one = instance(
        unicast_peer=[
            "10.0.0.8 min_ttl 254 max_ttl 254",
            {"address": "10.0.0.7", "max_ttl": 200},
            "10.0.0.6",
        ],
        unicast_ttl=64,
    )
    assert one.is_unicast and one.unicast_ttl == 64
    assert one.unicast_peers == (
        Peer(address=IPv4Address("10.0.0.8"), min_ttl=254, max_ttl=254),
        Peer(address=IPv4Address("10.0.0.7"), max_ttl=200),
        Peer(address=IPv4Address("10.0.0.6")),
    )


def test_sources_are_checked_where_it_is_said_or_a_ttl_is_limited() -> None:
    assert not instance(unicast_peer=["10.0.0.8"]).check_unicast_src
    assert instance(unicast_peer=["10.0.0.8"], check_unicast_src=True).check_unicast_src
    assert instance(unicast_peer=["10.0.0.8 min_ttl 254"]).check_unicast_src
    checked = {"vrrp_check_unicast_src": True}
    assert instance(unicast_peer=["10.0.0.8"], global_defs=checked).check_unicast_src
    assert not instance(
        unicast_peer=["10.0.0.8"], global_defs=checked, check_unicast_src=False
    ).check_unicast_src
    assert not instance(global_defs=checked).check_unicast_src


def test_no_peer_is_allowed_where_it_means_fault() -> None:
    one = instance(unicast_peer=[], unicast_fault_no_peer=True)
    assert one.is_unicast and one.unicast_peers == ()


def test_unicast_without_interface() -> None:
    one = instance(
        interface=None,
        unicast_peer=["10.0.0.8"],
        virtual_ipaddress=["10.0.0.1/24 dev eth1"],
        virtual_ipaddress_excluded=["fe80::1 dev eth2"],
    )
    assert one.interface == ""
    assert [address.dev for address in one.all_addresses] == ["eth1", "eth2"]


def test_multicast_group() -> None:
    assert instance(mcast_dst_ip="224.0.0.99").group == IPv4Address("224.0.0.99")
    six = instance(mcast_dst_ip="ff02::99", virtual_ipaddress=["fe80::1"])
    assert six.group == IPv6Address("ff02::99")


def test_source_is_watched() -> None:
    assert instance(mcast_src_ip="10.0.0.9", track_src_ip=True).track_src_ip

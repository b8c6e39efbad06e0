"""The population is the same for everyone: both configurations, the sender's plan, the protocol's time."""

import json
import re
from ipaddress import ip_address
from itertools import pairwise

import pytest

from harness import config
from harness.shape import Shape, plan
from vrrpd_fast.config.load import load
from vrrpd_fast.engine import wire

SHAPE = Shape(links=3, per_link=4, interval_cs=10, addresses=2)


def test_every_address_belongs_to_one_virtual_router_and_no_host():
    shape = Shape(links=5, per_link=255, addresses=15)
    virtual = [address for router in shape.routers() for address in router.addresses]
    hosts = {shape.host(link, number) for link in range(5) for number in (1, 2)}
    assert len(virtual) == 5 * 255 * 15
    assert len(set(virtual) | hosts) == len(virtual) + len(hosts)


@pytest.mark.parametrize("impossible", [(1, 256, 1), (5000, 1, 1), (1, 1, 16), (0, 1, 1)])
def test_what_has_no_room_is_refused(impossible):
    links, per_link, addresses = impossible
    with pytest.raises(ValueError, match="no room"):
        Shape(links, per_link, addresses=addresses)


def test_the_protocols_own_time():
    # priority 100, 100 ms: 3 × 100 ms + 156/256 × 100 ms
    assert SHAPE.down_ns == 360_937_500
    assert SHAPE.per_second == 120


def test_our_configuration_says_what_the_shape_says(tmp_path):
    path = tmp_path / "vips.json"
    path.write_text(config.native(SHAPE))
    loaded = load(str(path))
    assert not loaded.findings
    instances = loaded.config.instances
    assert list(instances) == [router.name for router in SHAPE.routers()]
    for router in SHAPE.routers():
        instance = instances[router.name]
        assert (instance.interface, instance.virtual_router_id) == (f"v{router.link}", router.vrid)
        assert (instance.version, instance.priority, instance.advert_int_cs) == (3, 100, 10)
        assert tuple(virtual.address for virtual in instance.virtual_addresses) == router.addresses
        assert instance.garp.master_delay == config.GARP_DELAY_S


def test_keepalived_is_told_the_same():
    text = config.keepalived(SHAPE)
    document = json.loads(config.native(SHAPE))
    blocks = re.findall(r"vrrp_instance (\S+) \{(.*?)\n\}", text, re.DOTALL)
    assert [name for name, _ in blocks] == list(document["vrrp_instance"])
    for name, block in blocks:
        native = document["vrrp_instance"][name]
        for key in ("interface", "virtual_router_id", "priority", "advert_int"):
            assert f"\n  {key} {native[key]}\n" in block
        assert re.findall(r"\n    (\S+)", block) == native["virtual_ipaddress"]


def test_the_plan_is_adverts_that_we_accept():
    lines = [line.split() for line in plan(SHAPE, phases=4).splitlines()]
    assert [int(phase) for _, phase, _ in lines] == [number % 4 for number in range(SHAPE.count)]
    for router, (interface, _, text) in zip(SHAPE.routers(), lines, strict=True):
        assert interface == f"v{router.link}"
        frame = bytes.fromhex(text)
        assert frame[:6].hex() == "01005e000012"
        verdict, advert = wire.judge_ipv4(frame[14:], 3)
        assert verdict == 0
        assert (advert.vrid, advert.priority, advert.interval_cs) == (router.vrid, 200, 10)
        assert advert.source == SHAPE.host(router.link, 2).packed
        assert tuple(map(ip_address, advert.addresses)) == router.addresses


MIX = Shape(links=2, per_link=4, addresses=2, ipv6=2, slow_cs=100)


def test_a_mix_has_both_families_and_both_intervals_on_each_link():
    found = [(router.link, router.family, router.interval_cs) for router in MIX.routers()]
    assert found == [(link, family, cs) for link in range(2) for family in (4, 6) for cs in (10, 100)]
    assert (MIX.per_second, MIX.longest_cs, MIX.memberships) == (44, 100, 4)
    addresses = [address for router in MIX.routers() for address in router.addresses]
    assert len(set(addresses)) == len(addresses)


def test_a_mix_can_be_loaded_as_it_is(tmp_path):
    path = tmp_path / "vips.json"
    path.write_text(config.native(MIX))
    loaded = load(str(path))
    assert not loaded.findings
    for router in MIX.routers():
        instance = loaded.config.instances[router.name]
        assert instance.advert_int_cs == router.interval_cs
        assert tuple(virtual.address for virtual in instance.virtual_addresses) == router.addresses


def test_the_plan_of_a_mix_sends_the_fast_ones_in_every_short_interval():
    sent = {}
    for line in plan(MIX, phases=8).splitlines():
        interface, phase, text = line.split()
        frame = bytes.fromhex(text)
        sent.setdefault((interface, frame[14:]), []).append(int(phase))
    by_router = list(zip(MIX.routers(), sent.items(), strict=True))
    for router, ((interface, datagram), phases) in by_router:
        assert interface == f"v{router.link}"
        assert len(phases) == (10 if router.interval_cs == 10 else 1)
        assert {late - early for early, late in pairwise(phases)} <= {8}
        assert max(phases) < 80
        assert datagram[0] >> 4 == router.family
        assert datagram.endswith(b"".join(address.packed for address in router.addresses))
        assert router.family == 4 or router.addresses[0].is_link_local
        assert router.family == 4 or datagram[8:24] == MIX.link_local(2).packed


@pytest.mark.parametrize("senseless", [{"ipv6": 5}, {"slow_cs": 15}])
def test_what_makes_no_sense_is_refused(senseless):
    with pytest.raises(ValueError, match="makes no sense"):
        Shape(links=1, per_link=4, **senseless)

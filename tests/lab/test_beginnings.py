"""Delays at the start and of links, tracked source addresses: the same file under keepalived and us."""

import pytest

from lab.kit.fixtures import Build, Tap
from lab.kit.inject import Injector
from lab.kit.net import Net, now_ns
from lab.kit.told import KINDS, telling
from lab.kit.waiting import wait_until

both = pytest.mark.parametrize("kind", KINDS)
ours_only = pytest.mark.parametrize("kind", ["vrrpd-fast"])
SLACK_S = 0.3  # of a busy machine; times that are told apart differ by more
START_S = 1.5  # from the fork until a daemon may speak


def conf(more: str = "", *, defs: str = "", outside: str = "", vip: str = "10.0.0.100/24") -> str:
    """A virtual router at 0.3 s on eth0, with priority 100."""
    return f"""
global_defs {{
  router_id r1
  vrrp_version 3
  vrrp_garp_master_delay 0
  {defs}
}}
{outside}
vrrp_instance VI {{
  interface eth0
  priority 100
  advert_int 0.3
  virtual_router_id 51
  {more}
  virtual_ipaddress {{
    {vip}
  }}
}}
"""


DOWN_S = 3 * 0.3 + 156 / 256 * 0.3


# -- the start


@both
def test_nobody_speaks_before_the_delay_is_over(build: Build, capture: Tap, kind: str) -> None:
    """The down timer runs from its end; a better router that spoke before it counts for nothing."""
    net = build(["r1", "peer"])
    wire = capture(net)
    daemon = telling(kind, net, "r1", conf(defs="vrrp_startup_delay 2"))
    peer = Injector(net, "peer")
    begin_ns = now_ns()
    daemon.start()
    for count in range(1, 6):  # one each 200 ms
        peer.advert(vrid=51, priority=200, interval_cs=30, addresses=["10.0.0.100"])
        wire.wait_adverts(count, "peer", after=begin_ns)
        until_ns = begin_ns + count * 200_000_000
        wait_until(lambda: now_ns() > until_ns, 1, "it is time for the next advert")  # noqa: B023
    first = wire.wait_advert("r1", timeout=10)
    peer.close()
    since_s = (first.time_ns - begin_ns) / 1e9
    assert 2 + DOWN_S - 0.05 < since_s < 2 + DOWN_S + START_S


# -- links


def flap(net: Net, seconds: float) -> None:
    net.ip("switch", "link", "set", net.port("r1").peer, "down")
    down_ns = now_ns()
    wait_until(lambda: now_ns() > down_ns + seconds * 1e9, seconds + 1, "the link was down for a while")
    net.ip("switch", "link", "set", net.port("r1").peer, "up")


@both
def test_a_short_outage_is_not_noticed_and_a_long_one_is(build: Build, capture: Tap, kind: str) -> None:
    net = build(["r1", "peer"])
    wire = capture(net)
    daemon = telling(kind, net, "r1", conf(outside="interface_up_down_delays {\n eth0 0.5 0.5\n}"))
    daemon.start()
    wire.wait_adverts(3, "r1", after=0)
    began_ns = now_ns()
    flap(net, 0.15)
    # MASTER all the time: a restart would take the whole down interval.
    again = wire.wait_advert("r1", after=now_ns(), timeout=0.3 + SLACK_S)
    assert 0 not in {advert.priority for advert in wire.adverts("r1", after=began_ns)}
    assert daemon.holds("10.0.0.100")
    said = len(daemon.log)
    flap(net, 1.0)
    up_ns = now_ns()
    daemon.wait_log("FAULT", after=said)
    again = wire.wait_advert("r1", after=up_ns)
    assert (again.time_ns - up_ns) / 1e9 > 0.5 + DOWN_S - 0.05


@ours_only
def test_ipv6_bears_a_short_outage_too(build: Build, capture: Tap, kind: str) -> None:
    """Its addresses go with the link. keepalived 2.2.7 sends priority 0 and stays in FAULT."""
    net = build(["r1", "peer"])
    wire = capture(net)
    text = conf(outside="interface_up_down_delays {\n eth0 0.5\n}", vip="fe80::100/64")
    daemon = telling(kind, net, "r1", text)
    daemon.start()
    wire.wait_adverts(3, "r1", after=0)
    net.ip("r1", "link", "set", "eth0", "down")
    net.ip("r1", "link", "set", "eth0", "up")
    net.ip("r1", "addr", "add", f"{net.port('r1').link_local}/64", "dev", "eth0", "nodad")
    up_ns = now_ns()
    wire.wait_adverts(3, "r1", after=up_ns)
    assert 0 not in {advert.priority for advert in wire.adverts("r1")}
    wait_until(lambda: daemon.holds("fe80::100"), 3, "the address is there again")


@both
def test_a_delay_is_cut_so_that_a_fault_comes_before_a_takeover(
    build: Build, capture: Tap, kind: str
) -> None:
    """30 s are configured, two adverts of 0.3 s are borne."""
    net = build(["r1", "peer"])
    wire = capture(net)
    daemon = telling(kind, net, "r1", conf(outside="interface_up_down_delays {\n eth0 30\n}"))
    daemon.start()
    wire.wait_adverts(3, "r1", after=0)
    said = len(daemon.log)
    net.ip("switch", "link", "set", net.port("r1").peer, "down")
    down_ns = now_ns()
    daemon.wait_log("FAULT", after=said)
    assert 0.55 < (now_ns() - down_ns) / 1e9 < 0.6 + 2 * SLACK_S


@both
def test_a_master_that_speaks_oftener_cuts_the_delay(build: Build, capture: Tap, kind: str) -> None:
    """0.5 s are configured; the master's interval turns out to be 0.1 s, so that 0.2 s are borne."""
    net = build(["r1", "peer"])
    wire = capture(net)
    daemon = telling(kind, net, "r1", conf(outside="interface_up_down_delays {\n eth0 0.5 0.5\n}"))
    peer = Injector(net, "peer")
    daemon.start()

    def is_followed() -> bool:
        peer.advert(vrid=51, priority=200, interval_cs=10, addresses=["10.0.0.100"])
        return "interval" in daemon.log

    wait_until(is_followed, 5, "it has learned the interval", pause=0.05)
    peer.close()
    said = len(daemon.log)
    net.ip("switch", "link", "set", net.port("r1").peer, "down")
    down_ns = now_ns()
    daemon.wait_log("FAULT", after=said)
    assert 0.15 < (now_ns() - down_ns) / 1e9 < 0.2 + SLACK_S - 0.05
    assert not wire.adverts("r1")


@both
def test_dont_track_primary_stays_master_without_a_link(build: Build, capture: Tap, kind: str) -> None:
    net = build(["r1", "peer"])
    wire = capture(net)
    daemon = telling(kind, net, "r1", conf("dont_track_primary"))
    daemon.start()
    wire.wait_adverts(3, "r1", after=0)
    flap(net, 0.5)
    wire.wait_advert("r1", after=now_ns(), timeout=0.3 + SLACK_S)
    assert "FAULT" not in daemon.log


# -- the source address


@both
def test_the_source_address_that_goes_is_sent_from_all_the_same(
    build: Build, capture: Tap, kind: str
) -> None:
    net = build(["r1", "peer"])
    wire = capture(net)
    net.ip("r1", "addr", "add", "10.0.0.66/24", "dev", "eth0")
    daemon = telling(kind, net, "r1", conf("mcast_src_ip 10.0.0.66"))
    daemon.start()
    wire.wait_adverts(3, "r1", after=0)
    said = len(daemon.log)
    net.ip("r1", "addr", "del", "10.0.0.66/24", "dev", "eth0")
    later = wire.wait_adverts(3, "r1", after=now_ns())
    assert {str(advert.source) for advert in later} == {"10.0.0.66"}
    assert "FAULT" not in daemon.log[said:]


@ours_only
def test_a_tracked_source_address_that_goes_is_a_fault(build: Build, capture: Tap, kind: str) -> None:
    """As the man page has it; keepalived 2.2.7 takes no notice."""
    net = build(["r1", "peer"])
    wire = capture(net)
    net.ip("r1", "addr", "add", "10.0.0.66/24", "dev", "eth0")
    daemon = telling(kind, net, "r1", conf("mcast_src_ip 10.0.0.66\n  track_src_ip"))
    daemon.start()
    wire.wait_adverts(3, "r1", after=0)
    said = len(daemon.log)
    net.ip("r1", "addr", "del", "10.0.0.66/24", "dev", "eth0")
    daemon.wait_log("FAULT", after=said)
    net.ip("r1", "addr", "add", "10.0.0.66/24", "dev", "eth0")
    back_ns = now_ns()
    again = wire.wait_advert("r1", after=back_ns)
    assert (again.time_ns - back_ns) / 1e9 > DOWN_S - 0.05
    assert str(again.source) == "10.0.0.66"

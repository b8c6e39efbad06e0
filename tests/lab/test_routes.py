"""Virtual routes and rules: the master's and nobody else's, kept, gone with it, as keepalived has them."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab.kit.daemons import Settings
from lab.kit.fixtures import Build, Tap
from lab.kit.keepalived import Keepalived
from lab.kit.net import Net, now_ns
from lab.kit.routing import KEEPALIVED, OURS, destinations, preferences, routes, rules
from lab.kit.settings import FAST, FAST6
from lab.kit.timing import TOLERANCE_S
from lab.kit.vrrpd import DAEMON, VrrpdFast, environment
from lab.kit.waiting import wait_until
from lab.kit.waits import Waits

ROUTES = [
    "10.101.0.0/16 via 10.0.0.2 dev eth0",
    "10.102.0.0/16 dev eth0 metric 5 table 300",
    "blackhole 10.103.0.0/16",
    "10.104.0.0/16 via 10.0.0.2 dev eth0 no_track",
    "10.105.0.0/16 dev eth0 src 10.0.0.100",
]
RULES = [
    "from 10.101.0.0/16 table 300 preference 500",
    "to 10.102.0.0/16 table 300 preference 501 no_track",
]
DESTINATIONS = {f"10.{number}.0.0/16" for number in range(101, 106)}
PREFERENCES = {500, 501}

# What keepalived 2.2.7 puts into the kernel. An expiry would run while we look; `inet6` without an address
# gives it rules that the kernel never sees and the gateway for a destination.
EVERY_ROUTE = [
    "src 10.0.0.100 to 10.101.0.0/16 via 10.0.0.2 dev eth0",
    "10.102.0.0/16 dev eth0",
    "10.103.0.0/16 via 10.0.0.2",
    "10.104.0.0/16 gw 10.0.0.2 dev eth0 metric 5 table 100",
    "blackhole 10.105.0.0/16",
    "unreachable 10.106.0.0/16 metric 7",
    "prohibit 10.107.0.0/16 no_track",
    "throw 10.108.0.0/16 table 100",
    "10.109.0.0/16 nexthop via 10.0.0.2 dev eth0 weight 2 nexthop via 10.0.0.3 dev eth0 weight 3",
    "10.110.0.0/16 via 10.0.0.2 dev eth0 mtu lock 1400 advmss 1300 rtt 300ms rttvar lock 400ms rto_min 1s "
    "features ecn quickack 1 initcwnd 10 initrwnd 20 hoplimit 3 window 10000 cwnd lock 4 ssthresh 5 "
    "reordering 6 congctl lock reno realms 4/5 fastopen_no_cookie 1",
    "10.111.0.0/16 dev eth0 scope link tos 0x10",
    "10.112.0.0/16 dev eth0 append",
    "10.112.0.0/16 dev eth0 metric 3 add",
    "10.113.0.0/16 via 10.5.5.5 dev eth0 onlink ttl-propagate enabled",
    "10.114.0.0/16 via 10.0.0.2 dev eth0 encap ip id 5 dst 10.0.0.9",
    "multicast 225.0.0.0/16 dev eth0",
    "default dev eth0 table 0x64",
    "10.115.0.9 via 10.0.0.3 dev eth0",
    "2001:db8:101::/48 via 2001:db8::2 dev eth0 pref high",
    "2001:db8:102::/48 from 2001:db8:9::/64 dev eth0 metric 7",
    "blackhole 2001:db8:103::/48",
    "2001:db8:104::/48 via 2001:db8::2",
    "2001:db8:105::/48 nexthop via 2001:db8::2 dev eth0 nexthop via 2001:db8::3 dev eth0 weight 2",
    "::/0 via fe80::2 dev eth0 table 100",
]
EVERY_RULE = [
    "from 10.20.0.0/16 table 100",
    "to 10.21.0.0/16 table 100 preference 500",
    "from 10.22.0.0/16 to 10.23.0.0/16 iif eth0 tos 0x10 fwmark 24/12 preference 39 table 101",
    "from 10.22.0.0/16 realms 30/20 table 7 preference 40",
    "from 10.24.0.0/16 goto 501 preference 41",
    "from 10.25.0.0/16 blackhole priority 42",
    "from 10.25.0.0/16 unreachable priority 52",
    "from 10.25.0.0/16 prohibit priority 53",
    "not from 10.26.0.0/16 table 100 preference 43 suppress_prefixlength 0",
    "from 10.27.0.0/16 table 100 preference 44 suppress_ifgroup 3",
    "from 10.28.0.0/16 nop preference 46",
    "oif eth0 table main order 49",
    "iif eth0 l3mdev preference 50",
    "from 10.29.0.0/16 table 100",
    "dport 80-90 ipproto 17 table 100 preference 51",
    "tunnel-id 5 table 100 preference 54",
    "to 1:2:3:4:5:6:7:0/112 from 7:6:5:4:3:2::/96 table 6908 uidrange 10000-19999",
]


def router(**more: object) -> Settings:
    return FAST.settings(200, virtual_routes=ROUTES, virtual_rules=RULES) | more


@pytest.fixture
def master(build: Build) -> Iterator[VrrpdFast]:
    """One that is MASTER and has everything in the kernel."""
    net = build(["r1", "r2"])
    daemon = VrrpdFast(net, "r1", VI=router())
    daemon.start()
    wait_carried(daemon)
    yield daemon


def wait_carried(daemon: VrrpdFast, timeout: float = 5) -> None:
    net, node = daemon.net, daemon.node
    wait_until(
        lambda: destinations(net, node) == DESTINATIONS and preferences(net, node) == PREFERENCES,
        timeout,
        f"all routes and rules are there:\n{daemon.log}",
    )


def carries_nothing(net: Net, node: str) -> bool:
    return not destinations(net, node) and not preferences(net, node)


def withdraw(net: Net, node: str) -> str:
    argv = net.command(node, sys.executable, "-m", DAEMON, "--withdraw")
    return subprocess.run(argv, check=True, capture_output=True, text=True, env=environment()).stdout


@pytest.mark.peer("keepalived")
def test_the_kernel_has_what_keepalived_puts_there(build: Build) -> None:
    """The same lines in both: the same routes and rules, but for whose they are."""
    settings = FAST.settings(200, virtual_routes=EVERY_ROUTE, virtual_rules=EVERY_RULE)
    ours, theirs = VrrpdFast(build(["r1"]), "r1", VI=settings), Keepalived(build(["r1"]), "r1", VI=settings)
    ours.start()
    theirs.start()
    for daemon, owner in ((ours, OURS), (theirs, KEEPALIVED)):
        wait_until(
            lambda daemon=daemon, owner=owner: (  # type: ignore[misc]
                "2001:db8:105::/48" in destinations(daemon.net, "r1", 6, owner)
                and 16384 in preferences(daemon.net, "r1", 6)
            ),
            8,
            f"the last route and rule are there:\n{daemon.log}",
        )
    for family in (4, 6):
        expected = routes(theirs.net, "r1", family, KEEPALIVED)
        assert routes(ours.net, "r1", family) == expected
        assert rules(ours.net, "r1", family) == rules(theirs.net, "r1", family)
    assert len(routes(ours.net, "r1", 4)) == 18
    assert len(routes(ours.net, "r1", 6)) == 6
    assert "cannot add" not in ours.log
    assert ours.stop() == 0
    for family in (4, 6):
        assert routes(ours.net, "r1", family) == []
        assert rules(ours.net, "r1", family) == []


def test_they_are_the_masters_and_move_with_it(build: Build) -> None:
    net = build(["r1", "r2"])
    first, second = VrrpdFast(net, "r1", VI=router()), VrrpdFast(net, "r2", VI=router(priority=100))
    first.start()
    second.start()
    wait_carried(first)
    second.wait_state("VI", "BACKUP")
    assert carries_nothing(net, "r2")
    assert first.stop() == 0
    assert carries_nothing(net, "r1")
    assert not first.holds(FAST.vip)
    second.wait_state("VI", "MASTER")
    net.ip("r2", "route", "add", "10.200.0.0/16", "dev", "eth0")  # another's stays
    first.start()
    wait_until(lambda: carries_nothing(net, "r2"), 5, "the loser has withdrawn all")
    assert net.ip_json("r2", "route", "show", "10.200.0.0/16")
    wait_carried(first)


def test_what_a_killed_one_left_can_be_withdrawn(master: VrrpdFast) -> None:
    net = master.net
    net.ip("r1", "route", "add", "10.200.0.0/16", "dev", "eth0")
    net.ip("r1", "rule", "add", "from", "10.200.0.0/16", "table", "5", "pref", "7")
    master.kill()
    assert destinations(net, "r1") == DESTINATIONS
    assert withdraw(net, "r1") == "1 address, 5 routes, 2 rules removed\n"
    assert destinations(net, "r1") == set()
    assert preferences(net, "r1") == {7}
    assert net.ip_json("r1", "route", "show", "10.200.0.0/16")
    assert withdraw(net, "r1") == "0 addresses removed\n"


def test_a_start_removes_what_is_left_of_its_own_configuration(master: VrrpdFast) -> None:
    net = master.net
    foreign = "10.104.0.0/16 via 10.0.0.2 dev eth0 protocol static"
    master.change(VI=router(virtual_routes=[*ROUTES[:3], foreign]))
    assert "1 changed" in master.ctl("reload").stdout
    wait_until(lambda: net.ip_json("r1", "route", "show", "proto", "static"), 3, "the static one is there")
    master.kill()
    master.change(VI=router(priority=50, virtual_routes=[*ROUTES[:3], foreign]))
    other = VrrpdFast(net, "r2", VI=router())
    other.start()
    other.wait_state("VI", "MASTER")
    master.start()
    master.wait_state("VI", "BACKUP")
    wait_until(lambda: carries_nothing(net, "r1"), 3, "leftovers are gone")
    assert net.ip_json("r1", "route", "show", "proto", "static") == []


def test_what_someone_removes_is_put_back_unless_it_is_not_tracked(master: VrrpdFast) -> None:
    net = master.net
    net.ip("r1", "route", "del", "10.104.0.0/16")
    net.ip("r1", "rule", "del", "pref", "501")
    for words in (
        ("route", "del", "10.101.0.0/16"),
        ("route", "del", "10.102.0.0/16", "table", "300"),
        ("route", "del", "blackhole", "10.103.0.0/16"),
        ("rule", "del", "pref", "500"),
    ):
        net.ip("r1", *words)
    wait_until(
        lambda: (
            destinations(net, "r1") == DESTINATIONS - {"10.104.0.0/16"} and preferences(net, "r1") == {500}
        ),
        1,
        f"all but no_track is back:\n{master.log}",
    )
    assert "someone removed route 10.101.0.0/16 via 10.0.0.2 dev eth0: put back" in master.log
    assert "someone removed rule from 10.101.0.0/16 table 300 preference 500: put back" in master.log
    assert master.state("VI") == "MASTER"
    assert master.statistics("VI")["master_transitions"] == 1


def test_a_flush_by_a_third_hand_lasts_a_moment(master: VrrpdFast) -> None:
    """With the address the kernel lets go of routes that have it as their source, and tells nobody."""
    net = master.net
    net.ip("r1", "route", "flush", "table", "all", "proto", OURS)
    net.ip("r1", "addr", "del", f"{FAST.vip}/24", "dev", "eth0")
    wait_until(
        lambda: destinations(net, "r1") == DESTINATIONS - {"10.104.0.0/16"} and master.holds(FAST.vip),
        2,
        f"all but no_track is back:\n{master.log}",
    )
    assert master.state("VI") == "MASTER"


def test_a_thousand_routes_go_and_come_with_their_link(build: Build, capture: Tap) -> None:
    """Both families; adverts on the other link go on meanwhile."""
    net = build(["r1", "r2"], ["r1", "r2"])
    many = [f"10.{150 + n // 250}.{n % 250}.0/24 via 10.1.0.2 dev eth1" for n in range(1000)]
    many += [f"2001:db8:{n:x}::/48 via 2001:db8:1::2 dev eth1" for n in range(4096, 4596)]
    daemon = VrrpdFast(net, "r1", VI=FAST.settings(200, virtual_routes=[*many, "10.99.0.0/16 via 10.1.0.2"]))
    wire = capture(net)
    daemon.start()

    def count() -> int:
        return len(destinations(net, "r1")) + len(destinations(net, "r1", 6))

    wait_until(lambda: count() == 1501, 10, f"all routes are there:\n{daemon.log}")
    began = now_ns()
    waits = Waits(daemon)
    # Addresses of IPv6 go with a link that goes down; the kernel is to keep them.
    net.run("r1", "sysctl", "-qw", "net.ipv6.conf.eth1.keep_addr_on_down=1")
    net.ip("r1", "link", "set", "eth1", "down")
    wait_until(lambda: count() == 0, 5, "the kernel has let go of them")
    net.ip("r1", "link", "set", "eth1", "up")
    wait_until(lambda: count() == 1501, 10, f"all routes are back:\n{daemon.log}")
    wire.wait_adverts(3, "r1", after=began)
    waits.close()
    times = [advert.time_ns for advert in wire.adverts("r1") if advert.time_ns > began]
    assert waits.longest_net_gap_s(times) < FAST.interval + TOLERANCE_S
    assert daemon.state("VI") == "MASTER"


def test_thousands_come_and_go_with_a_reload_and_nobody_waits(build: Build, capture: Tap) -> None:
    """A virtual router with 3000 routes is added and removed; the adverts of another go on meanwhile."""
    net = build(["r1", "r2"])
    wire = capture(net)
    many = [f"10.{100 + n // 250}.{n % 250}.0/24 via 10.0.0.2 dev eth0" for n in range(3000)]
    few = {"VI": FAST.settings(200)}
    big = FAST.settings(200, vrid=52, virtual_ipaddress=["10.0.0.101/24"], virtual_routes=many)
    daemon = VrrpdFast(net, "r1", **few)
    daemon.start()
    daemon.wait_state("VI", "MASTER")
    began = now_ns()
    waits = Waits(daemon)
    daemon.change(**few, BIG=big)
    assert "1 added" in daemon.ctl("reload").stdout
    wait_until(lambda: len(destinations(net, "r1")) == 3000, 15, f"all routes are there:\n{daemon.log}")
    daemon.change(**few)
    assert "1 removed" in daemon.ctl("reload").stdout
    assert destinations(net, "r1") == set()
    waits.close()
    times = [advert.time_ns for advert in wire.adverts("r1", vrid=51) if advert.time_ns > began]
    assert waits.longest_net_gap_s(times) < FAST.interval + TOLERANCE_S
    assert daemon.statistics("VI")["master_transitions"] == 1


def test_a_reload_touches_what_differs_and_nothing_else(master: VrrpdFast) -> None:
    net = master.net
    heard = net.directory / "monitor"
    with heard.open("w") as log:
        monitor = net.start(net.command("r1", "ip", "-4", "monitor", "route", "rule"), stdout=log)
    wait_until(lambda: _is_listening(monitor.pid), 2, "ip monitor listens")
    changed = [
        "10.101.0.0/16 via 10.0.0.2 dev eth0 mtu 1300",
        *ROUTES[1:2],
        *ROUTES[3:],
        "10.106.0.0/16 dev eth0",
    ]
    master.change(VI=router(virtual_routes=changed, virtual_rules=RULES[:1]))
    assert "1 changed" in master.ctl("reload").stdout
    wanted = DESTINATIONS - {"10.103.0.0/16"} | {"10.106.0.0/16"}
    wait_until(
        lambda: destinations(net, "r1") == wanted and preferences(net, "r1") == {500},
        3,
        f"routes are as in the new file:\n{master.log}",
    )
    (route,) = [each for each in routes(net, "r1") if each["dst"] == "10.101.0.0/16"]
    assert route["metrics"] == [{"mtu": 1300}]
    wait_until(lambda: "10.106.0.0/16" in heard.read_text(), 2, "the monitor has heard of it")
    monitor.send_signal(signal.SIGTERM)
    told = [line.split(" proto ")[0].strip() for line in heard.read_text().splitlines() if line.strip()]
    assert sorted(told) == sorted(
        [
            "Deleted 501:\tfrom all to 10.102.0.0/16 lookup 300",
            "Deleted 10.101.0.0/16 via 10.0.0.2 dev eth0",
            "Deleted blackhole 10.103.0.0/16",
            "10.101.0.0/16 via 10.0.0.2 dev eth0",
            "10.106.0.0/16 dev eth0",
        ]
    )


def _is_listening(pid: int) -> bool:
    """Whether a process has a netlink socket in some multicast group."""
    with open(f"/proc/{pid}/net/netlink") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return any(row[2] == str(pid) and int(row[3], 16) for row in rows)


def test_a_route_that_is_refused_is_told_once_and_tried_again(build: Build) -> None:
    net = build(["r1"])
    refused = "10.101.0.0/16 via 10.77.0.2"
    settings = FAST.settings(
        200, virtual_routes=[refused, "10.102.0.0/16 dev eth0", "10.103.0.0/16 dev eth7"]
    )
    daemon = VrrpdFast(net, "r1", VI=settings)
    daemon.start()
    wait_until(lambda: destinations(net, "r1") == {"10.102.0.0/16"}, 5, "the good one is there")
    daemon.wait_log(f"instance VI: cannot add route {refused}: ")
    net.ip("r1", "addr", "add", "10.77.0.1/24", "dev", "eth0")
    wait_until(lambda: "10.101.0.0/16" in destinations(net, "r1"), 3, "it is there once it can be")
    assert daemon.log.count("cannot add") == 1
    net.ip("r1", "link", "add", "eth7", "type", "veth", "peer", "name", "eth8")
    net.ip("r1", "link", "set", "eth8", "up")
    net.ip("r1", "link", "set", "eth7", "up")
    wait_until(lambda: "10.103.0.0/16" in destinations(net, "r1"), 3, "it is there once its link is")


def test_ipv6_routes_and_rules_move_with_an_ipv6_router(build: Build) -> None:
    net = build(["r1", "r2"])
    settings = FAST6.settings(
        200,
        virtual_routes=["2001:db8:101::/48 via 2001:db8::2 dev eth0 src 2001:db8::100"],
        virtual_rules=["from 2001:db8:101::/48 table 300 preference 500"],
    )
    daemon = VrrpdFast(net, "r1", VI=settings)
    daemon.start()

    def is_carried() -> bool:
        return destinations(net, "r1", 6) == {"2001:db8:101::/48"} and preferences(net, "r1", 6) == {500}

    wait_until(is_carried, 5, f"route and rule are there:\n{daemon.log}")
    net.ip("r1", "-6", "route", "del", "2001:db8:101::/48")
    net.ip("r1", "-6", "rule", "del", "pref", "500")
    wait_until(is_carried, 1, f"route and rule are back:\n{daemon.log}")
    daemon.kill()
    assert withdraw(net, "r1") == "2 addresses, 1 route, 1 rule removed\n"
    assert json.dumps(routes(net, "r1", 6)) == "[]"

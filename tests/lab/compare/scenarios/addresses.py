"""What a master puts into the kernel: addresses, routes, rules, and what it answers for."""

from lab.compare.scenario import Difference, Scenario, Step, Until
from lab.compare.scenarios.texts import FAST, conf, instance, instance6
from lab.compare.side import ROUTER, Side
from lab.compare.steps import (
    ALONE,
    ALONE6,
    LINK_LOCAL6,
    STOP,
    VIP,
    VIP6,
    adverts,
    every,
    hear,
    holds,
    ip,
    lacks,
    nothing,
    probe,
    start,
)


def _there_and_back(lines: str = VIP) -> tuple[Step, Step]:
    """A better one with the same addresses is heard, and resigns."""
    listed = [line.partition(" ")[0].partition("/")[0] for line in lines.split("\n")]
    address = listed[-1]
    return (
        Step("a better one is heard", hear(200, 150, addresses=listed), lacks(address), after_advert=True),
        Step("the better one resigns", hear(0, 150, addresses=listed), every(adverts(), holds(address))),
    )


SIX = f"{LINK_LOCAL6}\n{VIP6}"

ADDRESSES = """10.0.0.90/24 brd + dev eth0 label eth0:vip
10.0.0.91
10.0.0.92/28 brd 10.0.0.95 scope link
10.0.0.93/32 dev eth1 noprefixroute
10.0.0.94/24 brd -
10.9.0.1/24 dev eth1 scope site"""

ADDRESSES6 = """fe80::90/64
2001:db8::90/64
2001:db8::91
2001:db8::92/64 home
2001:db8::93/64 noprefixroute
2001:db8::94/64 preferred_lft 0
2001:db8:0:9::1/64 dev eth1 -nodad"""

ROUTES = """10.20.0.0/16 via 10.0.0.2
10.21.0.0/16 via 10.0.0.2 dev eth0 metric 50
10.22.0.0/24 dev eth0 scope link src 10.0.0.90
10.23.0.0/24 via 10.0.0.2 table 100
src 10.0.0.90 to 10.24.0.0/24 gw 10.0.0.3 dev eth0
blackhole 10.25.0.0/24
unreachable 10.26.0.0/24
prohibit 10.27.0.0/24
10.28.0.0/24 via 10.0.0.2 mtu 1400 advmss 1300
10.29.0.0/24 nexthop via 10.0.0.2 weight 1 nexthop via 10.0.0.3 weight 2
default via 10.0.0.2 table 101"""

ROUTES6 = """2001:db8:20::/48 via 2001:db8::2
2001:db8:21::/48 via fe80::2 dev eth0 metric 50
2001:db8:22::/48 dev eth0 table 100
unreachable 2001:db8:23::/48"""

RULES = """from 10.20.0.0/16 table 100 priority 1000
to 10.21.0.0/16 table 101 preference 1001
from 10.0.0.90 to 10.22.0.0/24 iif eth0 table 100 priority 1002
fwmark 0x10/0xff table 100 priority 1003
tos 0x10 table 100 priority 1004
blackhole from 10.30.0.0/16 priority 1005
oif eth0 ipproto tcp dport 80-90 table 100 priority 1006"""

RULES6 = """from 2001:db8:20::/48 table 100 priority 1000
to 2001:db8:21::/48 table 101 priority 1001"""


def _block(name: str, lines: str) -> str:
    listed = "".join(f"    {line}\n" for line in lines.split("\n"))
    return f"  {name} {{\n{listed}  }}\n"


def _both_families(side: Side) -> None:
    """Addresses that no daemon manages stay where they are."""
    side.net.ip(ROUTER, "addr", "add", "10.0.0.200/24", "dev", "eth0")


def _promote_secondaries(side: Side) -> bool:
    """The interface's setting as a fact."""
    path = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"
    side.mark.facts["promote_secondaries"] = side.net.run(ROUTER, "cat", path).stdout.strip()
    return True


def _tables(side: Side) -> bool:
    """The names of nftables' tables as a fact."""
    side.mark.facts["tables"] = side.net.run(ROUTER, "nft", "list", "tables").stdout.split("\n")
    return True


def _left_behind(side: Side) -> None:
    """An address that an earlier run did not remove."""
    side.net.ip(ROUTER, "addr", "add", f"{VIP}/24", "dev", "eth0")


def _answers(name: str, *addresses: str) -> Step:
    probes: list[Until] = [probe(f"{name} {address}", address) for address in addresses]
    return Step(name, nothing, every(*probes), is_timed=False)


# keepalived resigns, waits for the skew time and becomes master again.
PUT_BACK = Difference(
    "What somebody else removes is put back at once, and the virtual router stays MASTER; keepalived resigns "
    "(priority 0), becomes MASTER again after the skew time and puts it back then.",
    lambda found: found.step.endswith("is removed") and found.what in ("advert", "announcement"),
)

SCENARIOS = [
    Scenario(
        "address-options",
        ("virtual_ipaddress",),
        conf(instance(addresses=ADDRESSES)),
        (ALONE, *_there_and_back(ADDRESSES), STOP),
        lans=2,
    ),
    Scenario(
        "address-options-ipv6",
        ("virtual_ipaddress",),
        conf(instance6(addresses=ADDRESSES6)),
        (ALONE6, *_there_and_back(ADDRESSES6), STOP),
        lans=2,
    ),
    Scenario(
        "excluded",
        ("virtual_ipaddress_excluded",),
        conf(
            instance(
                _block("virtual_ipaddress_excluded", "10.0.0.91/24\n10.0.0.92 dev eth1\n2001:db8::91/64")
            )
        ),
        (ALONE, *_there_and_back(), STOP),
        lans=2,
        prepare=_both_families,
    ),
    Scenario(
        "excluded-ipv6",
        ("virtual_ipaddress_excluded",),
        conf(instance6(_block("virtual_ipaddress_excluded", "2001:db8::91/64\n10.0.0.91/24"))),
        (ALONE6, STOP),
    ),
    Scenario(
        "routes",
        ("virtual_routes",),
        conf(instance(_block("virtual_routes", ROUTES))),
        (ALONE, *_there_and_back(), STOP),
        looks=("addr", "route"),
    ),
    Scenario(
        "routes-ipv6",
        ("virtual_routes",),
        conf(instance6(_block("virtual_routes", ROUTES6))),
        (ALONE6, *_there_and_back(SIX), STOP),
        looks=("addr", "route"),
    ),
    Scenario(
        "rules",
        ("virtual_rules",),
        conf(instance(_block("virtual_rules", RULES))),
        (ALONE, *_there_and_back(), STOP),
        looks=("addr", "rule"),
    ),
    Scenario(
        "rules-ipv6",
        ("virtual_rules",),
        conf(instance6(_block("virtual_rules", RULES6))),
        (ALONE6, *_there_and_back(SIX), STOP),
        looks=("addr", "rule"),
    ),
    Scenario(
        "a-third-hand-removes-an-address",
        ("virtual_ipaddress",),
        conf(instance()),
        (
            ALONE,
            Step(
                "the address is removed",
                ip("addr", "del", f"{VIP}/24", "dev", "eth0"),
                every(adverts(2), holds(VIP)),
                after_advert=True,
            ),
            STOP,
        ),
        differences=(PUT_BACK,),
    ),
    Scenario(
        "a-third-hand-removes-an-untracked-address",
        ("virtual_ipaddress",),
        conf(instance(addresses=f"{VIP}/24\n10.0.0.91/24 no_track")),
        (
            ALONE,
            Step(
                "the untracked address goes",
                ip("addr", "del", "10.0.0.91/24", "dev", "eth0"),
                every(adverts(3), lacks("10.0.0.91")),
                after_advert=True,
            ),
            STOP,
        ),
    ),
    Scenario(
        "a-third-hand-removes-a-route",
        ("virtual_routes",),
        conf(instance(_block("virtual_routes", "10.20.0.0/16 via 10.0.0.2 dev eth0"))),
        (
            ALONE,
            Step("the route is removed", ip("route", "del", "10.20.0.0/16"), adverts(2), after_advert=True),
            STOP,
        ),
        looks=("addr", "route"),
        differences=(PUT_BACK,),
    ),
    Scenario(
        "a-third-hand-removes-an-untracked-route",
        ("virtual_routes",),
        conf(instance(_block("virtual_routes", "10.20.0.0/16 via 10.0.0.2 dev eth0 no_track"))),
        (
            ALONE,
            Step(
                "the untracked route goes", ip("route", "del", "10.20.0.0/16"), adverts(3), after_advert=True
            ),
            STOP,
        ),
        looks=("addr", "route"),
    ),
    Scenario(
        "a-third-hand-removes-a-rule",
        ("virtual_rules",),
        conf(instance(_block("virtual_rules", "from 10.20.0.0/16 table 100 priority 1000"))),
        (
            ALONE,
            Step("the rule is removed", ip("rule", "del", "priority", "1000"), adverts(2), after_advert=True),
            STOP,
        ),
        looks=("addr", "rule"),
        differences=(PUT_BACK,),
    ),
    Scenario(
        "accept",
        ("accept",),
        conf(instance("  accept\n")),
        (ALONE, _answers("a client connects to", VIP, "10.0.0.1"), STOP),
    ),
    Scenario(
        "no-accept",
        ("no_accept",),
        conf(instance("  no_accept\n")),
        (
            ALONE,
            _answers("a client connects to", VIP, "10.0.0.1"),
            *_there_and_back(),
            _answers("a client connects to the address again at", VIP),
            STOP,
        ),
    ),
    Scenario(
        "nftables",
        ("nftables", "nftables_priority", "nftables_counters"),
        conf(
            instance("  no_accept\n"),
            more_global="  nftables guard\n  nftables_priority -5\n  nftables_counters\n",
        ),
        (
            Step("start", start, every(adverts(2), holds(VIP), _tables), is_timed=False),
            _answers("a client connects to", VIP),
            Step("stop", STOP.act, every(STOP.until, _tables), is_timed=False),
        ),
    ),
    Scenario(
        "no-accept-ipv6",
        ("no_accept",),
        conf(instance6("  no_accept\n")),
        (ALONE6, _answers("a client connects to", VIP6, "2001:db8::1"), STOP),
    ),
    Scenario(
        "strict",
        ("vrrp_strict",),
        conf(instance(timing=FAST), more_global="  vrrp_strict\n"),
        (ALONE, _answers("a client connects to", VIP, "10.0.0.1"), STOP),
    ),
    Scenario(
        "strict-of-an-instance",
        ("strict_mode",),
        conf(instance("  strict_mode on\n", timing="  version 3\n  advert_int 0.5\n")),
        (
            ALONE,
            Step("a lower one is heard", hear(50, 50), adverts(), after_advert=True),
            _answers("a client connects to", VIP),
            STOP,
        ),
    ),
    Scenario(
        "promote-secondaries",
        ("promote_secondaries",),
        conf(instance("  promote_secondaries\n")),
        (
            Step("start", start, every(adverts(2), holds(VIP), _promote_secondaries), is_timed=False),
            STOP,
            Step("after the stop", nothing, _promote_secondaries, is_timed=False),
        ),
    ),
    Scenario(
        "left-behind",
        ("virtual_ipaddress",),
        conf(instance()),
        (ALONE, *_there_and_back(), STOP),
        prepare=_left_behind,
    ),
]

"""SIGHUP with another file: what changes for the outside, and what does not."""

from lab.compare.scenario import Scenario, Step, Until
from lab.compare.scenarios.texts import FAST, SLOW, conf, instance, instance6
from lab.compare.steps import (
    ALONE,
    ALONE6,
    LINK_LOCAL6,
    STOP,
    VIP,
    VIP6,
    VRID,
    adverts,
    announced,
    ended,
    every,
    goodbye,
    hear,
    holds,
    lacks,
    lines,
    passed,
    probe,
    reload,
    start,
    stop,
)

SECOND = VRID + 1
OTHER = "10.0.0.91"
FIFO = "  vrrp_notify_fifo @DIR@/fifo\n"


def _changed(text: str, *until: Until) -> Step:
    return Step("the file is changed", reload(text), every(*until), is_timed=False)


def _of_one(name: str, option: str, before: str, after: str, *until: Until, **more: object) -> Scenario:
    """One virtual router, MASTER all the time, whose lines become others."""
    return Scenario(
        f"reload-{name}",
        tuple(option.split()),
        before,
        (ALONE, _changed(after, *until), STOP),
        **more,  # type: ignore[arg-type]
    )


def _block(name: str, *entries: str) -> str:
    listed = "".join(f"    {line}\n" for line in entries)
    return f"  {name} {{\n{listed}  }}\n"


def _second(more: str = "", **other: object) -> str:
    return instance(more, name="VJ", vrid=SECOND, addresses=f"{OTHER}/24", **other)  # type: ignore[arg-type]


SCENARIOS = [
    _of_one("nothing", "interface", conf(instance()), conf(instance()), adverts(4)),
    _of_one(
        "higher-priority",
        "priority",
        conf(instance()),
        conf(instance(priority=150)),
        adverts(2, priority=150),
    ),
    _of_one(
        "lower-priority",
        "priority",
        conf(instance()),
        conf(instance(priority=50)),
        adverts(2, priority=50),
    ),
    _of_one(
        "interval",
        "advert_int",
        conf(instance()),
        conf(instance(timing="  version 3\n  advert_int 0.1\n")),
        lambda side: sum(advert.interval_cs == 10 for advert in side.adverts()) > 6,
    ),
    _of_one(
        "address-added",
        "virtual_ipaddress",
        conf(instance()),
        conf(instance(addresses=f"{VIP}/24\n{OTHER}/24")),
        holds(OTHER),
        lambda side: any(advert.count == 2 for advert in side.adverts()),
        announced(OTHER),
    ),
    _of_one(
        "address-removed",
        "virtual_ipaddress",
        conf(instance(addresses=f"{VIP}/24\n{OTHER}/24")),
        conf(instance()),
        lacks(OTHER),
        lambda side: any(advert.count == 1 for advert in side.adverts()),
    ),
    Scenario(
        "reload-address-added-ipv6",
        ("virtual_ipaddress",),
        conf(instance6()),
        (
            ALONE6,
            _changed(
                conf(instance6(addresses=f"{LINK_LOCAL6}/64\n{VIP6}/64\n2001:db8::91/64")),
                holds("2001:db8::91"),
                lambda side: any(advert.count == 3 for advert in side.adverts()),
                announced("2001:db8::91"),
            ),
            STOP,
        ),
    ),
    _of_one(
        "excluded-address",
        "virtual_ipaddress_excluded",
        conf(instance(_block("virtual_ipaddress_excluded", "10.0.0.92/24"))),
        conf(instance(_block("virtual_ipaddress_excluded", f"{OTHER}/24"))),
        holds(OTHER),
        lacks("10.0.0.92"),
        announced(OTHER),
    ),
    _of_one(
        "routes",
        "virtual_routes",
        conf(instance(_block("virtual_routes", "10.20.0.0/16 via 10.0.0.2", "10.21.0.0/16 via 10.0.0.2"))),
        conf(instance(_block("virtual_routes", "10.20.0.0/16 via 10.0.0.3", "10.22.0.0/16 via 10.0.0.2"))),
        adverts(3),
        looks=("addr", "route"),
    ),
    _of_one(
        "rules",
        "virtual_rules",
        conf(instance(_block("virtual_rules", "from 10.20.0.0/16 table 100 priority 1000"))),
        conf(instance(_block("virtual_rules", "from 10.21.0.0/16 table 100 priority 1001"))),
        adverts(3),
        looks=("addr", "rule"),
    ),
    _of_one(
        "no-accept",
        "no_accept",
        conf(instance()),
        conf(instance("  no_accept\n")),
        adverts(3),
        probe("a client connects", VIP),
    ),
    Scenario(
        "reload-other-instances",
        ("virtual_router_id",),
        conf(instance(), _second()),
        (
            Step("start", start, every(adverts(2), holds(VIP, OTHER)), is_timed=False),
            _changed(
                conf(instance(), instance(name="VK", vrid=60, addresses="10.0.0.92/24")),
                lacks(OTHER),
                holds(VIP, "10.0.0.92"),
                adverts(1, vrid=SECOND, priority=0),
                adverts(2, vrid=60),
            ),
            Step("stop", stop, every(goodbye(2), ended), is_timed=False),
        ),
    ),
    Scenario(
        "reload-nopreempt",
        ("nopreempt",),
        conf(instance()),
        (
            ALONE,
            _changed(conf(instance("  nopreempt\n")), adverts(3)),
            Step("a better one is heard", hear(200, 300), lacks(VIP), after_advert=True),
            Step("a lower one is heard and its interval learned", hear(50, 30), adverts()),
            STOP,
        ),
    ),
    Scenario(
        "reload-down-timer-adverts",
        ("down_timer_adverts",),
        conf(instance()),
        (
            ALONE,
            _changed(conf(instance("  down_timer_adverts 6\n")), adverts(3)),
            Step("a better one is heard once", hear(200, 30), adverts(2), after_advert=True),
            STOP,
        ),
    ),
    Scenario(
        "reload-of-a-backup",
        ("priority",),
        conf(instance(timing=SLOW)),
        (
            ALONE,
            Step("a better one is heard", hear(200, 300), lacks(VIP), after_advert=True),
            _changed(
                conf(instance(priority=120, timing=SLOW), more_global="  vrrp_garp_master_repeat 2\n"),
                passed(0.5),
            ),
            # keepalived has forgotten the interval that it learned before the reload
            Step("the better one is heard again", hear(200, 300), passed(0.1)),
            Step("the better one resigns", hear(0, 300), every(adverts(2, priority=120), announced(VIP, 2))),
            STOP,
        ),
    ),
    Scenario(
        "reload-unicast-peers",
        ("unicast_peer",),
        conf(instance("  unicast_src_ip 10.0.0.1\n" + _block("unicast_peer", "10.0.0.2"))),
        (
            ALONE,
            _changed(
                conf(instance("  unicast_src_ip 10.0.0.1\n" + _block("unicast_peer", "10.0.0.3"))),
                lambda side: any(str(advert.destination) == "10.0.0.3" for advert in side.adverts()),
            ),
            STOP,
        ),
    ),
    Scenario(
        "reload-interface",
        ("interface",),
        conf(instance(_block("virtual_ipaddress_excluded", "10.1.0.90/24 dev eth1"))),
        (
            ALONE,
            _changed(conf(instance(interface="eth1", addresses="10.1.0.90/24")), adverts(2, lan=1)),
            STOP,
        ),
        lans=2,
    ),
    Scenario(
        "reload-fifo",
        ("vrrp_notify_fifo",),
        conf(instance(), _second(), more_global=FIFO),
        (
            Step("start", start, every(holds(VIP, OTHER), lines('"VJ" MASTER')), is_timed=False),
            _changed(conf(instance(priority=150), _second(), more_global=FIFO), adverts(2, priority=150)),
            STOP,
        ),
        fifos=("fifo",),
    ),
    Scenario(
        "reload-tracked-link",
        ("track_interface",),
        conf(instance(timing=FAST)),
        (
            ALONE,
            _changed(
                conf(instance(_block("track_interface", "eth1 weight 30"), timing=FAST)),
                adverts(2, priority=130),
            ),
            STOP,
        ),
        lans=2,
    ),
]

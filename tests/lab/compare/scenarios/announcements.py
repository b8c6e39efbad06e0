"""Gratuitous ARP and unsolicited neighbour advertisements: how many, when, and from where."""

from lab.compare.scenario import Scenario, Step
from lab.compare.scenarios.texts import conf, instance, instance6
from lab.compare.steps import (
    LINK_LOCAL6,
    STOP,
    VIP,
    VIP6,
    adverts,
    announced,
    every,
    hear,
    holds,
    nothing,
    passed,
    start,
)

# The adverts' timing is another scenario's matter; a quick master leaves more time to announce.
QUICK = "  version 3\n  advert_int 0.1\n"
MORE = "10.0.0.91/24\n10.0.0.92/24"
SIX = {"addresses": [LINK_LOCAL6, VIP6]}


def _announces(count: int, address: str = VIP, **heard: object) -> tuple[Step, Step, Step]:
    """It starts, yields to a better one, and takes over again with `count` announcements of an address."""
    return (
        Step("start", start, every(adverts(2), holds(address), announced(address, count)), is_timed=False),
        Step("a better one is heard", hear(200, 100, **heard), passed(0.1), is_timed=False),  # type: ignore[arg-type]
        Step("the better one resigns", hear(0, 100, **heard), announced(address, count)),  # type: ignore[arg-type]
    )


SCENARIOS = [
    Scenario(
        "garp-by-default",
        ("vrrp_garp_master_delay",),
        conf(
            instance(timing=QUICK, addresses=f"{VIP}/24\n10.0.0.91/24"), quiet="  vrrp_garp_master_delay 1\n"
        ),
        (*_announces(10, addresses=[VIP, "10.0.0.91"]), STOP),
    ),
    Scenario(
        "na-by-default",
        ("vrrp_garp_master_delay",),
        conf(instance6(timing=QUICK), quiet="  vrrp_garp_master_delay 1\n"),
        (*_announces(10, VIP6, **SIX), STOP),
    ),
    Scenario(
        "garp-of-an-instance",
        ("garp_master_delay", "garp_master_repeat"),
        conf(instance("  garp_master_delay 1\n  garp_master_repeat 2\n", timing=QUICK)),
        (*_announces(4), STOP),
    ),
    Scenario(
        "garp-refresh",
        ("garp_master_refresh", "garp_master_refresh_repeat"),
        conf(instance("  garp_master_refresh 1\n  garp_master_refresh_repeat 2\n", timing=QUICK)),
        (
            Step("start", start, every(adverts(2), holds(VIP)), is_timed=False),
            Step("a better one is heard", hear(200, 100), passed(0.1), is_timed=False),
            Step("the better one resigns", hear(0, 100), announced(VIP, 5)),
            STOP,
        ),
    ),
    Scenario(
        "garp-refresh-everywhere",
        ("vrrp_garp_master_refresh", "vrrp_garp_master_refresh_repeat"),
        conf(
            instance6(timing=QUICK),
            more_global="  vrrp_garp_master_refresh 1\n  vrrp_garp_master_refresh_repeat 3\n",
        ),
        (
            Step("start", start, every(adverts(2), holds(VIP6)), is_timed=False),
            Step("a better one is heard", hear(200, 100, **SIX), passed(0.1), is_timed=False),
            Step("the better one resigns", hear(0, 100, **SIX), announced(VIP6, 4)),
            STOP,
        ),
    ),
    Scenario(
        "garp-lower-prio",
        ("garp_lower_prio_delay", "garp_lower_prio_repeat"),
        conf(instance("  garp_lower_prio_delay 1\n  garp_lower_prio_repeat 3\n")),
        (
            Step("start", start, every(adverts(2), holds(VIP)), is_timed=False),
            Step("a lower one is heard", hear(50, 30), announced(VIP, 6), after_advert=True),
            STOP,
        ),
    ),
    Scenario(
        "garp-lower-prio-everywhere",
        ("vrrp_garp_lower_prio_delay", "vrrp_garp_lower_prio_repeat"),
        conf(
            instance(),
            more_global="  vrrp_garp_lower_prio_delay 0\n  vrrp_garp_lower_prio_repeat 2\n",
        ),
        (
            Step("start", start, every(adverts(2), holds(VIP)), is_timed=False),
            Step("a lower one is heard", hear(50, 30), announced(VIP, 2), after_advert=True),
            STOP,
        ),
    ),
    Scenario(
        "garp-lower-prio-none",
        ("garp_lower_prio_repeat",),
        conf(instance("  garp_lower_prio_repeat 0\n")),
        (
            Step("start", start, every(adverts(2), holds(VIP)), is_timed=False),
            Step("a lower one is heard", hear(50, 30), adverts(2), after_advert=True),
            STOP,
        ),
    ),
    Scenario(
        "garp-interval",
        ("vrrp_garp_interval",),
        conf(instance(timing=QUICK, addresses=f"{VIP}/24\n{MORE}"), more_global="  vrrp_garp_interval 0.3\n"),
        (*_announces(1, "10.0.0.92", addresses=[VIP, "10.0.0.91", "10.0.0.92"]), STOP),
    ),
    Scenario(
        "gna-interval",
        ("vrrp_gna_interval",),
        conf(instance6(timing=QUICK), more_global="  vrrp_gna_interval 0.3\n"),
        (*_announces(1, VIP6, **SIX), STOP),
    ),
    Scenario(
        "garp-group",
        ("garp_group", "garp_interval", "interface"),
        conf(
            instance(timing=QUICK, addresses=f"{VIP}/24\n{MORE}"),
            blocks="garp_group {\n  garp_interval 0.3\n  gna_interval 0.5\n  interface eth0\n}\n",
        ),
        (*_announces(1, "10.0.0.92", addresses=[VIP, "10.0.0.91", "10.0.0.92"]), STOP),
    ),
    Scenario(
        "garp-group-of-interfaces",
        ("garp_group", "gna_interval", "interfaces"),
        conf(
            instance6(timing=QUICK),
            blocks="garp_group {\n  garp_interval 0.5\n  gna_interval 0.3\n"
            "  interfaces {\n    eth0\n    eth1\n  }\n}\n",
        ),
        (*_announces(1, VIP6, **SIX), STOP),
        lans=2,
    ),
    Scenario(
        "min-garp",
        ("vrrp_min_garp",),
        conf(instance(timing=QUICK), quiet="  vrrp_min_garp\n"),
        (*_announces(1), Step("nothing more comes", nothing, passed(1)), STOP),
    ),
    Scenario(
        "garp-extra-if",
        ("garp_extra_if",),
        conf(
            instance(
                "  garp_extra_if all 1\n  virtual_ipaddress_excluded {\n    10.1.0.91/24 dev eth1\n  }\n",
                timing=QUICK,
            )
        ),
        (
            Step("start", start, every(adverts(2), holds(VIP)), is_timed=False),
            Step("a better one is heard", hear(200, 100), passed(0.1), is_timed=False),
            Step("the better one resigns", hear(0, 100), announced("10.1.0.91", 3)),
            STOP,
        ),
        lans=2,
    ),
    Scenario(
        "garp-extra-if-all",
        ("vrrp_garp_extra_if",),
        conf(
            instance(
                "  virtual_ipaddress_excluded {\n    10.1.0.91/24 dev eth1\n  }\n",
                timing=QUICK,
            ),
            more_global="  vrrp_garp_extra_if all 1\n",
        ),
        (
            Step("start", start, every(adverts(2), holds(VIP)), is_timed=False),
            Step("a better one is heard", hear(200, 100), passed(0.1), is_timed=False),
            Step("the better one resigns", hear(0, 100), announced("10.1.0.91", 3)),
            STOP,
        ),
        lans=2,
    ),
]

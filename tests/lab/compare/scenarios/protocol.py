"""Options of the protocol itself: versions, timers, priorities, preemption."""

from ipaddress import IPv4Address

from lab.compare.scenario import Scenario, Step
from lab.compare.scenarios.texts import conf, instance, instance6
from lab.compare.steps import (
    ALONE,
    ALONE6,
    LINK_LOCAL6,
    STOP,
    VIP,
    VIP6,
    VRID,
    adverts,
    every,
    goodbye,
    hear,
    holds,
    kill,
    lacks,
    nothing,
    outranked,
    passed,
    start,
)

SIX = {"addresses": [LINK_LOCAL6, VIP6]}
SECOND = VRID + 1
# A master soon after the start although adverts are far apart.
SOON = "  version 3\n  advert_int 0.5\n  down_timer_adverts 1\n"
YIELD = Step("a better one is heard", hear(200, 150), lacks(VIP), after_advert=True)
RESIGN = Step("the better one resigns", hear(0, 150), every(adverts(), holds(VIP)))
# Enough adverts for the judge to look at their intervals.
BEAT = Step("adverts go on", nothing, adverts(6), after_advert=True)
# Two virtual routers: what global_defs say, and what the second says itself.
BOTH = every(adverts(2, vrid=VRID), adverts(2, vrid=SECOND))
BOTH_ALONE = Step("start", start, BOTH, is_timed=False)
BOTH_STOP = Step("stop", STOP.act, every(goodbye(2), STOP.until), is_timed=False)


def second(more: str, **other: object) -> str:
    return instance(more, name="VJ", vrid=SECOND, addresses="10.0.0.91/24", **other)  # type: ignore[arg-type]


def _each_hears(priority: int, interval_cs: int) -> tuple[Step, Step]:
    return tuple(  # type: ignore[return-value]
        Step(
            f"VRID {vrid} hears priority {priority}",
            hear(priority, interval_cs, vrid=vrid, addresses=[f"10.0.0.{90 + vrid - VRID}"]),
            adverts(2, vrid=vrid),
            after_advert=True,
            about=vrid,
        )
        for vrid in (VRID, SECOND)
    )


SCENARIOS = [
    Scenario(
        "version-3",
        ("interface", "virtual_router_id", "version", "priority", "advert_int", "virtual_ipaddress"),
        conf(instance()),
        (ALONE, BEAT, outranked(), YIELD, RESIGN, STOP),
    ),
    Scenario(
        "version-3-ipv6",
        ("virtual_ipaddress",),
        conf(instance6()),
        (ALONE6, BEAT, outranked(**SIX), STOP),
    ),
    Scenario(
        "version-2",
        ("version", "vrrp_version", "authentication", "auth_type", "auth_pass"),
        conf(
            instance(
                "  authentication {\n    auth_type PASS\n    auth_pass secret\n  }\n",
                priority=254,
                timing="  advert_int 1\n",
            ),
            more_global="  vrrp_version 2\n",
        ),
        (
            ALONE,
            Step(
                "a better one without the password is heard",
                hear(255, 100, version=2),
                adverts(2),
                after_advert=True,
            ),
            outranked(100, 255, version=2, auth_type=1, auth_data=b"secret\0\0"),
            STOP,
        ),
    ),
    Scenario(
        "equal-priority",
        ("priority",),
        conf(instance()),
        (
            ALONE,
            Step(
                "the same priority from a lower address",
                hear(100, 300, source=IPv4Address("9.9.9.9")),
                adverts(2),
                after_advert=True,
            ),
            Step("the same priority from a higher address", hear(100, 60), adverts(2), after_advert=True),
            STOP,
        ),
    ),
    Scenario(
        "owner",
        ("state", "priority"),
        conf(instance("  state MASTER\n", priority=255)),
        (
            ALONE,
            Step("a lower one is heard", hear(254, 30), adverts(2), after_advert=True),
            STOP,
        ),
    ),
    Scenario(
        "state-master-without-priority",
        ("state",),
        conf(instance("  state MASTER\n").replace("  priority 100\n", "")),
        (ALONE, STOP),
    ),
    Scenario(
        "state-master-with-priority",
        ("state",),
        conf(instance("  state MASTER\n", priority=150)),
        (ALONE, outranked(), STOP),
    ),
    Scenario(
        "down-timer-adverts",
        ("down_timer_adverts", "vrrp_down_timer_adverts"),
        conf(instance(), second("  down_timer_adverts 2\n"), more_global="  vrrp_down_timer_adverts 5\n"),
        (BOTH_ALONE, *_each_hears(200, 20), BOTH_STOP),
    ),
    Scenario(
        "preempt",
        ("preempt",),
        conf(instance("  preempt\n")),
        (
            ALONE,
            YIELD,
            Step("a lower one is heard for a while", hear(50, 30), passed(1.5)),
            RESIGN,
            STOP,
        ),
    ),
    Scenario(
        "nopreempt",
        ("nopreempt",),
        conf(instance("  nopreempt\n")),
        (
            ALONE,
            YIELD,
            Step("a lower one is heard and its interval learned", hear(50, 30), adverts()),
            STOP,
        ),
    ),
    Scenario(
        "preempt-delay",
        ("preempt_delay",),
        conf(instance("  preempt_delay 1\n")),
        (
            ALONE,
            YIELD,
            Step("a lower one is heard within the delay", hear(50, 200), passed(1.2)),
            Step("a lower one is heard after the delay", hear(50, 50), passed(0.9), is_timed=False),
            RESIGN,
            STOP,
        ),
    ),
    Scenario(
        "preempt-delay-within",
        ("preempt_delay",),
        conf(instance("  preempt_delay 10\n")),
        (
            ALONE,
            YIELD,
            Step("a lower one is heard and its interval learned", hear(50, 30), adverts()),
            STOP,
        ),
    ),
    Scenario(
        "lower-prio-no-advert",
        ("vrrp_lower_prio_no_advert", "lower_prio_no_advert"),
        conf(
            instance(timing=SOON),
            second("  lower_prio_no_advert no\n", timing=SOON),
            more_global="  vrrp_lower_prio_no_advert\n",
        ),
        (BOTH_ALONE, *_each_hears(50, 50), BOTH_STOP),
    ),
    Scenario(
        "lower-prio-advert",
        ("lower_prio_no_advert",),
        conf(instance(timing=SOON), second("  lower_prio_no_advert\n", timing=SOON)),
        (BOTH_ALONE, *_each_hears(50, 50), BOTH_STOP),
    ),
    Scenario(
        "higher-prio-send-advert",
        ("vrrp_higher_prio_send_advert", "higher_prio_send_advert"),
        conf(
            instance(),
            second("  higher_prio_send_advert false\n"),
            more_global="  vrrp_higher_prio_send_advert\n",
        ),
        (BOTH_ALONE, *_each_hears(200, 20), BOTH_STOP),
    ),
    Scenario(
        "resigning-master",
        ("priority",),
        conf(instance(priority=20)),
        (ALONE, YIELD, RESIGN, STOP),
    ),
    Scenario(
        "ttl-and-checksum",
        ("interface",),
        conf(instance()),
        (
            ALONE,
            Step("a better one with TTL 254", hear(200, 150, ttl=254), adverts(2), after_advert=True),
            Step(
                "a better one with a wrong checksum",
                hear(200, 150, checksum="wrong"),
                adverts(2),
                after_advert=True,
            ),
            STOP,
        ),
    ),
    Scenario(
        "other-addresses",
        ("virtual_ipaddress",),
        conf(instance()),
        (ALONE, outranked(addresses=["10.0.0.99"]), outranked(addresses=[VIP, "10.0.0.99"]), STOP),
    ),
    Scenario(
        "other-addresses-unchecked",
        ("skip_check_adv_addr",),
        conf(instance("  skip_check_adv_addr\n")),
        (
            ALONE,
            YIELD,
            Step("it is heard again", hear(200, 150), passed(0.2)),
            Step("the same master lists another address", hear(200, 30, addresses=["10.0.0.99"]), adverts()),
            STOP,
        ),
    ),
    Scenario(
        "other-addresses-unchecked-everywhere",
        ("vrrp_skip_check_adv_addr",),
        conf(instance(), more_global="  vrrp_skip_check_adv_addr\n"),
        (
            ALONE,
            YIELD,
            Step("it is heard again", hear(200, 150), passed(0.2)),
            Step("the same master lists another address", hear(200, 30, addresses=["10.0.0.99"]), adverts()),
            STOP,
        ),
    ),
    Scenario(
        "version-2-in-seconds",
        ("advert_int",),
        conf(instance(priority=255, timing="  version 2\n  advert_int 2\n")),
        (Step("start", start, adverts(3), is_timed=False), STOP),
    ),
    Scenario(
        "killed",
        ("priority",),
        conf(instance()),
        (
            ALONE,
            Step("kill -9", kill, passed(0.5), is_timed=False),
            ALONE,
            STOP,
        ),
    ),
    Scenario(
        "timers-ipv6",
        ("down_timer_adverts", "nopreempt", "higher_prio_send_advert"),
        conf(instance6("  down_timer_adverts 2\n  nopreempt\n  higher_prio_send_advert\n")),
        (
            ALONE6,
            outranked(**SIX),
            Step("a better one is heard", hear(200, 150, **SIX), lacks(VIP6), after_advert=True),
            Step("a lower one is heard and its interval learned", hear(50, 30, **SIX), adverts()),
            STOP,
        ),
    ),
    Scenario(
        "lower-prio-ipv6",
        ("vrrp_garp_lower_prio_repeat",),
        conf(instance6(timing=SOON), more_global="  vrrp_garp_lower_prio_repeat 2\n"),
        (ALONE6, Step("a lower one is heard", hear(50, 50, **SIX), adverts(2), after_advert=True), STOP),
    ),
    Scenario(
        "owner-ipv6",
        ("priority",),
        conf(instance6(priority=255)),
        (ALONE6, Step("a lower one is heard", hear(254, 30, **SIX), adverts(2), after_advert=True), STOP),
    ),
]

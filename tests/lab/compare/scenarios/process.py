"""The process and its links: delays, debounce, tracking, interfaces that come and go."""

import os
from pathlib import Path

from lab.compare.scenario import Difference, Scenario, Step
from lab.compare.scenarios.texts import conf, instance, instance6
from lab.compare.side import ROUTER, Side
from lab.compare.steps import (
    ALONE,
    ALONE6,
    STOP,
    VIP,
    adverts,
    every,
    goodbye,
    holds,
    ip,
    lacks,
    lines,
    nothing,
    passed,
    start,
    switch_port,
)

DOWN = Step("the link loses its carrier", switch_port("down"), lacks(VIP), is_timed=False, after_advert=True)
UP = Step("the link is back", switch_port("up"), every(adverts(2), holds(VIP)), slack_s=0.1)


def _flag(side: Side) -> None:
    (side.net.directory / "flag").touch()


def _remove_flag(side: Side) -> None:
    (side.net.directory / "flag").unlink()


def _new_interface(side: Side) -> None:
    """A link that is not there when the daemon starts, with an address of its own."""
    side.net.ip(ROUTER, "link", "add", "late0", "type", "veth", "peer", "name", "late1")
    side.net.ip(ROUTER, "addr", "add", "10.9.0.1/24", "dev", "late0")
    side.net.ip(ROUTER, "link", "set", "late1", "up")
    side.net.ip(ROUTER, "link", "set", "late0", "up")


NAME = "  vrrp_process_name vipper\n"


def _scheduling(side: Side) -> bool:
    """How the process that speaks VRRP is scheduled, as facts."""
    assert side.daemon.process is not None
    pid = side.daemon.process.pid
    if side.kind == "keepalived":  # its child does the work
        pid = int((side.daemon.directory / "vrrp.pid").read_text())
    policy = os.sched_getscheduler(pid)
    status = Path(f"/proc/{pid}/status").read_text()
    side.mark.facts |= {
        "nice": os.getpriority(os.PRIO_PROCESS, pid),
        "processors": os.sched_getaffinity(pid),
        "policy": policy & ~os.SCHED_RESET_ON_FORK,
        "priority": os.sched_getparam(pid).sched_priority,
        "name": Path(f"/proc/{pid}/comm").read_text(),
        "is locked in memory": "VmLck:\t       0 kB" not in status,
    }
    return True


def _igmp_reports(side: Side) -> bool:
    path = "/proc/sys/net/ipv4/igmp_link_local_mcast_reports"
    side.mark.facts["reports"] = side.net.run(ROUTER, "cat", path).stdout.strip()
    return True


def _script(weight: str, tracked: str = "flag", more: str = "", of_all: str = "") -> str:
    return conf(
        instance(f"  track_script {{\n    {tracked}\n  }}\n", priority=150),
        blocks=(
            f'vrrp_script flag {{\n  script "/usr/bin/test -e @DIR@/flag"\n  interval 1\n  timeout 5\n'
            f"{weight}{more}}}\n"
        ),
        more_global="  script_user root\n" + of_all,
    )


def _tracked_script(name: str, text: str, up: int, failed: int) -> Scenario:
    """A weight, as the adverts tell it."""
    return Scenario(
        name,
        ("track_script", "vrrp_script", "script", "interval", "timeout", "weight", "script_user"),
        text,
        (
            Step("start", start, adverts(2, priority=up), is_timed=False),
            Step("the script fails", _remove_flag, adverts(2, priority=failed), slack_s=1.3),
            Step("the script succeeds", _flag, adverts(2, priority=up), slack_s=1.3),
            STOP,
        ),
        prepare=_flag,
    )


def _tracked_link(name: str, line: str, up: int, down: int) -> Scenario:
    return Scenario(
        name,
        ("track_interface",),
        conf(instance(f"  track_interface {{\n    {line}\n  }}\n", priority=150)),
        (
            Step("start", start, adverts(2, priority=up), is_timed=False),
            Step(
                "the tracked link loses its carrier",
                switch_port("down", 1),
                adverts(2, priority=down),
                after_advert=True,
            ),
            Step("it is back", switch_port("up", 1), adverts(2, priority=up), after_advert=True),
            STOP,
        ),
        lans=2,
    )


INIT_FAIL = Difference(
    "With `init_fail` an instance says FAULT until its script has succeeded once; keepalived waits in "
    "silence.",
    lambda found: (
        found.what == "line"
        and isinstance(found.keepalived, list)
        and found.ours == ['INSTANCE "VI" FAULT 150', *found.keepalived]
    ),
)


def _slow_at_first(name: str, options: tuple[str, ...], more: str, *differences: Difference) -> Scenario:
    """A script without weight takes two seconds to tell its first result."""
    text = _script("", more=more, of_all="  vrrp_notify_fifo @DIR@/fifo\n")
    return Scenario(
        name,
        options,
        text.replace("/usr/bin/test -e @DIR@/flag", "/bin/sleep 2"),
        (Step("start", start, every(adverts(2), lines("MASTER")), slack_s=1.0), STOP),
        fifos=("fifo",),
        differences=differences,
    )


SCENARIOS = [
    Scenario(
        "startup-delay",
        ("vrrp_startup_delay",),
        conf(instance(timing="  version 3\n  advert_int 0.1\n"), more_global="  vrrp_startup_delay 3\n"),
        (Step("start", start, every(adverts(2), holds(VIP)), slack_s=1.5), STOP),
    ),
    Scenario("link-down", ("interface",), conf(instance()), (ALONE, DOWN, UP, STOP)),
    Scenario(
        "link-down-ipv6",
        ("interface",),
        conf(instance6()),
        (
            ALONE6,
            Step("the link loses its carrier", switch_port("down"), passed(0.3), is_timed=False),
            Step("the link is back", switch_port("up"), adverts(2), slack_s=0.1),
            STOP,
        ),
    ),
    Scenario(
        "administratively-down",
        ("interface",),
        conf(instance()),
        (
            ALONE,
            Step("the link is set down", ip("link", "set", "eth0", "down"), lacks(VIP), is_timed=False),
            Step("it is set up", ip("link", "set", "eth0", "up"), every(adverts(2), holds(VIP)), slack_s=0.1),
            STOP,
        ),
    ),
    Scenario(
        "debounce",
        ("interface_up_down_delays",),
        conf(instance(), blocks="interface_up_down_delays {\n  eth0 0.3 0.5\n}\n"),
        (
            ALONE,
            Step("the link loses its carrier", switch_port("down"), lacks(VIP)),
            Step("the link is back", switch_port("up"), every(adverts(2), holds(VIP)), slack_s=0.1),
            STOP,
        ),
    ),
    Scenario(
        "debounced",
        ("interface_up_down_delays",),
        conf(instance("  down_timer_adverts 5\n"), blocks="interface_up_down_delays {\n  eth0 1.1\n}\n"),
        (
            ALONE,
            Step("the link loses its carrier for a moment", switch_port("down"), passed(0.2), is_timed=False),
            Step(
                "the link is back in time", switch_port("up"), every(adverts(2), holds(VIP)), is_timed=False
            ),
            STOP,
        ),
    ),
    Scenario(
        "dont-track-primary",
        ("dont_track_primary",),
        conf(instance("  dont_track_primary\n")),
        (
            ALONE,
            Step("the link loses its carrier", switch_port("down"), passed(0.5), is_timed=False),
            Step("the link is back", switch_port("up"), every(adverts(2), holds(VIP)), is_timed=False),
            STOP,
        ),
    ),
    Scenario(
        "dynamic-interfaces",
        ("dynamic_interfaces",),
        conf(
            instance(),
            instance(name="LATE", vrid=60, interface="late0", addresses="10.9.0.90/24"),
            more_global="  dynamic_interfaces\n",
        ),
        (
            ALONE,
            Step("the interface is made", _new_interface, holds("10.9.0.90"), is_timed=False),
            Step("it is deleted", ip("link", "del", "late0"), lacks("10.9.0.90"), is_timed=False),
            Step("it is made again", _new_interface, holds("10.9.0.90"), is_timed=False),
            STOP,
        ),
    ),
    Scenario(
        "scheduling",
        ("vrrp_priority", "vrrp_cpu_affinity", "vrrp_no_swap", "vrrp_process_name"),
        conf(instance(), more_global="  vrrp_priority -3\n  vrrp_cpu_affinity 0\n  vrrp_no_swap\n" + NAME),
        (Step("start", start, every(adverts(2), _scheduling), is_timed=False), STOP),
    ),
    Scenario(
        "real-time",
        ("vrrp_rt_priority",),
        conf(instance(), more_global="  vrrp_rt_priority 7\n" + NAME),
        (Step("start", start, every(adverts(2), _scheduling), is_timed=False), STOP),
    ),
    Scenario(
        "without-igmp",
        ("disable_local_igmp",),
        conf(instance(), more_global="  disable_local_igmp\n"),
        (
            Step("start", start, every(adverts(2), _igmp_reports), is_timed=False),
            Step("stop", STOP.act, every(STOP.until, _igmp_reports), is_timed=False),
        ),
    ),
    Scenario(
        "tracked-link-without-weight",
        ("track_interface",),
        conf(instance("  track_interface {\n    eth1\n  }\n", priority=150)),
        (
            ALONE,
            Step("the tracked link loses its carrier", switch_port("down", 1), goodbye(), after_advert=True),
            Step("it stays so", nothing, passed(0.5)),
            Step("it is back", switch_port("up", 1), every(adverts(2), holds(VIP)), slack_s=0.1),
            STOP,
        ),
        lans=2,
    ),
    _tracked_link("tracked-link-weight", "eth1 weight 20", 170, 150),
    _tracked_link("tracked-link-negative-weight", "eth1 weight -20", 150, 130),
    _tracked_link("tracked-link-reverse", "eth1 weight 20 reverse", 130, 150),
    _tracked_script("tracked-script-weight", _script("  weight 20\n"), 170, 150),
    _tracked_script("tracked-script-negative-weight", _script("  weight -20\n"), 150, 130),
    _tracked_script("tracked-script-own-weight", _script("  weight 5\n", "flag weight -253"), 150, 1),
    Scenario(
        "tracked-script-of-another-user",  # who must not look into the lab's directory
        ("user",),
        _script("  weight 20\n", more="  user nobody\n"),
        (Step("start", start, adverts(8), is_timed=False), STOP),
        prepare=_flag,
    ),
    _slow_at_first("tracked-script-slow-at-first", ("script",), ""),
    _slow_at_first("tracked-script-init-fail", ("init_fail",), "  init_fail\n", INIT_FAIL),
    Scenario(
        "tracked-script-fault",
        ("track_script", "rise", "fall"),
        _script("", more="  fall 3\n  rise 2\n"),
        (
            ALONE,
            Step("the script fails", _remove_flag, goodbye(), slack_s=1.3),
            Step("the script succeeds", _flag, every(adverts(2), holds(VIP)), slack_s=1.3),
            STOP,
        ),
        prepare=_flag,
    ),
]

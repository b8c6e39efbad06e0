"""What scripts and FIFOs are told, and when; tests/lab/test_notify.py has the rest of notify's life."""

import stat

from lab.compare.scenario import Scenario, Step
from lab.compare.scenarios.texts import conf, instance
from lab.compare.side import Side
from lab.compare.steps import (
    STOP,
    VIP,
    VRID,
    adverts,
    called,
    ended,
    every,
    goodbye,
    hear,
    holds,
    lacks,
    lines,
    nothing,
    passed,
    reload,
    start,
    stop,
    switch_port,
)

SCRIPTS = (
    "".join(
        f"  notify_{state} \"@DIR@/{state} one 'two words'\"\n"
        for state in ("master", "backup", "fault", "stop")
    )
    + '  notify "@DIR@/every"\n'
)
FIFO = "  vrrp_notify_fifo @DIR@/fifo\n"
ROOT = "  script_user root\n"
PRIORITIES = "  vrrp_notify_priority_changes true\n"


def _scripts(side: Side) -> None:
    for name in ("master", "backup", "fault", "stop", "every", "lower", "deleted"):
        side.notes.script(name)


def _files(side: Side) -> bool:
    """What the FIFOs are that the daemon makes itself, as facts."""
    for name in ("made", "other"):
        path = side.net.directory / name
        found = path.lstat() if path.exists() else None
        side.mark.facts[name] = (stat.filemode(found.st_mode), found.st_uid) if found else "gone"
    return True


def _loose(side: Side) -> None:
    """A script in a directory that everybody may write, and one beside it."""
    directory = side.net.directory / "loose"
    directory.mkdir()
    directory.chmod(0o777)
    side.notes.script("loose/master")
    side.notes.script("every")


YIELD = Step("a better one is heard", hear(200, 150), every(lacks(VIP), lines("BACKUP")), after_advert=True)
RESIGN = Step("the better one resigns", hear(0, 150), every(adverts(2), holds(VIP), lines("MASTER")))

SCENARIOS = [
    Scenario(
        "notify-fifo",
        ("vrrp_notify_fifo", "notify_fifo"),
        conf(instance(), more_global=FIFO + "  notify_fifo @DIR@/all\n"),
        (
            Step("start", start, every(adverts(2), lines("BACKUP", "MASTER")), is_timed=False),
            YIELD,
            RESIGN,
            Step("the link goes down", switch_port("down"), lines("FAULT"), after_advert=True),
            Step("the link is back", switch_port("up"), every(adverts(2), lines("MASTER")), slack_s=0.1),
            Step("stop", stop, every(goodbye(), lines("STOP"), ended), is_timed=False),
        ),
        fifos=("fifo", "all"),
    ),
    Scenario(
        "notify-scripts",
        ("notify_master", "notify_backup", "notify_fault", "notify_stop", "notify"),
        conf(instance(SCRIPTS), more_global=ROOT),
        (
            Step("start", start, every(adverts(2), called(4)), is_timed=False),
            Step("a better one is heard", hear(200, 150), called(2), after_advert=True),
            Step("the better one resigns", hear(0, 150), called(2)),
            Step("the link goes down", switch_port("down"), called(2), after_advert=True),
            Step("the link is back", switch_port("up"), called(4), is_timed=False),
            Step("stop", stop, every(called(2), ended), is_timed=False),
        ),
        prepare=_scripts,
    ),
    Scenario(
        "notify-priority-changes",
        ("vrrp_notify_priority_changes", "notify_priority_changes"),
        conf(
            instance("  track_interface {\n    eth1 weight 20\n  }\n"),
            more_global=FIFO + PRIORITIES,
        ),
        (
            Step("start", start, every(adverts(2), lines("MASTER")), is_timed=False),
            Step("the tracked link goes down", switch_port("down", 1), lines("MASTER_PRIORITY")),
            Step("the tracked link is back", switch_port("up", 1), lines("MASTER_PRIORITY"), slack_s=0.1),
            STOP,
        ),
        fifos=("fifo",),
        lans=2,
    ),
    Scenario(
        "notify-lower-priority",
        ("notify_master_rx_lower_pri",),
        conf(
            instance('  notify_master_rx_lower_pri "@DIR@/lower"\n'),
            more_global=FIFO + ROOT,
        ),
        (
            Step("start", start, every(adverts(2), lines("MASTER")), is_timed=False),
            Step(
                "a lower one is heard",
                hear(50, 30),
                every(called(1), lines("MASTER_RX_LOWER_PRI")),
                after_advert=True,
            ),
            STOP,
        ),
        fifos=("fifo",),
        prepare=_scripts,
    ),
    Scenario(
        "notify-deleted",
        ("notify_deleted",),
        conf(
            instance(),
            instance(
                '  notify_deleted "@DIR@/deleted"\n  notify_fault "@DIR@/fault"\n',
                name="GONE",
                vrid=VRID + 1,
                addresses="10.0.0.91/24",
            ),
            more_global=FIFO + ROOT,
        ),
        (
            Step("start", start, every(holds(VIP, "10.0.0.91"), lines('"GONE" MASTER')), is_timed=False),
            Step(
                "it is gone from the file",
                reload(conf(instance(), more_global=FIFO + ROOT)),
                every(adverts(1, vrid=VRID + 1, priority=0), called(1), lacks("10.0.0.91")),
                is_timed=False,
            ),
            STOP,
        ),
        fifos=("fifo",),
        prepare=_scripts,
    ),
    Scenario(
        "notify-fifo-script",
        ("vrrp_notify_fifo_script", "notify_fifo_script"),
        conf(
            instance(),
            more_global=ROOT
            + '  vrrp_notify_fifo @DIR@/fifo\n  vrrp_notify_fifo_script "@DIR@/reads one"\n'
            + '  notify_fifo @DIR@/all\n  notify_fifo_script "@DIR@/reads two"\n',
        ),
        (Step("start", start, every(adverts(2), called(2)), is_timed=False), STOP),
        prepare=lambda side: side.notes.script("reads", "exec sleep 60"),
    ),
    Scenario(
        "startup-and-shutdown-script",
        ("startup_script", "startup_script_timeout", "shutdown_script", "shutdown_script_timeout"),
        conf(
            instance(),
            more_global=ROOT
            + '  startup_script "@DIR@/master up"\n  startup_script_timeout 5\n'
            + '  shutdown_script "@DIR@/stop down"\n  shutdown_script_timeout 5\n',
        ),
        (
            Step("start", start, every(adverts(2), called(1)), is_timed=False),
            Step("stop", stop, every(called(1), ended), is_timed=False),
        ),
        prepare=_scripts,
    ),
    Scenario(
        "script-security",
        ("enable_script_security",),
        conf(
            instance('  notify_master "@DIR@/loose/master"\n  notify "@DIR@/every"\n'),
            more_global=ROOT + "  enable_script_security\n" + FIFO,
        ),
        (
            Step("start", start, every(adverts(2), lines("MASTER"), called(2)), is_timed=False),
            Step("nothing else runs", nothing, passed(0.5)),
            STOP,
        ),
        fifos=("fifo",),
        prepare=_loose,
    ),
    Scenario(
        "notify-fifo-file",
        ("vrrp_notify_fifo", "notify_fifo", "umask"),
        conf(
            instance(),
            more_global="  umask 027\n  vrrp_notify_fifo @DIR@/made\n  notify_fifo @DIR@/other nobody\n",
        ),
        (
            Step("start", start, every(adverts(), _files), is_timed=False),
            Step("stop", stop, every(goodbye(), ended, _files), is_timed=False),
        ),
    ),
    Scenario(
        "notify-of-an-owner",
        ("notify_master",),
        conf(instance(SCRIPTS + "  state MASTER\n", priority=255), more_global=FIFO + ROOT),
        (
            Step("start", start, every(adverts(2), lines("MASTER"), called(2)), is_timed=False),
            Step("stop", stop, every(called(2), ended), is_timed=False),
        ),
        fifos=("fifo",),
        prepare=_scripts,
    ),
]

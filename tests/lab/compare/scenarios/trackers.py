"""Trackers, through a script of events: the priority that the adverts tell after each of them."""

from collections.abc import Callable
from pathlib import Path

from lab.compare.scenario import Act, Difference, Scenario, Step
from lab.compare.scenarios.texts import conf, instance
from lab.compare.side import ROUTER, Side
from lab.compare.steps import STOP, adverts, every, goodbye, ip, passed, start

# The script does what the file beside it says; `exec` makes it one process.
_CHECK = """#!/bin/sh
read -r what with < @DIR@/orders || exit 1
case $what in
  exit) exit $with ;;
  signal) kill -$with $$ ;;
  hang) exec sleep 60 ;;
  stubborn) trap "" TERM; sleep 60 ;;
  children) sleep 60 & sleep 60 & exit 0 ;;
  noise) head -c 300000 /dev/urandom; exit $with ;;
esac
"""


def _order(text: str) -> Act:
    """What the script is to do from now on."""

    def act(side: Side) -> None:
        new = side.net.directory / "orders.new"
        new.write_text(text + "\n")
        new.rename(side.net.directory / "orders")

    return act


def _make_script(side: Side) -> None:
    _order("exit 0")(side)
    path = side.net.directory / "check"
    path.write_text(_CHECK.replace("@DIR@", str(side.net.directory)))
    path.chmod(0o755)


def _on(name: str, change: Callable[[Path], object]) -> Act:
    """Do something with a file of the side's directory."""
    return lambda side: change(side.net.directory / name) and None


def _hide(path: Path) -> None:
    path.rename(path.with_suffix(".hidden"))


def _show(path: Path) -> None:
    path.with_suffix(".hidden").rename(path)


# When in its interval a script runs is each daemon's own affair: `slack_s` is an interval for each run.
def _step(name: str, act: Act, priority: int, slack_s: float) -> Step:
    return Step(name, act, adverts(2, priority=priority), slack_s=slack_s)


def _tracking(blocks: str, tracked: str) -> str:
    return conf(instance(tracked, priority=150), blocks=blocks, more_global="  script_user root\n")


_SCRIPT = (
    'vrrp_script check {\n  script "@DIR@/check"\n  interval 1\n  timeout 1\n  weight -20\n'
    "  rise 2\n  fall 2\n}\n"
)
_FILE = 'track_file load {\n  file "@DIR@/load"\n  weight 2\n}\n'


def _write(text: str) -> Act:
    return _on("load", lambda path: path.write_text(text))


def _replaced(text: str) -> Act:
    """Another file takes its place."""

    def act(side: Side) -> None:
        new = side.net.directory / "load.new"
        new.write_text(text)
        new.rename(side.net.directory / "load")

    return act


def _make_link(side: Side) -> None:
    side.net.ip(ROUTER, "link", "add", "extra0", "type", "veth", "peer", "name", "extra1")
    for name in ("extra0", "extra1"):
        side.net.ip(ROUTER, "link", "set", name, "up")


_GONE, _BACK = "it cannot be found", "it is there again"
UNRUNNABLE = Difference(
    "A script that is not there any more, or may not be run, has failed; keepalived stays with the last "
    "result it had.",
    lambda found: found.what == "advert" and found.step in (_GONE, _BACK),
)

SCENARIOS = [
    Scenario(
        "script-through-everything",
        ("vrrp_script", "track_script", "timeout", "rise", "fall", "weight"),
        _tracking(_SCRIPT, "  track_script {\n    check\n  }\n"),
        (
            Step("start", start, adverts(2, priority=150), is_timed=False),
            _step("it exits with 3", _order("exit 3"), 130, 2.5),
            _step("it succeeds", _order("exit 0"), 150, 2.5),
            _step("it hangs", _order("hang"), 130, 4.5),
            _step("it succeeds after that", _order("exit 0"), 150, 3.5),
            _step("it dies of SIGSEGV", _order("signal SEGV"), 130, 2.5),
            _step("it succeeds again", _order("exit 0"), 150, 2.5),
            _step("it dies of SIGKILL", _order("signal KILL"), 130, 2.5),
            _step("it leaves children behind", _order("children"), 150, 2.5),
            _step("it writes much and fails", _order("noise 1"), 130, 2.5),
            _step("it succeeds without noise", _order("exit 0"), 150, 2.5),
            _step("it ignores SIGTERM", _order("stubborn"), 130, 4.5),
            _step("it succeeds at last", _order("exit 0"), 150, 6.5),
            STOP,
        ),
        prepare=_make_script,
    ),
    Scenario(
        "script-that-cannot-be-run",
        ("vrrp_script", "track_script"),
        _tracking(_SCRIPT, "  track_script {\n    check\n  }\n"),
        (
            Step("start", start, adverts(2, priority=150), is_timed=False),
            Step(_GONE, _on("check", _hide), passed(3.5), is_timed=False),
            Step(_BACK, _on("check", _show), every(passed(3.5), adverts(2, priority=150)), is_timed=False),
            STOP,
        ),
        differences=(UNRUNNABLE,),
        prepare=_make_script,
    ),
    Scenario(
        "file-through-everything",
        ("track_file", "file", "weight"),
        _tracking(_FILE, "  track_file {\n    load\n  }\n"),
        (
            Step("start without the file", start, adverts(2, priority=150), is_timed=False),
            _step("it is made", _write("10"), 170, 0.2),
            _step("it is written", _write("-10\n"), 130, 0.2),
            _step("it is deleted", _on("load", lambda path: path.unlink()), 150, 0.2),
            _step("it is moved there", _replaced("7"), 164, 0.2),
            _step("it is replaced", _replaced("8"), 166, 0.2),
            _step("it is hidden", _on("load", _hide), 150, 0.2),
            _step("it is back", _on("load", _show), 166, 0.2),
            Step("a fault", _write("-200"), goodbye(), slack_s=0.2),
            _step("no fault any more", _write("5"), 160, 0.4),
            STOP,
        ),
    ),
    Scenario(
        "tracked-link-through-everything",
        ("track_interface", "weight"),
        _tracking("", "  track_interface {\n    extra0 weight 20\n  }\n"),
        (
            Step("start", start, adverts(2, priority=170), is_timed=False),
            _step("it loses its carrier", ip("link", "set", "extra1", "down"), 150, 0.2),
            _step("it has it again", ip("link", "set", "extra1", "up"), 170, 0.2),
            _step("it is taken down", ip("link", "set", "extra0", "down"), 150, 0.2),
            _step("it is brought up", ip("link", "set", "extra0", "up"), 170, 0.2),
            _step("it is deleted", ip("link", "del", "extra0"), 150, 0.2),
            _step("it is made again", _make_link, 170, 0.4),
            STOP,
        ),
        prepare=_make_link,
    ),
]

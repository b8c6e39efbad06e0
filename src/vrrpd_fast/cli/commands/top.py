"""A live screen of the virtual routers, trouble on top: states, rates of adverts, lateness, changes.

Read from the stats segment, as by `status`. Keys: q quits, s sorts by the next column, / filters by words of
name, interface, state or group, space holds the screen, arrows and page keys scroll. What is no terminal gets
one frame.
"""

import argparse
import sys
import time
from typing import TYPE_CHECKING

from vrrpd_fast.cli.exits import DONE, CommandError
from vrrpd_fast.cli.output import write, write_json
from vrrpd_fast.cli.selection import Selection, add_filters
from vrrpd_fast.cli.snapshots import columns, outcome, read_snapshot

if TYPE_CHECKING:
    from rich.console import Console

    from vrrpd_fast.cli.keyboard import Keyboard
    from vrrpd_fast.observe.top import View

SORTS = ("trouble", "name", "state", "since", "sent", "received", "late", "changes")
INTERVAL = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_filters(parser)
    parser.add_argument(
        "--interval",
        metavar="SECONDS",
        type=_seconds,
        default=INTERVAL,
        help="how often it is read, and what rates are of (default: %(default)g)",
    )
    parser.add_argument("--sort", choices=SORTS, default=SORTS[0], help="default: %(default)s")
    parser.add_argument("--once", action="store_true", help="one frame of all rows, after one interval")
    parser.add_argument("--json", action="store_true", help="one frame as JSON")


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 1 <= seconds <= 3600:  # what the daemon writes is up to a second old
        raise argparse.ArgumentTypeError("from 1 to 3600 seconds")
    return seconds


def run(arguments: argparse.Namespace) -> int:
    from vrrpd_fast.observe.top import View

    view = View(arguments.sort)
    is_live = sys.stdin.isatty() and sys.stdout.isatty() and not arguments.once and not arguments.json
    if is_live:
        from rich.console import Console

        console = Console(highlight=False)
        if not console.is_dumb_terminal:
            return _live(console, view, arguments)
    return _once(view, arguments)


def _once(view: "View", arguments: argparse.Namespace) -> int:
    selection = Selection(arguments)
    snapshot = read_snapshot(arguments.socket, selection.exact_names)
    view.take(snapshot, selection.of(snapshot.instances)[0], time.time())
    if snapshot.condition == "running":
        time.sleep(arguments.interval)
        snapshot = read_snapshot(arguments.socket, selection.exact_names)
    instances, missing = selection.of(snapshot.instances)
    view.take(snapshot, instances, time.time())
    if arguments.json:
        write_json(view.as_json())
    else:
        write("".join(line.plain.rstrip() + "\n" for line in view.frame(columns(), None, None)))
    return outcome(snapshot, missing)


def _live(console: "Console", view: "View", arguments: argparse.Namespace) -> int:
    from rich.console import Group
    from rich.live import Live

    from vrrpd_fast.cli.keyboard import Keyboard

    selection = Selection(arguments)
    read_snapshot(arguments.socket)  # nothing to look at is told on the usual screen
    screen = _Screen(view)
    with Keyboard() as keyboard, Live(console=console, screen=True, auto_refresh=False) as live:
        due = 0.0
        while True:
            now = time.monotonic()
            if not screen.is_held and now >= due:
                _look(view, selection, arguments.socket)
                due = now + arguments.interval
            lines = view.frame(console.width, console.height, screen.footer)
            live.update(Group(*lines), refresh=True)
            if not screen.take_keys(keyboard, due - time.monotonic() if not screen.is_held else 3600.0):
                return DONE


def _look(view: "View", selection: Selection, socket: str) -> None:
    """Read once more; when that cannot be done the screen says why, and it is tried again."""
    try:
        snapshot = read_snapshot(socket, selection.exact_names)
    except CommandError as error:
        view.message = str(error)
        return
    view.take(snapshot, selection.of(snapshot.instances)[0], time.time())


class _Screen:
    """What the keys did to it."""

    def __init__(self, view: "View") -> None:
        self._view = view
        self.is_held = False
        self._is_typing = False

    @property
    def footer(self) -> str:
        view = self._view
        if self._is_typing:
            return f"filter: {view.filter}_   (enter: keep, escape: none)"
        filtered = f"/ filter: {view.filter}" if view.filter else "/ filter"
        held = "space go on   HELD" if self.is_held else "space hold"
        last = min(len(view.rows), view.offset + 1)
        return f"q quit   s sort: {view.sort}   {filtered}   {held}   row {last} of {len(view.rows)}"

    def take_keys(self, keyboard: "Keyboard", timeout: float) -> bool:
        """Wait for keys and do what they mean; False to leave."""
        try:
            keys = keyboard.keys(timeout)
        except EOFError:
            return False
        return all(self._typed(key) if self._is_typing else self._pressed(key) for key in keys)

    def _typed(self, key: str) -> bool:
        view = self._view
        match key:
            case "enter":
                self._is_typing = False
            case "escape":
                self._is_typing = False
                view.filter = ""
            case "backspace":
                view.filter = view.filter[:-1]
            case _ if len(key) == 1:
                view.filter += key
        view.offset = 0
        view.arrange()
        return True

    def _pressed(self, key: str) -> bool:
        view = self._view
        match key:
            case "q":
                return False
            case "s":
                view.next_sort()
            case "/":
                self._is_typing = True
            case "escape":
                view.filter = ""
                view.arrange()
            case " ":
                self.is_held = not self.is_held
            case "up" | "k":
                view.scroll(-1)
            case "down" | "j":
                view.scroll(1)
            case "page up":
                view.scroll(-view.page)
            case "page down":
                view.scroll(view.page)
            case "home":
                view.scroll(-len(view.rows))
            case "end":
                view.scroll(len(view.rows))
        return True

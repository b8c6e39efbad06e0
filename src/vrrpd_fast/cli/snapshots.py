"""How commands read the stats segment, and what they make of a daemon that does not write it."""

import shutil
from typing import TYPE_CHECKING

from vrrpd_fast.cli.exits import DAEMON, DONE, FAILED, CommandError
from vrrpd_fast.cli.output import complain
from vrrpd_fast.observe.text import printable

if TYPE_CHECKING:
    from vrrpd_fast.observe.segment import Snapshot


def read_snapshot(socket: str, names: list[str] | None = None) -> "Snapshot":
    """What the daemon with this control socket last wrote; CommandError when there is nothing to read."""
    from vrrpd_fast.observe.segment import SegmentError, read

    try:
        return read(socket, names)
    except SegmentError as error:
        raise CommandError([f"vrrpctl: {error.strerror}"], DAEMON) from error


def outcome(snapshot: "Snapshot", missing: list[str]) -> int:
    """The exit status of a command that showed it, once who was asked for in vain is named."""
    complain(f"vrrpctl: no virtual router is named '{printable(name)}'" for name in missing)
    if snapshot.condition != "running":
        return DAEMON
    return FAILED if missing else DONE


def columns() -> int:
    """How wide what is printed may be: the terminal, else $COLUMNS, else 80."""
    return max(40, shutil.get_terminal_size((80, 24)).columns)

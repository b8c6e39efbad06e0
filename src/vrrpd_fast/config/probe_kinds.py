"""What each kind of vrrp_probe asks: from the block of the file to the settings of the helper."""

import re
from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config import probe_http as http
from vrrpd_fast.config import probe_system as system
from vrrpd_fast.config.probe_address import address, check_length, own_address
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import probes as schema
from vrrpd_fast.config.schema.base import stated

# unit_name_is_valid() of systemd: these characters, at most 255, and a suffix of a kind of unit.
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")
_SUFFIXES = (
    *(".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer"),
    *(".slice", ".scope"),
)


def _tcp(block: schema.TcpProbe, path: Path, problems: Problems) -> model.TcpProbe:
    _check_exchange(block, path, problems)
    asked = address(block.address, (*path, "address"), problems)
    return model.TcpProbe(
        address=asked,
        port=block.port,
        source=own_address(block.source, asked, (*path, "source"), problems),
        send=stated(block.send, None),
        expect=stated(block.expect, None),
    )


def _unix(block: schema.UnixProbe, path: Path, problems: Problems) -> model.UnixProbe:
    _check_exchange(block, path, problems)
    if not block.path.startswith(("/", "@")) or "\0" in block.path:
        problems.error((*path, "path"), f"{quoted(block.path)} is neither an absolute path nor @NAME")
    elif len(block.path.encode()) > 107:
        problems.error((*path, "path"), "is longer than 107 bytes, the most that the kernel takes")
    return model.UnixProbe(path=block.path, send=stated(block.send, None), expect=stated(block.expect, None))


def _systemd(block: schema.SystemdProbe, path: Path, problems: Problems) -> model.SystemdProbe:
    unit = block.unit
    if not unit.endswith(_SUFFIXES):
        unit += ".service"
    if not _UNIT.fullmatch(unit) or unit.startswith((".", "@")):
        problems.error((*path, "unit"), f"{quoted(block.unit)} is not the name of a unit")
    states: tuple[str, ...] = ("active", "reloading") if block.states is UNSET else tuple(block.states)
    if not states:
        problems.error((*path, "states"), "is empty: nothing would mean up")
    return model.SystemdProbe(unit=unit, states=states)


# By the word of the kind: what makes its settings. A fault is noted in `problems`, and any settings returned.
KINDS: dict[str, Callable[[Any, Path, Problems], model.AnyProbeKind]] = {
    "tcp": _tcp,
    "unix": _unix,
    "http": http.http,
    "https": http.https,
    "systemd": _systemd,
    "icmp": system.icmp,
    "dns": system.dns,
    "process": system.process,
    "route": system.route,
    "neighbour": system.neighbour,
    "gateway": system.gateway,
    "value": system.value,
}


def _check_exchange(block: schema.TcpProbe | schema.UnixProbe, path: Path, problems: Problems) -> None:
    check_length(block.send, (*path, "send"), problems)
    check_length(block.expect, (*path, "expect"), problems)
    if block.send is not UNSET and block.expect is UNSET:
        problems.error(
            (*path, "send"), "needs expect beside it: nobody would read the answer", (*path, "expect")
        )

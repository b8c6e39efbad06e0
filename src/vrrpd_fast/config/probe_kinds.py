"""What each kind of vrrp_probe asks: from the block of the file to the settings of the helper."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config import probe_system as system
from vrrpd_fast.config.probe_address import address, own_address
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import probes as schema
from vrrpd_fast.config.schema.base import stated


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


# By the word of the kind: what makes its settings. A fault is noted in `problems`, and any settings returned.
KINDS: dict[str, Callable[[Any, Path, Problems], model.AnyProbeKind]] = {
    "tcp": _tcp,
    "unix": _unix,
    "icmp": system.icmp,
    "dns": system.dns,
    "process": system.process,
    "route": system.route,
    "neighbour": system.neighbour,
    "gateway": system.gateway,
    "value": system.value,
}


def _check_exchange(block: schema.TcpProbe | schema.UnixProbe, path: Path, problems: Problems) -> None:
    if block.send is not UNSET and block.expect is UNSET:
        problems.error(
            (*path, "send"), "needs expect beside it: nobody would read the answer", (*path, "expect")
        )

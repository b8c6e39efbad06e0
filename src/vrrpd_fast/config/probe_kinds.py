"""What each kind of vrrp_probe asks: from the block of the file to the settings of the helper."""

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import probes as schema
from vrrpd_fast.config.schema.base import stated


def _tcp(block: schema.TcpProbe, path: Path, problems: Problems) -> model.TcpProbe:
    _check_exchange(block, path, problems)
    return model.TcpProbe(
        address=address(block.address, (*path, "address"), problems),
        port=block.port,
        source=_source(block, path, problems),
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
}


def address(text: str, path: Path, problems: Problems) -> str:
    """An IP address as it is asked; names are refused, since then DNS would be asked first."""
    try:
        parsed = ip_address(text)
    except ValueError:
        problems.error(path, f"{quoted(text)} is not an IP address")
        return text
    if parsed.version == 6 and parsed.is_link_local and not getattr(parsed, "scope_id", None):
        problems.error(path, f"{text} is an address of one link: write {text}%INTERFACE")
    return str(parsed)


def _source(block: schema.TcpProbe, path: Path, problems: Problems) -> str | None:
    if block.source is UNSET:
        return None
    own = address(block.source, (*path, "source"), problems)
    if (":" in own) is not (":" in block.address):
        problems.error((*path, "source"), f"{own} is of another family than {block.address}")
    return own


def _check_exchange(block: schema.TcpProbe | schema.UnixProbe, path: Path, problems: Problems) -> None:
    if block.send is not UNSET and block.expect is UNSET:
        problems.error(
            (*path, "send"), "needs expect beside it: nobody would read the answer", (*path, "expect")
        )

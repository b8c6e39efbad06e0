"""How keepalived writes an address, a command, a moment."""

import time
from collections.abc import Iterable

from vrrpd_fast.model import Instance, VirtualAddress
from vrrpd_fast.spawn.command import words_of

SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}


def addresses(instance: Instance, virtuals: Iterable[VirtualAddress], is_set: bool) -> list[str]:
    """Lines of virtual_ipaddress, and whether they are on their interfaces, and shielded there."""
    marks = ["set"] if is_set else []
    if is_set and instance.is_shielded:
        marks.append("nftable_set")
    return [" ".join([*_address(virtual), *marks]) for virtual in virtuals]


def _address(virtual: VirtualAddress) -> list[str]:
    text = str(virtual.address)
    if virtual.prefixlen != virtual.address.max_prefixlen:
        text += f"/{virtual.prefixlen}"
    words = [text]
    if virtual.peer is not None:
        words += ("peer", f"{virtual.peer}/{virtual.peer_prefixlen}")
    if virtual.broadcast is not None:
        words += ("brd", str(virtual.broadcast))
    words += ("dev", virtual.dev, "scope", SCOPES.get(virtual.scope, str(virtual.scope)))
    if virtual.label is not None:
        words += ("label", virtual.label)
    if virtual.address.version == 6:
        if virtual.preferred_lft == 0:
            words.append("deprecated")
        else:
            lifetime = "forever" if virtual.preferred_lft is None else str(virtual.preferred_lft)
            words += ("preferred_lft", lifetime)
    for word in ("home", "mngtmpaddr", "noprefixroute", "autojoin"):
        if getattr(virtual, word):
            words.append(word)
    if not virtual.is_tracked:
        words.append("no_track")
    return words


def command(script: str) -> str:
    """A script line, each word in quotes."""
    try:
        words = words_of(script)
    except ValueError:
        return script
    return " ".join(f"'{word}'" for word in words)


def moment(seconds: float) -> str:
    """A time since 1970, also as people read it."""
    whole, us = divmod(round(seconds * 1_000_000), 1_000_000)
    local = time.localtime(whole)
    return f"{whole}.{us:06} ({time.strftime('%a %b %e %H:%M:%S', local)}.{us:06} {local.tm_year})"


def flag(value: bool) -> str:
    return "true" if value else "false"


def switch(value: bool) -> str:
    return "enabled" if value else "disabled"

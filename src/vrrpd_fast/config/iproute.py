"""Names that iproute2 has for numbers of routes and rules: tables, protocols, realms, scopes and so on.

They stand in files that administrators extend (/etc/iproute2/rt_tables and others, ip-route(8)).
"""

import os
from functools import lru_cache
from pathlib import Path

from vrrpd_fast.config.addresses import EntryError
from vrrpd_fast.config.problems import near, quoted

# Where iproute2 looks. A name may stand twice (FRR has another "static" among the protocols): the first
# counts, and what is built in before all.
DIRECTORIES = ("/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2")

TABLES = "rt_tables"
PROTOCOLS = "rt_protos"
REALMS = "rt_realms"
SCOPES = "rt_scopes"
DSFIELDS = "rt_dsfield"
GROUPS = "group"

# What holds where a file is missing (linux/rtnetlink.h).
_BUILT_IN = {
    TABLES: {"default": 253, "main": 254, "local": 255},
    PROTOCOLS: {"redirect": 1, "kernel": 2, "boot": 3, "static": 4, "ra": 9, "dhcp": 16, "keepalived": 18},
    REALMS: {"cosmos": 0},
    SCOPES: {"global": 0, "universe": 0, "site": 200, "link": 253, "host": 254, "nowhere": 255},
    DSFIELDS: {},
    GROUPS: {"default": 0},
}


def number(kind: str, text: str, most: int, key: str, least: int = 0) -> int:
    """A number written as such (decimal, 0x hexadecimal) or by its name; EntryError about `key`."""
    value = plain(text)
    if value is None:
        value = _BUILT_IN[kind].get(text)
    if value is None:
        names = _names(kind, _stamp(kind))
        value = names.get(text)
        if value is None:
            raise EntryError(
                f"{quoted(text)} is neither a number nor a name in {DIRECTORIES[0]}/{kind}"
                f"{near(text, names)}",
                key,
            )
    if not least <= value <= most:
        raise EntryError(f"{quoted(text)} is not in {least}..{most}", key)
    return value


def plain(text: str) -> int | None:
    """A number as C writes it, without sign; None when it is not one."""
    digits = text[2:] if text[:2] in ("0x", "0X") else text
    if not (text.isascii() and digits.isalnum() and len(text) <= 20):
        return None
    try:
        return int(digits, 10 if digits is text else 16)
    except ValueError:
        return None


def _files(kind: str) -> list[Path]:
    found = []
    for directory in DIRECTORIES:
        found += [Path(directory, kind), *sorted(Path(directory, f"{kind}.d").glob("*.conf"))]
    return found


def _stamp(kind: str) -> tuple[tuple[str, int], ...]:
    """By which a changed file is noticed at a reload."""
    stamp = []
    for path in _files(kind):
        try:
            stamp.append((str(path), os.stat(path).st_mtime_ns))
        except OSError:
            continue
    return tuple(stamp)


@lru_cache(maxsize=16)
def _names(kind: str, stamp: tuple[tuple[str, int], ...]) -> dict[str, int]:
    names = dict(_BUILT_IN[kind])
    for path, _ in stamp:
        try:
            lines = Path(path).read_text(errors="replace").splitlines()
        except OSError:
            continue
        for line in lines:
            words = line.partition("#")[0].split()
            if len(words) >= 2 and (value := plain(words[0])) is not None:
                names.setdefault(words[1], value)
    return names

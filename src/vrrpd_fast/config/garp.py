"""How often gratuitous ARP and unsolicited NA are sent: defaults, instances, limits by interface."""

import re

from msgspec import UNSET, Struct, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config.addresses import interface_fault
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import GarpGroup, GlobalDefs, VrrpInstance
from vrrpd_fast.config.schema.base import stated

_EXTRA_IF = re.compile(r"(?:all\s+)?([0-9]{1,5}(?:\.[0-9]{1,6})?)")
_LONGEST = 86400.0


class GarpDefaults(Struct, frozen=True, kw_only=True):
    """What global_defs says. The lower_prio ones follow the instance's own unless they are stated here."""

    garp: model.Garp
    lower_prio_delay: float | UnsetType
    lower_prio_repeat: int | UnsetType


def garp_defaults(block: GlobalDefs, problems: Problems) -> GarpDefaults:
    """vrrp_min_garp changes only what is not stated (man keepalived.conf)."""
    delay = stated(block.vrrp_garp_master_delay, 0.0 if block.vrrp_min_garp else 5.0)
    repeat = stated(block.vrrp_garp_master_repeat, 1 if block.vrrp_min_garp else 5)
    extra_if, extra_if_all = _extra_if(
        block.vrrp_garp_extra_if, ("global_defs", "vrrp_garp_extra_if"), problems
    )
    return GarpDefaults(
        garp=model.Garp(
            master_delay=delay,
            master_repeat=repeat,
            master_refresh=block.vrrp_garp_master_refresh,
            master_refresh_repeat=block.vrrp_garp_master_refresh_repeat,
            lower_prio_delay=stated(block.vrrp_garp_lower_prio_delay, delay),
            lower_prio_repeat=stated(block.vrrp_garp_lower_prio_repeat, repeat),
            extra_if=extra_if,
            extra_if_all=extra_if_all,
        ),
        lower_prio_delay=block.vrrp_garp_lower_prio_delay,
        lower_prio_repeat=block.vrrp_garp_lower_prio_repeat,
    )


def garp(
    block: VrrpInstance, defaults: GarpDefaults, strict: bool, path: Path, problems: Problems
) -> model.Garp:
    """The policy of one instance. Strict mode does not announce because of a losing master."""
    usual = defaults.garp
    delay = stated(block.garp_master_delay, usual.master_delay)
    repeat = stated(block.garp_master_repeat, usual.master_repeat)
    extra_if, extra_if_all = usual.extra_if, usual.extra_if_all
    if block.garp_extra_if is not UNSET:
        extra_if, extra_if_all = _extra_if(block.garp_extra_if, (*path, "garp_extra_if"), problems)
    lower_delay, lower_repeat = 0.0, 0
    if not strict:
        lower_delay = stated(block.garp_lower_prio_delay, stated(defaults.lower_prio_delay, delay))
        lower_repeat = stated(block.garp_lower_prio_repeat, stated(defaults.lower_prio_repeat, repeat))
    own = model.Garp(
        master_delay=delay,
        master_repeat=repeat,
        master_refresh=stated(block.garp_master_refresh, usual.master_refresh),
        master_refresh_repeat=stated(block.garp_master_refresh_repeat, usual.master_refresh_repeat),
        lower_prio_delay=lower_delay,
        lower_prio_repeat=lower_repeat,
        extra_if=extra_if,
        extra_if_all=extra_if_all,
    )
    return usual if own == usual else own


def _extra_if(value: float | str, path: Path, problems: Problems) -> tuple[float, bool]:
    """Seconds, and whether the instance's own interface counts too."""
    if not isinstance(value, str):
        return value, False
    found = _EXTRA_IF.fullmatch(value.strip())
    if found is None or float(found[1]) > _LONGEST:
        problems.malformed(path, f'{quoted(value)} is not a number of seconds or "all N" in 0..86400')
        return 0.0, False
    return float(found[1]), value.strip().startswith("all")


def pacing(groups: list[GarpGroup], block: GlobalDefs, problems: Problems) -> tuple[model.Pacing, ...]:
    """garp_group blocks, then vrrp_garp_interval and vrrp_gna_interval for all other interfaces."""
    usual = block.vrrp_garp_interval, block.vrrp_gna_interval
    limits = []
    grouped: dict[str, Path] = {}
    for index, group in enumerate(groups):
        path = ("garp_group", index)
        interfaces = _interfaces(group, path, grouped, problems)
        if group.garp_interval is UNSET and group.gna_interval is UNSET:
            problems.error(path, "needs garp_interval, gna_interval or both")
        limits.append(
            model.Pacing(
                interfaces=interfaces,
                garp_interval=stated(group.garp_interval, usual[0]),
                gna_interval=stated(group.gna_interval, usual[1]),
            )
        )
    if any(usual):
        limits.append(model.Pacing(garp_interval=usual[0], gna_interval=usual[1]))
    return tuple(limits)


def _interfaces(
    group: GarpGroup, path: Path, grouped: dict[str, Path], problems: Problems
) -> tuple[str, ...]:
    """The interfaces of a group; `grouped` remembers where each name stands."""
    places: list[tuple[str, Path]] = []
    if group.interface is not UNSET:
        places.append((group.interface, (*path, "interface")))
    if group.interfaces is not UNSET:
        places += [(name, (*path, "interfaces", index)) for index, name in enumerate(group.interfaces)]
    if not places:
        problems.error(path, "names no interface; say interface or interfaces")
    for name, where in places:
        if fault := interface_fault(name):
            problems.error(where, fault)
        first = grouped.setdefault(name, where)
        if first is not where:
            problems.error(where, f"{quoted(name)} is in a garp_group already", other=first)
    return tuple(name for name, _ in places)

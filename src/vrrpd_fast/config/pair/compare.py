"""Two configurations in, all that they disagree about out."""

import msgspec
from msgspec import Struct

from vrrpd_fast.config.pair.groups import of_groups
from vrrpd_fast.config.pair.matching import pair_up
from vrrpd_fast.config.pair.rules import Both, of_pair
from vrrpd_fast.config.pair.side import Difference, Side
from vrrpd_fast.config.problems import Path
from vrrpd_fast.model import Instance, Severity


class Comparison(Struct, frozen=True):
    """All that was found, and how many virtual routers are in both, only in the first, only in the second."""

    differences: list[Difference]
    counts: tuple[int, int, int]


def compare(first: Side, second: Side) -> Comparison:
    """What disagrees between two routers that should stand in for each other."""
    pairs, only_first, only_second = pair_up(first.config, second.config)
    found = [each for pair in pairs for each in of_pair(Both(first, second, *pair))]
    found += [_missing(first, second, each, is_first=True) for each in only_first]
    found += [_missing(second, first, each, is_first=False) for each in only_second]
    found += of_groups(first, second, pairs)
    found = _once_per_range(first, second, found)
    found.sort(key=lambda each: each.severity is not Severity.ERROR)  # stable: errors first
    return Comparison(found, (len(pairs), len(only_first), len(only_second)))


def _missing(having: Side, lacking: Side, instance: Instance, *, is_first: bool) -> Difference:
    place = having.place("vrrp_instance", instance.name, "virtual_router_id")
    has = f"{instance.virtual_router_id} on {instance.interface or 'no interface'}"
    lacks = f"none in {lacking.file}"
    return Difference(
        severity=Severity.ERROR,
        what="virtual_router_id",
        names=(instance.name, None) if is_first else (None, instance.name),
        values=(has, lacks) if is_first else (lacks, has),
        places=(place, None) if is_first else (None, place),
        consequence="nobody stands in when it fails",
    )


def _once_per_range(first: Side, second: Side, found: list[Difference]) -> list[Difference]:
    """Of virtual routers that come from the same ranges one is told, and how many more there are."""
    kept: dict[tuple[object, ...], Difference] = {}
    for each in found:
        sides = zip((first, second), each.names, strict=True)
        origins = tuple(name and _origin(side, name) for side, name in sides)
        key = (each.what, each.severity, each.consequence, *origins)
        kept[key] = msgspec.structs.replace(kept[key], more=kept[key].more + 1) if key in kept else each
    return list(kept.values())


def _origin(side: Side, name: str) -> Path:
    return side.form.origin(("vrrp_instance", name)) if name in side.config.instances else (name,)

"""What two routers disagree about in their sync groups."""

from collections.abc import Iterable, Iterator

from vrrpd_fast.config.pair.matching import Pair
from vrrpd_fast.config.pair.side import Difference, Side
from vrrpd_fast.model import Severity, SyncGroup


def of_groups(first: Side, second: Side, pairs: list[Pair]) -> Iterator[Difference]:
    there = {a.name: b.name for a, b in pairs}
    back = {b: a for a, b in there.items()}
    told: set[frozenset[str]] = set()
    for group in first.config.sync_groups.values():
        members = [name for name in group.members if name in there]
        told.add(frozenset(members))
        yield from _split(first, second, group, [there[name] for name in members], is_first=True)
        yield from _contradiction(first, second, group, [(name, there[name]) for name in members])
    for group in second.config.sync_groups.values():
        members = [back[name] for name in group.members if name in back]
        if frozenset(members) not in told:
            yield from _split(second, first, group, members, is_first=False)


def _split(
    having: Side, other: Side, group: SyncGroup, members: list[str], *, is_first: bool
) -> Iterator[Difference]:
    """Members that the other router does not keep together; `members` has its names for them."""
    of = {name: each.name for each in other.config.sync_groups.values() for name in each.members}
    if len(members) < 2 or len({of.get(name) or name for name in members}) == 1:
        return
    has = f"{group.name} keeps {_listed(group.members)} together"
    by_group: dict[str, list[str]] = {}
    for name in members:
        by_group.setdefault(f"group {of[name]}" if name in of else "none", []).append(name)
    lacks = ", ".join(f"{_listed(names)} in {where}" for where, names in by_group.items())
    places = (
        having.place("vrrp_sync_group", group.name, "group"),
        other.place("vrrp_sync_group", next((of[name] for name in members if name in of), ""), "group"),
    )
    yield Difference(
        severity=Severity.ERROR,
        what="vrrp_sync_group",
        names=(group.name, None) if is_first else (None, group.name),
        values=(has, lacks) if is_first else (lacks, has),
        places=places if is_first else places[::-1],
        consequence="after a failover one router may be MASTER of one part and the other of the rest",
    )


def _contradiction(
    first: Side, second: Side, group: SyncGroup, members: list[tuple[str, str]]
) -> Iterator[Difference]:
    """Members that one router should be MASTER of, and members that the other should."""
    here, there = first.config.instances, second.config.instances
    wins = [(a, b) for a, b in members if here[a].priority > there[b].priority]
    loses = [(a, b) for a, b in members if here[a].priority < there[b].priority]
    if wins and loses:
        (win, _), (loss, lost) = wins[0], loses[0]
        values = (
            f"{win} has {here[win].priority}, the higher one of the two",
            f"{lost} has {there[lost].priority}, the higher one of the two",
        )
        yield Difference(
            severity=Severity.ERROR,
            what=f"priorities in vrrp_sync_group {group.name}",
            names=(win, loss),
            values=values,
            places=(
                first.place("vrrp_instance", win, "priority"),
                second.place("vrrp_instance", lost, "priority"),
            ),
            consequence="the members pull the group to both routers, and it never comes to rest",
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)

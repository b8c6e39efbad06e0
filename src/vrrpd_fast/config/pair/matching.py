"""Which virtual router of one configuration is which of another, as two routers of a pair have them.

Names and interfaces are each router's own affair, and one VRID may be on many interfaces. So whatever two can
have in common is tried, the most telling first, and tells something only if nobody else has it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from ipaddress import ip_network

from vrrpd_fast.model import Config, Instance

Pair = tuple[Instance, Instance]


def pair_up(first: Config, second: Config) -> tuple[list[Pair], list[Instance], list[Instance]]:
    """The pairs, in the order of the first; then those that only the first has, and only the second."""
    partners: dict[str, Instance] = {}
    left, right = list(first.instances.values()), list(second.instances.values())
    for traits in _TRAITS:
        lone = _lone(right, traits)
        for trait, instance in _lone(left, traits).items():
            if trait in lone and instance.name not in partners:
                partners.setdefault(instance.name, lone[trait])
        taken = _without_sharing(partners)
        left = [each for each in left if each.name not in partners]
        right = [each for each in right if each.name not in taken]
    pairs = [(each, partners[each.name]) for each in first.instances.values() if each.name in partners]
    return pairs, left, right


def _without_sharing(partners: dict[str, Instance]) -> set[str]:
    """The names of all partners; who came second to one has none after all."""
    taken: set[str] = set()
    for name, partner in list(partners.items()):
        if partner.name in taken:
            del partners[name]
        taken.add(partner.name)
    return taken


def _lone(
    instances: Iterable[Instance], traits: Callable[[Instance], Iterable[Hashable]]
) -> dict[Hashable, Instance]:
    """By trait, who alone has it."""
    having: dict[Hashable, list[Instance]] = {}
    for instance in instances:
        for trait in dict.fromkeys(traits(instance)):
            having.setdefault(trait, []).append(instance)
    return {trait: found[0] for trait, found in having.items() if len(found) == 1}


def _addresses(instance: Instance) -> Iterator[Hashable]:
    for each in instance.virtual_addresses:
        yield instance.virtual_router_id, each.address


def _networks(instance: Instance) -> Iterator[Hashable]:
    """A host prefix tells no network, and a link-local one is everywhere."""
    for each in instance.virtual_addresses:
        if each.prefixlen < each.address.max_prefixlen and not each.address.is_link_local:
            network = ip_network((each.address, each.prefixlen), strict=False)
            yield instance.virtual_router_id, network


_TRAITS: tuple[Callable[[Instance], Iterable[Hashable]], ...] = (
    _addresses,
    lambda it: [(it.family, it.virtual_router_id, it.name)],
    _networks,
    lambda it: [(it.family, it.virtual_router_id, it.interface)],
    # From here on they do not understand each other.
    lambda it: [each.address for each in it.virtual_addresses],
    lambda it: [(it.family, it.name)],
    lambda it: [it.name],
    lambda it: [(it.family, it.virtual_router_id)],
)

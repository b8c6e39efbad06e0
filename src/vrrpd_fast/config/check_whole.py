"""What makes a resolved configuration wrong or doubtful as a whole: rules across virtual routers."""

from collections.abc import Iterable, Set

from vrrpd_fast.config.addresses import Address
from vrrpd_fast.config.check import NO_VIRTUAL_MAC
from vrrpd_fast.config.check_strict import check_defaults
from vrrpd_fast.config.problems import Problems
from vrrpd_fast.config.schema import GlobalDefs
from vrrpd_fast.config.tracking import DEFINITIONS
from vrrpd_fast.model import (
    NS_PER_CS,
    NS_PER_S,
    VRRP_GROUP4,
    VRRP_GROUP6,
    Config,
    Family,
    Instance,
    TrackKind,
)


def check_whole(config: Config, block: GlobalDefs, problems: Problems) -> None:
    """Rules across virtual routers, scripts and links; `block` tells what global_defs state."""
    if not config.instances:
        problems.warning(("vrrp_instance",), "there is none, so there is nothing to do")
    check_defaults(block, problems)
    if block.vrrp_garp_extra_if and not any(one.garp.extra_if_all for one in config.instances.values()):
        problems.warning(("global_defs", "vrrp_garp_extra_if"), NO_VIRTUAL_MAC)
    _check_unique(config, problems)
    used = {(track.kind, track.name) for one in config.instances.values() for track in one.tracks}
    _check_used(TrackKind.SCRIPT, config.scripts, used, problems)
    _check_used(TrackKind.FILE, config.files, used, problems)
    _check_used(TrackKind.PROBE, config.probes, used, problems)
    _check_used(TrackKind.PROCESS, config.processes, used, problems)
    _check_used(TrackKind.BFD, config.bfd, used, problems)
    if config.interface_delays:
        _check_delays(config, problems)


def _check_used(
    kind: TrackKind, defined: Iterable[str], used: Set[tuple[TrackKind, str]], problems: Problems
) -> None:
    for name in defined:
        if (kind, name) not in used:
            path = (DEFINITIONS[kind], name)
            problems.warning(path, "is tracked by no vrrp_instance", ("vrrp_instance",), at_key=True)


def _check_unique(config: Config, problems: Problems) -> None:
    """A VRID belongs to one virtual router for each interface, family and group, or unicast peer.

    keepalived tells several on one interface apart in the same way. What comes from a peer of one without an
    interface may arrive on any.
    """
    taken: dict[tuple[str, Family, int, Address], Instance] = {}
    unbound = False
    for instance in config.instances.values():
        if not instance.interface:
            unbound = True
        for far in _far_ends(instance):
            key = (instance.interface, instance.family, instance.virtual_router_id, far)
            first = taken.setdefault(key, instance)
            if first is not instance:
                _taken(instance, first, far, problems)
                break
    if not unbound:
        return
    for (interface, family, vrid, far), instance in taken.items():
        other = taken.get(("", family, vrid, far))
        if interface and other is not None:
            _taken(instance, other, far, problems)


def _far_ends(instance: Instance) -> Iterable[Address]:
    """Where its adverts go to, each of which tells it from others."""
    return (peer.address for peer in instance.unicast_peers) if instance.is_unicast else (instance.group,)


def _taken(instance: Instance, first: Instance, far: Address, problems: Problems) -> None:
    path, other = ("vrrp_instance", instance.name), ("vrrp_instance", first.name)
    link = f"on {first.interface}" if first.interface else "on every interface"
    if far not in (VRRP_GROUP4, VRRP_GROUP6):
        link += f" with {far}"
    causes = ("interface", "virtual_ipaddress", "unicast_peer")
    problems.error(
        (*path, "virtual_router_id"),
        f"{instance.virtual_router_id} {link} (IPv{instance.family:d}) "
        f"is already that of vrrp_instance {first.name}",
        *((*block, cause) for block in (path, other) for cause in causes),
        (*other, "virtual_router_id"),
        other=(*other, "virtual_router_id"),
    )


def _check_delays(config: Config, problems: Problems) -> None:
    """A link's delay ends before others take over, else two would be MASTER (man keepalived.conf)."""
    shortest: dict[str, tuple[float, str]] = {}
    watched: set[str] = set()
    for instance in config.instances.values():
        silence = (instance.down_timer_adverts - 1) * instance.advert_int_cs * NS_PER_CS / NS_PER_S
        known = shortest.get(instance.interface)
        if known is None or silence < known[0]:
            shortest[instance.interface] = silence, instance.name
        watched.update(track.name for track in instance.tracked(TrackKind.INTERFACE))
    for name, delay in config.interface_delays.items():
        path = ("interface_up_down_delays", name)
        if name not in shortest:
            if name not in watched:
                problems.warning(path, "is the interface of no vrrp_instance", at_key=True)
            continue
        silence, instance_name = shortest[name]
        longest = max(delay.down, delay.up)
        if longest >= silence:
            problems.error(
                path,
                f"{longest:g} s is not below the {silence:g} s of vrrp_instance {instance_name}, "
                "(down_timer_adverts - 1) times advert_int: others would be MASTER by then",
                *(("vrrp_instance", instance_name, key) for key in ("advert_int", "down_timer_adverts")),
            )

"""Rules on where adverts come from and go to: source addresses, multicast groups, unicast peers."""

from msgspec import UNSET

from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.schema import VrrpInstance
from vrrpd_fast.config.unicast import source_key
from vrrpd_fast.model import Instance

UNICAST_WORDS = ("unicast_src_ip", "unicast_ttl", "check_unicast_src")


def check_source(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    """The address that adverts come from."""
    source = instance.source_ip
    if source is None:
        if block.track_src_ip:
            key = "unicast_src_ip" if instance.is_unicast else "mcast_src_ip"
            problems.error(
                (*path, "track_src_ip"),
                f"needs {key}; the primary address of the interface is watched anyway",
                (*path, key),
            )
    elif source.version != instance.family:
        problems.error(
            (*path, source_key(block)),
            f"{source} is IPv{source.version} and the virtual addresses are IPv{instance.family:d}",
            (*path, "virtual_ipaddress"),
        )


def check_multicast(block: VrrpInstance, path: Path, problems: Problems) -> None:
    """Words of unicast in a multicast instance."""
    peers = (*path, "unicast_peer")
    if block.unicast_src_ip is not UNSET:
        problems.error(
            (*path, "unicast_src_ip"),
            "needs unicast_peer; the source of multicast adverts is mcast_src_ip",
            peers,
        )
    if block.unicast_ttl is not UNSET:
        problems.error((*path, "unicast_ttl"), "needs unicast_peer; multicast adverts always have 255", peers)
    if block.unicast_fault_no_peer:
        problems.error((*path, "unicast_fault_no_peer"), "needs unicast_peer, which may be empty then", peers)
    if block.check_unicast_src is not UNSET:
        problems.warning((*path, "check_unicast_src"), "has an effect with unicast_peer only", peers)


def check_unicast(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    """A unicast instance as a whole; unicast.py judges each peer."""
    peers_path = (*path, "unicast_peer")
    if not block.unicast_peer and not block.unicast_fault_no_peer:
        problems.error(
            peers_path,
            "is empty; leave it out for multicast, list the other routers, or say unicast_fault_no_peer",
        )
    if block.mcast_src_ip is not UNSET:
        problems.error(
            (*path, "mcast_src_ip"), "is for multicast; with unicast_peer say unicast_src_ip", peers_path
        )
    if block.mcast_dst_ip is not UNSET:
        problems.error((*path, "mcast_dst_ip"), "is for multicast; keep this or unicast_peer", peers_path)
    limited = any(peer.is_limited for peer in instance.unicast_peers)
    if block.check_unicast_src is False and limited:
        problems.error(
            (*path, "check_unicast_src"),
            "false contradicts min_ttl and max_ttl of unicast_peer, which need it",
            peers_path,
        )

"""What makes a resolved virtual router wrong or doubtful: rules on combinations, for every file form."""

from ipaddress import IPv6Address

from msgspec import UNSET

from vrrpd_fast.config.addresses import interface_fault
from vrrpd_fast.config.check_strict import check_strict
from vrrpd_fast.config.check_unicast import UNICAST_WORDS, check_multicast, check_source, check_unicast
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.schema import Authentication, VrrpInstance
from vrrpd_fast.model import Family, Instance

NO_VIRTUAL_MAC = 'has an effect on interfaces with a virtual MAC only, which are not served yet; say "all N"'

# An advert is one datagram that is not fragmented. Where the MTU is smaller, the kernel says so at run time.
_MTU = 1500
_IP_HEADER = {Family.IPV4: 20, Family.IPV6: 40}
_ADDRESS_SIZE = {Family.IPV4: 4, Family.IPV6: 16}
_VRRP_HEADER = 8
_VERSION_2_TRAILER = 8  # authentication data (RFC 3768 5.3.10)
_MOST_BY_COUNT_FIELD = 255


def most_addresses(family: Family, version: int) -> int:
    """How many addresses one advert can list (RFC 9568 5.2.5, MTU 1500)."""
    room = _MTU - _IP_HEADER[family] - _VRRP_HEADER - (_VERSION_2_TRAILER if version == 2 else 0)
    return min(_MOST_BY_COUNT_FIELD, room // _ADDRESS_SIZE[family])


def check_instance(instance: Instance, block: VrrpInstance, problems: Problems) -> None:
    """Rules on one virtual router; `block` tells what was stated and what is a default."""
    path = ("vrrp_instance", instance.name)
    _check_interface(instance, block, path, problems)
    _check_addresses(instance, block, path, problems)
    if instance.is_owner:
        _check_owner(instance, block, path, problems)
    elif not instance.preempt or instance.preempt_delay:
        _check_preempt(instance, block, path, problems)
    check_source(instance, block, path, problems)
    if block.unicast_peer is not UNSET:
        check_unicast(instance, block, path, problems)
    elif any(getattr(block, key) is not UNSET for key in UNICAST_WORDS) or block.unicast_fault_no_peer:
        check_multicast(block, path, problems)
    if instance.strict:
        check_strict(instance, block, path, problems)
    if block.no_accept and block.accept is True:
        problems.error((*path, "accept"), "contradicts no_accept; keep one of them", (*path, "no_accept"))
    if block.authentication is not UNSET:
        _check_authentication(instance, block.authentication, (*path, "authentication"), problems)
    _check_effects(instance, block, path, problems)


def _check_effects(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    """What is stated and changes nothing."""
    if block.checksum is not UNSET and (instance.version != 3 or instance.family is not Family.IPV4):
        problems.warning((*path, "checksum"), "has an effect in version 3 over IPv4 only", (*path, "version"))
    if instance.check_addresses and instance.version != 3:
        problems.warning((*path, "check_addresses"), "has an effect in version 3 only", (*path, "version"))
    if block.owner_ignore_adverts is True and not instance.is_owner:
        problems.warning(
            (*path, "owner_ignore_adverts"),
            "has an effect with priority 255 only",
            (*path, "priority"),
            (*path, "state"),
        )
    if block.garp_extra_if is not UNSET and instance.garp.extra_if and not instance.garp.extra_if_all:
        problems.warning((*path, "garp_extra_if"), NO_VIRTUAL_MAC)
    if block.debug is not UNSET:
        problems.warning(
            (*path, "debug"), "has no effect, as in keepalived; --log-level tells how much is logged"
        )


def _check_preempt(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    delay = (*path, "preempt_delay")
    if instance.preempt_delay and not instance.preempt:
        problems.error(delay, "has no meaning with nopreempt; keep one of them", (*path, "nopreempt"))
    elif block.state == "MASTER":
        where = delay if instance.preempt else (*path, "nopreempt")
        problems.error(where, "has no meaning with state MASTER; leave state out", (*path, "state"))


def _check_interface(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    where = (*path, "interface")
    if block.interface is UNSET:
        _check_no_interface(instance, where, problems)
    elif fault := interface_fault(instance.interface):
        problems.error(where, fault)
    elif instance.interface == "lo":
        problems.error(where, "lo reaches no other router")


def _check_no_interface(instance: Instance, where: Path, problems: Problems) -> None:
    """Only unicast can do without an interface, and only where nothing else needs one."""
    path = where[:-1]
    if not instance.is_unicast:
        problems.error(where, "is missing", (*path, "unicast_peer"), at_key=True)
        return
    lists = (
        ("virtual_ipaddress", instance.virtual_addresses),
        ("virtual_ipaddress_excluded", instance.excluded_addresses),
    )
    for key, addresses in lists:
        for index, address in enumerate(addresses):
            if not address.dev:
                problems.error(
                    (*path, key, index),
                    f"{address} needs a dev, as the instance has no interface",
                    where,
                    (*path, key),
                )
    local = [peer.address for peer in instance.unicast_peers]
    local += [] if instance.source_ip is None else [instance.source_ip]
    for one in local:
        if one.is_link_local:
            problems.error(where, f"is missing: {one} is an address of one link only", at_key=True)
            return


def _check_addresses(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    where = (*path, "virtual_ipaddress")
    if not instance.virtual_addresses:
        problems.error(where, "needs at least one address, which the adverts list")
        return
    family, version = instance.family, instance.version
    if block.version is not UNSET and block.version == 2 and family is Family.IPV6:
        problems.error((*path, "version"), "2 has no IPv6; say 3 or leave it out", where)
        return
    for index, address in enumerate(instance.virtual_addresses):
        if address.family is not family:
            problems.error(
                (*where, index),
                f"{address.address} is IPv{address.family:d} and the first address is IPv{family:d}: an "
                "advert lists one family; put it into virtual_ipaddress_excluded or an instance of its own",
                where,
            )
    most = most_addresses(family, version)
    if len(instance.virtual_addresses) > most:
        problems.error(
            where,
            f"{len(instance.virtual_addresses)} addresses, an advert has room for {most}; "
            "move the others to virtual_ipaddress_excluded",
        )
    first = instance.virtual_addresses[0].address
    if isinstance(first, IPv6Address) and not first.is_link_local and not instance.strict:
        problems.warning(
            (*where, 0),
            f"{first}: the first IPv6 address should be link-local (RFC 9568 5.2.9), like fe80::1",
        )


def _check_owner(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    why = (
        "the owner (priority 255)"
        if block.priority is not UNSET
        else "state MASTER without a priority (so 255)"
    )
    causes = ((*path, "priority"), (*path, "state"))
    for key, stated in (("nopreempt", not instance.preempt), ("preempt_delay", instance.preempt_delay > 0)):
        if stated:
            problems.error((*path, key), f"has no meaning for {why}, which always preempts", *causes)
    if not instance.accept:
        key = "no_accept" if block.no_accept else "accept"
        problems.error((*path, key), f"has no meaning for {why}, which always accepts", *causes)
    for kind in dict.fromkeys(track.kind for track in instance.tracks if track.weight):
        problems.error(
            (*path, f"track_{kind}"),
            f"a weight cannot move the priority of {why}; take weight 0 (FAULT) or a priority below 255",
            *causes,
        )


def _check_authentication(instance: Instance, block: Authentication, where: Path, problems: Problems) -> None:
    if instance.version != 2:
        remedy = "leave it out, or say version 2" if instance.family is Family.IPV4 else "leave it out"
        problems.error(where, f"is of version 2 only; {remedy}", (*where[:-1], "version"))
    if block.auth_type == "AH":
        problems.error(
            (*where, "auth_type"),
            "AH is not served: no router has it since RFC 3768; take PASS or leave it out",
        )
    if len(instance.auth_pass) > 8:
        problems.error(
            (*where, "auth_pass"),
            f"has {len(instance.auth_pass)} bytes and an advert has room for 8; "
            "keepalived sends the first 8 of such a password, so write those",
        )

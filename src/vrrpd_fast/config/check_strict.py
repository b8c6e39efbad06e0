"""What strict mode forbids (vrrp_strict in keepalived.conf(5)): all that the RFC does not have."""

from ipaddress import IPv6Address

from msgspec import UNSET

from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.schema import GlobalDefs, VrrpInstance
from vrrpd_fast.model import Instance

# Words of an instance, the only value they may have if they are stated, and why.
FORCED = (
    ("down_timer_adverts", 3, "the RFC has 3"),
    ("lower_prio_no_advert", True, "the RFC does not answer a losing master"),
    ("higher_prio_send_advert", False, "the RFC has no such advert"),
    ("owner_ignore_adverts", True, "there is only one owner"),
    ("garp_lower_prio_delay", 0, "the RFC announces addresses once, when it becomes master"),
    ("garp_lower_prio_repeat", 0, "the RFC announces addresses once, when it becomes master"),
)


def check_defaults(block: GlobalDefs, problems: Problems) -> None:
    """Global defaults that contradict vrrp_strict beside them."""
    if block.vrrp_strict:
        _check_forced(block, "vrrp_", ("global_defs",), ("global_defs", "vrrp_strict"), problems)


def check_strict(instance: Instance, block: VrrpInstance, path: Path, problems: Problems) -> None:
    """Rules on one virtual router in strict mode; the addresses are there and of one family."""
    why = ("global_defs", "vrrp_strict") if block.strict_mode is UNSET else (*path, "strict_mode")
    _check_forced(block, "", path, why, problems)
    forbidden = (
        ("unicast_peer", block.unicast_peer is not UNSET, "the RFC has multicast only"),
        ("authentication", block.authentication is not UNSET, "the RFC has none"),
        ("preempt_delay", block.preempt_delay > 0, "the RFC preempts at once"),
        (
            "accept",
            block.accept is True and instance.version == 2 and not instance.is_owner,
            "only the owner accepts packets in version 2",
        ),
    )
    for key, stated, reason in forbidden:
        if stated:
            problems.error((*path, key), f"is against strict mode: {reason}; leave it out, or {why[-1]}", why)
    if block.state is not UNSET and (block.state == "MASTER") != instance.is_owner:
        meant = "priority 255" if block.state == "MASTER" else "a priority below 255"
        problems.error(
            (*path, "state"),
            f"{block.state} is against strict mode without {meant}",
            why,
            (*path, "priority"),
        )
    first = instance.virtual_addresses[:1]
    if first and isinstance(address := first[0].address, IPv6Address) and not address.is_link_local:
        problems.error(
            (*path, "virtual_ipaddress", 0),
            f"{address} is against strict mode: the first IPv6 address has to be link-local "
            "(RFC 9568 5.2.9), like fe80::1",
            why,
        )


def _check_forced(
    block: GlobalDefs | VrrpInstance, prefix: str, path: Path, why: Path, problems: Problems
) -> None:
    for word, only, reason in FORCED:
        key = prefix + word
        value = getattr(block, key)
        if value is not UNSET and value != only:
            shown = str(value).lower() if isinstance(value, bool) else f"{value:g}"
            problems.error(
                (*path, key), f"{shown} is against strict mode: {reason}; leave it out, or {why[-1]}", why
            )

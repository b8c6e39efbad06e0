"""Routes and rules of a lab node, as far as a virtual router carries them."""

from typing import Any

from lab.kit.net import Net

OURS = "112"
KEEPALIVED = "keepalived"


def routes(net: Net, node: str, family: int = 4, owner: str = OURS) -> list[dict[str, Any]]:
    """In all tables, those that carry the owner's protocol; without that, so that owners can be compared."""
    shown = net.ip_json(node, f"-{family}", "-d", "route", "show", "table", "all", "proto", owner)
    found = [{key: value for key, value in each.items() if key != "protocol"} for each in shown]
    unique = {str(each): each for each in found}  # ip shows IPv6 routes of all tables twice
    return sorted(unique.values(), key=str)


def destinations(net: Net, node: str, family: int = 4, owner: str = OURS) -> set[str]:
    return {str(each["dst"]) for each in routes(net, node, family, owner)}


def rules(net: Net, node: str, family: int = 4) -> list[dict[str, Any]]:
    """All but the kernel's own, without their protocol."""
    shown = net.ip_json(node, f"-{family}", "-d", "rule", "show")
    return [
        {key: value for key, value in each.items() if key != "protocol"}
        for each in shown
        if each.get("protocol") != "kernel"
    ]


def preferences(net: Net, node: str, family: int = 4) -> set[int]:
    return {int(each["priority"]) for each in rules(net, node, family)}

"""Which virtual routers a command is about: names and patterns, interfaces, states, VRIDs, sync groups."""

import argparse
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any

STATES = ("INIT", "BACKUP", "MASTER", "FAULT")

Instance = dict[str, Any]


def add_filters(parser: argparse.ArgumentParser, *, names: bool = True) -> None:
    """The options of a Selection; repeated ones of a kind mean any of them, different kinds all of them."""
    if names:
        parser.add_argument(
            "names", metavar="NAME", nargs="*", help="only these; may be patterns such as 'lan*'"
        )
    parser.add_argument(
        "--interface",
        metavar="NAME",
        action="append",
        default=[],
        help="only on this one, or a pattern of them",
    )
    parser.add_argument(
        "--state",
        metavar="STATE",
        action="append",
        default=[],
        type=state,
        help="only in this state: INIT, BACKUP, MASTER or FAULT",
    )
    parser.add_argument(
        "--vrid",
        metavar="N",
        action="append",
        default=[],
        type=_vrids,
        help="only this VRID, or a range such as 10-19",
    )
    parser.add_argument(
        "--group",
        metavar="NAME",
        action="append",
        default=[],
        help="only of this sync group, or a pattern of them",
    )


def state(text: str) -> str:
    """An argument that is a state."""
    if text.upper() not in STATES:
        raise argparse.ArgumentTypeError(f"{text!r} is no state: {', '.join(STATES)}")
    return text.upper()


def _vrids(text: str) -> range:
    first, dash, last = text.partition("-")
    try:
        found = range(int(first), int(last if dash else first) + 1)
    except ValueError:
        found = range(0)
    if not found or found[0] < 1 or found[-1] > 255:
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a VRID (1 to 255) nor a range of them such as 10-19"
        )
    return found


class Selection:
    """What the options say; an empty one means everything."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.names: list[str] = getattr(arguments, "names", [])
        self._interfaces: list[str] = arguments.interface
        self._groups: list[str] = arguments.group
        self._states: frozenset[str] = frozenset(arguments.state)
        self._vrids: frozenset[int] = frozenset().union(*arguments.vrid)

    @property
    def is_everything(self) -> bool:
        return not (self.names or self._interfaces or self._groups or self._states or self._vrids)

    @property
    def exact_names(self) -> list[str] | None:
        """The names, if no other instance can be meant; None if one can, or if all are."""
        return None if not self.names or any(map(has_pattern, self.names)) else self.names

    def of(self, instances: Sequence[Instance]) -> tuple[list[Instance], list[str]]:
        """Those that are meant, and the names that mean none. An exact name goes before a pattern."""
        missing: list[str] = []
        if self.names:
            chosen, missing = matching([each["name"] for each in instances], self.names)
            instances = [each for each in instances if each["name"] in chosen]
        return [each for each in instances if self._has_traits(each)], missing

    def _has_traits(self, each: Instance) -> bool:
        return (
            _any_matches(self._interfaces, each["interface"])
            and _any_matches(self._groups, each.get("group") or "")
            and (not self._states or each["state"] in self._states)
            and (not self._vrids or each["virtual_router_id"] in self._vrids)
        )


def has_pattern(name: str) -> bool:
    """Whether it may mean several."""
    return not {"*", "?", "["}.isdisjoint(name)


def matching(known: Iterable[str], names: Iterable[str]) -> tuple[set[str], list[str]]:
    """Those of `known` that the names and patterns mean, and the ones that mean none."""
    known = set(known)
    chosen: set[str] = set()
    missing = []
    for name in names:
        found = {name} & known or {each for each in known if fnmatchcase(each, name)}
        chosen |= found
        if not found:
            missing.append(name)
    return chosen, missing


def _any_matches(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(text == pattern or fnmatchcase(text, pattern) for pattern in patterns)

"""What a MASTER carries: the lists of addresses, routes and rules of each instance, entry by entry."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from vrrpd_fast import model
from vrrpd_fast.config.addresses import Address, EntryError, virtual_address
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.config.rules import Numbering, parse_rule
from vrrpd_fast.config.schema import AddressEntry

T = TypeVar("T")


class Carried:
    """Remembers who has which address, and which preferences of rules are taken."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._carried: dict[tuple[str, Address], Path] = {}
        self._numbering = Numbering()

    def addresses(
        self, entries: Sequence[str | AddressEntry], interface: str, path: Path
    ) -> tuple[model.VirtualAddress, ...]:
        addresses = []
        for index, entry in enumerate(entries):
            try:
                address = virtual_address(entry, interface)
            except EntryError as error:
                if isinstance(entry, str) or error.key is None:
                    self._problems.malformed((*path, index), error.in_line)
                else:
                    self._problems.malformed((*path, index, error.key), str(error))
                continue
            addresses.append(address)
            if not address.dev:
                continue  # judged in check.py
            where = (*path, index)
            first = self._carried.setdefault((address.dev, address.address), where)
            if first is not where:
                self._problems.error(
                    where,
                    f"{address.address} on {address.dev} is already an address of "
                    f"{'this instance' if first[1] == path[1] else f'vrrp_instance {first[1]}'}",
                    (*path[:2], "interface"),
                    other=first,
                )
        return tuple(addresses)

    def routes(self, lines: Iterable[str], path: Path) -> tuple[model.VirtualRoute, ...]:
        """virtual_routes of the instance at `path`."""
        return tuple(route for _, route in self._parsed(parse_route, lines, (*path, "virtual_routes")))

    def rules(self, lines: Iterable[str], path: Path) -> tuple[model.VirtualRule, ...]:
        """virtual_rules of the instance at `path`; a preference that is not stated is chosen and told."""
        rules = []
        for where, rule in self._parsed(parse_rule, lines, (*path, "virtual_rules")):
            numbered = self._numbering.number(rule)
            if rule.preference is None:
                self._problems.warning(
                    where,
                    f"has no preference, so it gets {numbered.preference}, which changes with rules "
                    "before it; state one",
                )
            rules.append(numbered)
        return tuple(rules)

    def _parsed(
        self, parse: Callable[[str], T], lines: Iterable[str], path: Path
    ) -> Iterator[tuple[Path, T]]:
        """Each line that can be used, with its place."""
        for index, line in enumerate(lines):
            where = (*path, index)
            try:
                yield where, parse(line)
            except EntryError as error:
                self._problems.malformed(where, error.in_line)

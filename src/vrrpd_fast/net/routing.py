"""Routes and rules of one virtual router, as messages that are ready before they are needed."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from vrrpd_fast.model import VirtualRoute, VirtualRule
from vrrpd_fast.net import routes, rules
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.routes import PreparedRoute
from vrrpd_fast.net.rules import PreparedRule

Entry = PreparedRoute | PreparedRule


class PreparedRouting:
    """Routes, then rules, each in the order of its configuration; false when there are none.

    `index_of` names the index of an interface, `vrf_table` the table of a VRF device; None: there is none.
    """

    def __init__(
        self,
        virtual_routes: Sequence[VirtualRoute],
        virtual_rules: Sequence[VirtualRule],
        index_of: Callable[[str], int | None],
        vrf_table: Callable[[str], int | None],
    ) -> None:
        self._index_of = index_of
        self._vrf_table = vrf_table
        self._routes = {route: self._prepare(route) for route in virtual_routes}
        self._rules = [rules.prepare(rule) for rule in virtual_rules]
        self._select()

    def __bool__(self) -> bool:
        return bool(self._routes or self._rules)

    def retarget(self, dev: str) -> None:
        """An interface came, went or has another index."""
        concerned = [route for route in self._routes if dev in route.devices]
        for route in concerned:
            self._routes[route] = self._prepare(route)
        if concerned:
            self._select()

    @property
    def additions(self) -> Sequence[Carried]:
        """What to add, in order: that whose interfaces exist."""
        return self._entries

    @property
    def removals(self) -> Sequence[Carried]:
        """What to remove, last to first."""
        return self._entries[::-1]

    def without(self, kept: Iterable[VirtualRoute | VirtualRule]) -> Sequence[Carried]:
        """Removals of what is not in another configuration."""
        staying = set(kept)
        return [each for each in self._entries[::-1] if _origin(each) not in staying]

    def wanted(self, dev: str | None = None) -> Sequence[Carried]:
        """What is to be there although someone or something removed it: all but no_track.

        With an interface that has come (back), also what needs that.
        """
        return [each for each in self._entries if each.is_tracked or dev in each.devices]

    def find(self, key: Hashable) -> Sequence[Entry]:
        """Tracked ones that are known to the kernel by this."""
        return [each for each in self._by_key.get(key, ()) if each.is_tracked]

    def _prepare(self, route: VirtualRoute) -> PreparedRoute | None:
        return routes.prepare(route, self._index_of, self._vrf_table)

    def _select(self) -> None:
        self._entries: list[Entry] = [each for each in self._routes.values() if each is not None]
        self._entries += self._rules
        self._by_key: dict[Hashable, list[Entry]] = {}
        for each in self._entries:
            self._by_key.setdefault(each.key, []).append(each)


def _origin(entry: Entry) -> VirtualRoute | VirtualRule:
    return entry.route if isinstance(entry, PreparedRoute) else entry.rule

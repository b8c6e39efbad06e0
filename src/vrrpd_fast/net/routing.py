"""Routes and rules of one virtual router, as messages that are ready before they are needed."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from vrrpd_fast.model import VirtualRoute, VirtualRule
from vrrpd_fast.net import routes, rules
from vrrpd_fast.net.carried import Carried
from vrrpd_fast.net.routes import PreparedRoute
from vrrpd_fast.net.rules import PreparedRule

Entry = PreparedRoute | PreparedRule


class PreparedRouting:
    """Routes, then rules, each in the order of its configuration; `is_empty` when there are none.

    A route takes 15 µs to prepare. Whoever has time has some prepared at a time; whoever asks for entries
    gets all. What `former` has prepared of the same lines is taken over.
    `index_of` names the index of an interface, `vrf_table` the table of a VRF device; None: there is none.
    """

    def __init__(
        self,
        virtual_routes: Sequence[VirtualRoute],
        virtual_rules: Sequence[VirtualRule],
        index_of: Callable[[str], int | None],
        vrf_table: Callable[[str], int | None],
        former: "PreparedRouting | None" = None,
    ) -> None:
        self._index_of = index_of
        self._vrf_table = vrf_table
        self._routes = list(dict.fromkeys(virtual_routes))
        self._indexes = {dev: index_of(dev) for route in self._routes for dev in route.devices}
        self._prepared: dict[VirtualRoute, PreparedRoute | None] = {}
        if former is not None and former._routes:
            kept = former._prepared
            self._prepared = {route: kept[route] for route in self._routes if route in kept}
        self._rules = [rules.prepare(rule) for rule in dict.fromkeys(virtual_rules)]
        self.is_empty = not (self._routes or self._rules)
        self._waiting = [route for route in reversed(self._routes) if route not in self._prepared]
        self._select()

    def prepare(self, most: int) -> bool:
        """Prepare some more; whether there are more."""
        for _ in range(min(most, len(self._waiting))):
            route = self._waiting.pop()
            self._prepared[route] = routes.prepare(route, self._index_of, self._vrf_table)
        if not self._waiting:
            self._select()
        return bool(self._waiting)

    def retarget(self, dev: str) -> None:
        """An interface came, went or has another index."""
        index = self._index_of(dev)
        if dev not in self._indexes or self._indexes[dev] == index:
            return
        self._indexes[dev] = index
        for route in self._routes:
            if dev in route.devices:
                self._prepared.pop(route, None)
        self._waiting = [route for route in reversed(self._routes) if route not in self._prepared]

    @property
    def entries(self) -> Sequence[Entry]:
        """That whose interfaces exist, in the order in which it is added."""
        if self._waiting:
            self.prepare(len(self._waiting))
        return self._entries

    @property
    def removals(self) -> Sequence[Carried]:
        """What to remove, last to first."""
        return self.entries[::-1]

    def without(self, kept: Iterable[VirtualRoute | VirtualRule]) -> Sequence[Carried]:
        """Removals of what is not in another configuration."""
        staying = set(kept)
        return [each for each in self.entries[::-1] if _origin(each) not in staying]

    def wanted(self, dev: str | None = None) -> Sequence[Carried]:
        """What is to be there although someone or something removed it: all but no_track.

        With an interface that has come (back), also what needs that.
        """
        return [each for each in self.entries if each.is_tracked or dev in each.devices]

    def find(self, key: Hashable) -> Sequence[Entry]:
        """Tracked ones that are known to the kernel by this."""
        if self._waiting:
            self.prepare(len(self._waiting))
        return [each for each in self._by_key.get(key, ()) if each.is_tracked]

    def _select(self) -> None:
        prepared = (self._prepared.get(route) for route in self._routes)
        self._entries: list[Entry] = [each for each in prepared if each is not None]
        self._entries += self._rules
        self._by_key: dict[Hashable, list[Entry]] = {}
        for each in self._entries:
            self._by_key.setdefault(each.key, []).append(each)


def _origin(entry: Entry) -> VirtualRoute | VirtualRule:
    return entry.route if isinstance(entry, PreparedRoute) else entry.rule

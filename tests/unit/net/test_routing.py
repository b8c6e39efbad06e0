"""Which routes and rules of a virtual router can be had, prepared when there is time."""

from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.config.rules import parse_rule
from vrrpd_fast.net.routes import PreparedRoute
from vrrpd_fast.net.routing import PreparedRouting

ONE, TWO, THREE = map(
    parse_route, ("10.1.0.0/16 dev a", "10.2.0.0/16 via 10.0.0.2 dev b no_track", "blackhole 10.3.0.0/16")
)
RULE = parse_rule("from 10.1.0.0/16 table 5 preference 7")


class Links:
    def __init__(self, **indexes: int) -> None:
        self.indexes = indexes
        self.asked = 0

    def __call__(self, name: str) -> int | None:
        self.asked += 1
        return self.indexes.get(name)


def prepared(links: Links, former: PreparedRouting | None = None) -> PreparedRouting:
    return PreparedRouting([ONE, TWO, THREE], [RULE], links, lambda name: None, former)


def texts(found: object) -> list[str]:
    assert isinstance(found, list)
    return [str(each) for each in found]


def test_routes_before_rules_and_back() -> None:
    routing = prepared(Links(a=1, b=2))
    everything = [str(each) for each in (ONE, TWO, THREE, RULE)]
    assert texts(routing.entries) == everything
    assert texts(routing.removals) == everything[::-1]
    assert not routing.is_empty
    assert PreparedRouting([], [], Links(), lambda name: None).is_empty


def test_a_route_waits_for_its_interface() -> None:
    links = Links(a=1)
    routing = prepared(links)
    assert texts(routing.entries) == [str(ONE), str(THREE), str(RULE)]
    links.indexes["b"] = 9
    routing.retarget("b")
    assert texts(routing.entries) == [str(each) for each in (ONE, TWO, THREE, RULE)]
    del links.indexes["a"]
    routing.retarget("a")
    assert texts(routing.entries) == [str(TWO), str(THREE), str(RULE)]


def test_a_link_that_only_goes_down_and_up_costs_nothing() -> None:
    routing = prepared(Links(a=1, b=2))
    before = [id(each) for each in routing.entries]
    routing.retarget("a")
    routing.retarget("elsewhere")
    assert [id(each) for each in routing.entries] == before


def test_some_at_a_time() -> None:
    links = Links(a=1, b=2)
    routing = prepared(links)
    asked = links.asked
    assert routing.prepare(1)
    assert links.asked == asked + 1
    assert routing.prepare(1)
    assert not routing.prepare(10)
    assert len(routing.entries) == 4


def test_what_a_reload_keeps_is_not_prepared_again() -> None:
    links = Links(a=1, b=2)
    former = prepared(links)
    kept = {str(each): id(each) for each in former.entries if isinstance(each, PreparedRoute)}
    routing = prepared(links, former)
    assert not routing.prepare(0)
    assert {str(each): id(each) for each in routing.entries if isinstance(each, PreparedRoute)} == kept
    assert texts(former.without([ONE, THREE, RULE])) == [str(TWO)]


def test_what_is_to_be_there_whatever_happens() -> None:
    routing = prepared(Links(a=1, b=2))
    assert texts(routing.wanted()) == [str(ONE), str(THREE), str(RULE)]
    assert texts(routing.wanted("b")) == [str(each) for each in (ONE, TWO, THREE, RULE)]


def test_entries_are_found_by_what_the_kernel_tells() -> None:
    routing = prepared(Links(a=1, b=2))
    assert texts(routing.find((4, 254, bytes((10, 1, 0, 0)), 16, 0, 0))) == [str(ONE)]
    assert routing.find((4, 254, bytes((10, 2, 0, 0)), 16, 0, 0)) == []  # no_track
    assert texts(routing.find((4, 7))) == [str(RULE)]
    assert routing.find((6, 7)) == []

"""Routes and rules that somebody removes, as the kernel tells of them."""

import asyncio
from collections.abc import Hashable

from lab.kit.netns import closed_later, in_new_namespace, ip, show
from vrrpd_fast.config.routes import parse_route
from vrrpd_fast.config.rules import parse_rule
from vrrpd_fast.net import carried
from vrrpd_fast.net.netlink import Netlink
from vrrpd_fast.net.removals import RemovalMonitor
from vrrpd_fast.net.routing import PreparedRouting

ROUTES = ["10.1.0.0/16 dev lo", "10.2.0.0/16 dev lo table 300 metric 5", "2001:db8::/32 dev lo protocol 42"]
RULES = ["from 10.1.0.0/16 table 5 preference 7", "from 2001:db8::/32 table 5 preference 8"]


def prepare(routes: list[str], rules: list[str]) -> PreparedRouting:
    return PreparedRouting(
        [parse_route(text) for text in routes],
        [parse_rule(text) for text in rules],
        lambda _: 1,
        lambda _: None,
    )


class Listener:
    """A monitor on a loop of its own, and what it has told."""

    def __init__(self, netlink: Netlink) -> None:
        self.heard: list[Hashable] = []
        self.overruns = 0
        self.loop = asyncio.new_event_loop()
        self.monitor = RemovalMonitor(self.loop, {netlink.port_id}, self.heard.append, self._overrun)

    def _overrun(self) -> None:
        self.overruns += 1

    def listen(self, count: int) -> list[Hashable]:
        """What was told since, `count` of them at least."""

        async def wait() -> None:
            async with asyncio.timeout(10):
                while len(self.heard) < count:
                    await asyncio.sleep(0.001)

        self.loop.run_until_complete(wait())
        heard, self.heard[:] = list(self.heard), []
        return heard

    def close(self) -> None:
        self.monitor.close()
        self.monitor.close()
        self.loop.close()


@in_new_namespace
def test_what_others_remove_is_told_by_its_key_and_our_own_doing_is_not() -> None:
    ip("link set lo up")
    netlink = closed_later(Netlink())
    listener = closed_later(Listener(netlink))
    listener.monitor.listen_to({112, 42})
    routing = prepare(ROUTES, RULES)
    assert carried.add(netlink, routing.entries) == []
    assert carried.remove(netlink, routing.removals, lambda each: None) == []
    assert carried.add(netlink, routing.entries) == []
    ip(
        "route del 10.1.0.0/16",
        "route del 10.2.0.0/16 table 300",
        "route del 2001:db8::/32",
        "rule del pref 7",
    )
    show("-6", "rule", "del", "pref", "8")
    assert listener.listen(5) == [each.key for each in routing.entries]


@in_new_namespace
def test_routes_of_other_protocols_do_not_wake_anybody() -> None:
    ip("link set lo up")
    netlink = closed_later(Netlink())
    listener = closed_later(Listener(netlink))
    listener.monitor.listen_to({112})
    routing = prepare(ROUTES[:1], [])
    assert carried.add(netlink, routing.entries) == []
    many = [f"10.3.{n}.0/24 dev lo proto bgp" for n in range(200)]
    ip(*(f"route add {each}" for each in many), *(f"route del {each}" for each in many))
    ip("route del 10.1.0.0/16")
    assert listener.listen(1) == [routing.entries[0].key]


@in_new_namespace
def test_a_flush_of_thousands_is_heard_whole() -> None:
    ip("link set lo up")
    netlink = closed_later(Netlink())
    listener = closed_later(Listener(netlink))
    listener.monitor.listen_to({112})
    routing = prepare([f"10.{100 + n // 250}.{n % 250}.0/24 dev lo" for n in range(3000)], [])
    for first in range(0, 3000, 32):
        assert carried.add(netlink, routing.entries[first : first + 32]) == []
    ip("route flush proto 112")
    assert set(listener.listen(3000)) == {each.key for each in routing.entries}
    assert listener.overruns == 0

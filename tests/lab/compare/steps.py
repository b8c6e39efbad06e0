"""The vocabulary of scenarios: things that happen to a daemon, and things to wait for."""

import signal
from typing import Any

from lab.compare.scenario import Act, Step, Until
from lab.compare.side import FAR, ROUTER, Side
from lab.kit.net import now_ns
from lab.kit.nsenter import socket_in

VRID = 51
VIP = "10.0.0.90"
VIP6 = "2001:db8::90"
LINK_LOCAL6 = "fe80::90"


def start(side: Side) -> None:
    side.daemon.start()


def stop(side: Side) -> None:
    assert side.daemon.process is not None
    side.daemon.process.send_signal(signal.SIGTERM)


def kill(side: Side) -> None:
    side.daemon.kill()


def nothing(side: Side) -> None:
    """What was begun goes on."""


def reload(text: str) -> Act:
    """Write another file, then SIGHUP."""

    def act(side: Side) -> None:
        assert side.daemon.process is not None
        side.daemon.text = side.localised(text)
        side.daemon.configure()
        side.daemon.process.send_signal(signal.SIGHUP)

    return act


def hear(
    priority: int, interval_cs: int, *, node: str = FAR, to_router: bool = False, lan: int = 0, **more: Any
) -> Act:
    """An advert from the far side; `to_router` sends it to the router's own address instead of the group."""

    def act(side: Side) -> None:
        advert: dict[str, Any] = {"vrid": VRID, "addresses": [VIP]} | more
        if to_router:
            victim = side.net.port(ROUTER, lan)
            own = victim.link_local if ":" in advert["addresses"][0] else victim.ipv4
            advert |= {"destination": own, "destination_mac": victim.mac}
        side.far(lan, node).advert(priority=priority, interval_cs=interval_cs, **advert)
        side.heard_from_far(node)

    return act


def several(*acts: Act) -> Act:
    def act(side: Side) -> None:
        for each in acts:
            each(side)

    return act


def ip(*words: str) -> Act:
    """`ip WORDS` in the router's namespace."""
    return lambda side: side.net.ip(ROUTER, *words)


def switch_port(state: str, lan: int = 0) -> Act:
    """The other end of the router's link: `down` takes its carrier, `up` brings it back."""

    def act(side: Side) -> None:
        side.net.ip("switch", "link", "set", side.net.port(ROUTER, lan).peer, state)

    return act


def probe(name: str, address: str, port: int = 9) -> Until:
    """Notes as a fact whether the router itself answers a TCP connection to an address, from the far side."""

    def until(side: Side) -> bool:
        family = 10 if ":" in address else 2
        with socket_in(side.net.namespace(FAR), family, 1) as client:
            client.settimeout(0.6)
            try:
                client.connect((address, port))
            except ConnectionRefusedError:
                side.mark.facts[name] = "answers"
            except OSError:
                side.mark.facts[name] = "silent"
        return True

    return until


def adverts(count: int = 1, **match: int) -> Until:
    return lambda side: len(side.adverts(**match)) >= count


def goodbye(count: int = 1) -> Until:
    return adverts(count, priority=0)


def announced(address: str, count: int = 1) -> Until:
    return lambda side: len(side.wire.announcements(ROUTER, address, side.mark.begin_ns)) >= count


def lines(*texts: str) -> Until:
    """FIFO lines of this step, in any order."""

    def until(side: Side) -> bool:
        seen = [note.text for note in side.notes.lines if note.time_ns > side.mark.begin_ns]
        return all(any(text in line for line in seen) for text in texts)

    return until


def called(count: int = 1) -> Until:
    """So many script calls in this step."""
    return lambda side: sum(note.time_ns > side.mark.begin_ns for note in side.notes.calls()) >= count


def holds(*addresses: str) -> Until:
    return lambda side: set(addresses) <= side.net.addresses(ROUTER)


def lacks(*addresses: str) -> Until:
    return lambda side: not set(addresses) & side.net.addresses(ROUTER)


def passed(seconds: float) -> Until:
    """The wire ran for so long in this step: what must not come had its chance."""
    return lambda side: now_ns() - side.mark.begin_ns > seconds * 1e9


def ended(side: Side) -> bool:
    """The daemon is gone; its exit status is a fact."""
    assert side.daemon.process is not None
    status = side.daemon.process.poll()
    side.mark.facts["exit status"] = status
    return status is not None


def every(*conditions: Until) -> Until:
    """All of them; those that are asked later are asked when the earlier ones hold."""
    return lambda side: all(condition(side) for condition in conditions)


# What most scenarios begin and end with.
ALONE = Step("start", start, every(adverts(2), holds(VIP)), is_timed=False)
ALONE6 = Step("start", start, every(adverts(2), holds(VIP6)), is_timed=False)
STOP = Step("stop", stop, every(goodbye(), ended), is_timed=False)


def outranked(interval_cs: int = 20, priority: int = 200, **more: Any) -> Step:
    """A master hears a better one once: it yields, and takes over when the down time has passed."""
    return Step(
        "a better one is heard once", hear(priority, interval_cs, **more), adverts(2), after_advert=True
    )

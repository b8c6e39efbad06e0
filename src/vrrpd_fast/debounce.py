"""Links as virtual routers are to see them: a change counts once it has lasted (interface_up_down_delays).

Only whether a link is up is held back, and while it goes down its addresses, which a link that is down may
lose and gets back late. A link that is deleted, created, renamed or whose primary address goes while it is up
is seen as it is.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from msgspec import structs

from vrrpd_fast.model import Instance, InterfaceDelay
from vrrpd_fast.net.links import Link

log = logging.getLogger(__name__)


class Debounce:
    """What `get` shows of the links that have a delay; all others are what the monitor shows.

    - `link(name)`: the link as it is.
    - `on_change(names)`: a delay is over, and what is seen has changed.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        link: Callable[[str], Link | None],
        on_change: Callable[[set[str]], None],
    ) -> None:
        self._loop = loop
        self._link = link
        self._on_change = on_change
        self._delays: Mapping[str, InterfaceDelay] = {}
        self._limits: Mapping[str, float] = {}  # seconds, by what is configured
        self._learned: dict[str, float] = {}  # by intervals that masters had
        self._seen: dict[str, Link] = {}
        self._pending: dict[str, asyncio.TimerHandle] = {}

    def close(self) -> None:
        for handle in self._pending.values():
            handle.cancel()
        self._pending.clear()

    def configure(self, delays: Mapping[str, InterfaceDelay], instances: Iterable[Instance]) -> set[str]:
        """Delays of links, as far as these virtual routers bear them; returns the links to be looked at.

        A delay that has begun goes on as it was, unless its link has none any more.
        """
        limits = _limits(delays, instances)
        for name, seconds in limits.items():
            if delays[name] != self._delays.get(name) or seconds != self._limits.get(name):
                _tell(name, delays[name], seconds)
        self._delays, self._limits = delays, limits
        gone = {name for name in self._pending if name not in delays}
        for name in gone:
            self._stop(name)
        for name in self._seen.keys() - delays.keys():
            del self._seen[name]
        for name in delays.keys() - self._seen.keys():
            self._see(name)
        return gone

    def learn(self, instance: Instance, interval: float) -> None:
        """A master speaks every `interval` seconds: when it falls silent, who hears it takes over as soon."""
        name, seconds = instance.interface, _longest(instance, interval)
        if name in self._delays and seconds < self._bound(name):
            self._learned[name] = seconds
            _tell(name, self._delays[name], seconds)

    def _bound(self, name: str) -> float:
        return min(self._limits.get(name, math.inf), self._learned.get(name, math.inf))

    def get(self, name: str) -> Link | None:
        return self._seen.get(name) if name in self._delays else self._link(name)

    def follow(self, names: Iterable[str]) -> set[str]:
        """These links have changed; which of them are to be looked at now."""
        return {name for name in names if name not in self._delays or self._is_told(name)}

    def _is_told(self, name: str) -> bool:
        link, seen = self._link(name), self._seen.get(name)
        if link is None or seen is None or link.serial != seen.serial:
            self._stop(name)
        elif seen.up:
            is_waiting = name in self._pending
            if not link.up or (is_waiting and _has_less(link, seen)):
                return self._wait(name, self._delays[name].down)
            self._stop(name)
        elif link.up:
            return self._wait(name, self._delays[name].up)
        else:
            self._stop(name)
        self._see(name)
        return True

    def _wait(self, name: str, seconds: float) -> bool:
        """Whether there is nothing to wait for."""
        if name in self._pending:
            return False
        seconds = min(seconds, self._bound(name))
        if seconds <= 0:
            self._see(name)
            return True
        self._pending[name] = self._loop.call_later(seconds, partial(self._end, name))
        return False

    def _end(self, name: str) -> None:
        del self._pending[name]
        self._see(name)
        self._on_change({name})

    def _see(self, name: str) -> None:
        link = self._link(name)
        if link is None:
            self._seen.pop(name, None)
        else:
            self._seen[name] = structs.replace(link)  # a copy: the monitor changes its own in place

    def _stop(self, name: str) -> None:
        if name in self._pending:
            self._pending.pop(name).cancel()


def _longest(instance: Instance, interval: float) -> float:
    """How many seconds a change of its link may be kept from a virtual router, given the advert interval.

    Less than it waits for adverts, so that who lost its link is FAULT before it would become MASTER: one
    interval and the skew of the highest priority less (man keepalived.conf, interface_up_down_delays).
    """
    skew = interval / 256 if instance.version == 3 else 1 / 256
    return max(0.0, (instance.down_timer_adverts - 1) * interval - skew)


def _limits(delays: Mapping[str, InterfaceDelay], instances: Iterable[Instance]) -> dict[str, float]:
    """What the virtual routers on each link bear together."""
    found: dict[str, float] = {}
    if delays:
        for instance in instances:
            if (name := instance.interface) in delays:
                longest = _longest(instance, instance.advert_int_cs / 100)
                found[name] = min(longest, found.get(name, math.inf))
    return found


def _tell(name: str, delay: InterfaceDelay, seconds: float) -> None:
    if max(delay.down, delay.up) > seconds:
        log.warning(
            "interface %s: its delay is cut to %.3g s, so that FAULT comes before a takeover", name, seconds
        )


def _has_less(link: Link, seen: Link) -> bool:
    """Whether a primary address that was seen is not back yet."""
    return (seen.ipv4 is not None and link.ipv4 is None) or (seen.ipv6 is not None and link.ipv6 is None)

"""A kernel, a wire and a loop that are all made up, for claims and announcements on them."""

import errno
import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

from unit.samples import MAC, instance, link
from vrrpd_fast.carry.announcements import Announcements
from vrrpd_fast.carry.claims import Claims
from vrrpd_fast.holds import Holds
from vrrpd_fast.model import Instance
from vrrpd_fast.net import routes, rtnl, rules
from vrrpd_fast.net.arp import announcement
from vrrpd_fast.net.links import Link
from vrrpd_fast.net.messages import Key, parse_address
from vrrpd_fast.net.netlink import NetlinkError
from vrrpd_fast.net.routing import PreparedRouting
from vrrpd_fast.net.vips import Prepared, PreparedAddresses
from vrrpd_fast.story import Story

INDEX = 2


class Handle:
    def __init__(self, when: float, action: Callable[[], None]) -> None:
        self.when = when
        self.action = action
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Work:
    """What was given to the worker thread, done when the test says so."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._callbacks: list[Callable[[Work], None]] = []

    def add_done_callback(self, callback: Callable[["Work"], None]) -> None:
        self._callbacks.append(callback)

    def finish(self) -> None:
        self._result = self._work()
        for callback in self._callbacks:
            callback(self)

    def result(self) -> Any:
        return self._result


class Loop:
    """call_soon, call_later and a clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._soon: list[Handle] = []
        self._later: list[tuple[float, int, Handle]] = []
        self._number = itertools.count()
        self.work: Work | None = None

    def time(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return round(self.now * 1e9)

    def call_soon(self, action: Callable[[], None]) -> Handle:
        self._soon.append(Handle(self.now, action))
        return self._soon[-1]

    def call_later(self, seconds: float, action: Callable[[], None]) -> Handle:
        handle = Handle(self.now + seconds, action)
        heapq.heappush(self._later, (handle.when, next(self._number), handle))
        return handle

    def run_in_executor(self, executor: object, work: Callable[..., Any], *arguments: object) -> "Work":
        self.work = Work(lambda: work(*arguments))
        return self.work

    def turn(self) -> bool:
        """One turn: what was called soon. False when there was nothing."""
        soon, self._soon = self._soon, []
        for handle in soon:
            if not handle.is_cancelled:
                handle.action()
        return bool(soon)

    def settle(self) -> None:
        while self.turn():
            pass

    def sleep(self, seconds: float) -> None:
        until = self.now + seconds
        self.settle()
        while self._later and self._later[0][0] <= until:
            self.now, _, handle = heapq.heappop(self._later)
            if not handle.is_cancelled:
                handle.action()
            self.settle()
        self.now = until

    @property
    def pending(self) -> int:
        return sum(not handle.is_cancelled for _, _, handle in self._later)


class Clock:
    """An alarm on the made-up loop."""

    def __init__(self, loop: Loop, action: Callable[[], None]) -> None:
        self._loop = loop
        self._action = action
        self._handle: Handle | None = None

    def now_ns(self) -> int:
        return round(self._loop.now * 1e9)

    def set(self, at_ns: int) -> None:
        self.close()
        self._handle = self._loop.call_later(max(0.0, at_ns / 1e9 - self._loop.now), self._action)

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()


class Kernel:
    """Netlink, FrameSender and the monitor's picture of links in one; `story` is what happened, in order."""

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.links: dict[str, Link] = {"a0": link(index=INDEX)}
        self.routing: set[str] = set()
        self.refused: dict[str, int] = {}  # address, route or rule -> errno
        self.room = 10**9  # frames that the kernel takes yet
        self.story: list[tuple[str, str]] = []
        self.slices: list[int] = []
        self.frame_slices: list[int] = []
        self.sent: list[tuple[float, str]] = []
        self.removed: list[Key] = []
        self.seconds_per_message = 0.0

    def transact(self, messages: Sequence[bytearray]) -> list[NetlinkError]:
        errors = []
        self.slices.append(len(messages))
        for index, message in enumerate(messages):
            kind = rtnl.HEADER.unpack_from(message)[1]
            self.loop.now += self.seconds_per_message
            if kind not in (rtnl.RTM_NEWADDR, rtnl.RTM_DELADDR):
                errors += self._route_or_rule(index, kind, message)
                continue
            parsed = parse_address(message, rtnl.HEADER.size, len(message))
            assert parsed is not None
            (ifindex, packed, length), _, _ = parsed
            key = (4 if len(packed) == 4 else 6, packed, length)
            addresses = next((each.addresses for each in self.links.values() if each.index == ifindex), None)
            text = str(ip_address(packed))
            self.story.append(("add" if kind == rtnl.RTM_NEWADDR else "del", text))
            number = self.refused.get(text, 0)
            if addresses is None:
                number = errno.ENODEV
            elif kind == rtnl.RTM_DELADDR and key not in addresses:
                number = errno.EADDRNOTAVAIL
            if number:
                errors.append(NetlinkError(index, number, "the kernel says no"))
            elif addresses is not None and kind == rtnl.RTM_NEWADDR:
                addresses[key] = 0
            elif addresses is not None:
                del addresses[key]
        return errors

    def _route_or_rule(self, index: int, kind: int, message: bytearray) -> list[NetlinkError]:
        """One is known by a short text: where a route leads to, the preference of a rule."""
        if kind in (rtnl.RTM_NEWROUTE, rtnl.RTM_DELROUTE):
            route = routes.parse(message, rtnl.HEADER.size, len(message))
            assert route is not None
            (_, _, packed, length, _, _), _ = route
            text = f"{ip_address(packed)}/{length}"
        else:
            rule = rules.parse(message, rtnl.HEADER.size, len(message))
            assert rule is not None
            text = f"rule {rule[0][1]}"
        adds = kind in (rtnl.RTM_NEWROUTE, rtnl.RTM_NEWRULE)
        self.story.append(("add" if adds else "del", text))
        number = self.refused.get(text, 0)
        if not number and adds is (text in self.routing):
            number = errno.EEXIST if adds else errno.ESRCH
        if number:
            return [NetlinkError(index, number, "the kernel says no")]
        (self.routing.add if adds else self.routing.discard)(text)
        return []

    def send(self, frames: Sequence[tuple[int, bytes]]) -> int:
        self.frame_slices.append(len(frames))
        taken = frames[: self.room]
        self.room -= len(taken)
        for ifindex, frame in taken:
            assert ifindex in {each.index for each in self.links.values()}
            text = self._text(frame)
            self.story.append(("say", text))
            self.sent.append((self.loop.now, text))
        return len(taken)

    def _text(self, frame: bytes) -> str:
        packed = frame[28:32] if frame[12:14] == b"\x08\x06" else frame[22:38]
        address = ip_address(packed)
        assert frame == announcement(address, MAC)
        return str(address)

    @property
    def addresses(self) -> set[str]:
        return {str(ip_address(packed)) for each in self.links.values() for _, packed, _ in each.addresses}

    def times(self, text: str) -> dict[float, int]:
        """Seconds since the start -> how often an address was announced then."""
        found: dict[float, int] = {}
        for at, said in self.sent:
            if said == text:
                since = round(at - 1000, 6)
                found[since] = found.get(since, 0) + 1
        return found


class Router:
    """As much of a virtual router as claims ask for."""

    def __init__(self, kernel: Kernel, made: Instance) -> None:
        self.instance = made
        self.generation = 0
        self.story = Story("test-1", made.name, 0)
        self.is_master = False

        def index_of(name: str) -> int | None:
            return kernel.links[name].index if name in kernel.links else None

        self.addresses = PreparedAddresses(made.all_addresses, index_of)
        self.routing = PreparedRouting(made.routes, made.rules, index_of, lambda name: None)

    @property
    def name(self) -> str:
        return self.instance.name


class Shield:
    """Which addresses of whom are shielded; beside the story of the kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.refusal: OSError | None = None
        self.held: set[tuple[str, str]] = set()

    def add(self, entries: Iterable[tuple[str, Prepared]]) -> None:
        if self.refusal is not None:
            raise self.refusal
        for name, prepared in entries:
            self.held.add((name, str(prepared.address.address)))
            self.kernel.story.append(("shield", str(prepared.address.address)))

    def remove(self, entries: Iterable[tuple[str, Prepared]]) -> None:
        for name, prepared in entries:
            self.held.discard((name, str(prepared.address.address)))
            self.kernel.story.append(("unshield", str(prepared.address.address)))


class Bench:
    def __init__(self) -> None:
        self.loop = Loop()
        self.kernel = Kernel(self.loop)
        self.shield = Shield(self.kernel)
        holds = Holds()
        self.announcements = Announcements(
            self.loop,  # type: ignore[arg-type]
            self.kernel,  # type: ignore[arg-type]
            self.kernel.links.get,
            holds,
            partial(Clock, self.loop),
        )
        self.claims = Claims(
            self.loop,  # type: ignore[arg-type]
            self.kernel,  # type: ignore[arg-type]
            self.kernel,  # type: ignore[arg-type]
            self.shield,  # type: ignore[arg-type]
            self.announcements,
            self.kernel.links.get,
            lambda *key: self.kernel.removed.append(key),
            holds,
        )

    def router(self, name: str, *addresses: str, **more: Any) -> Router:
        return Router(self.kernel, instance(name, *addresses, **more))

    def become(self, router: Router, is_master: bool) -> None:
        router.is_master = is_master
        router.generation += 1
        self.claims.follow(router)

    def take_story(self) -> list[tuple[str, str]]:
        story, self.kernel.story[:] = list(self.kernel.story), []
        return story


def many(count: int, net: int = 1) -> list[str]:
    return [f"10.{net}.{n >> 8}.{n & 255}/32" for n in range(count)]


def plain(texts: Sequence[str]) -> list[str]:
    return [text.partition("/")[0] for text in texts]

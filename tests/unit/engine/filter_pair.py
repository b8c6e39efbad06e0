"""Two engines on the same wire, one of them behind the kernel filter, and what must be equal about them."""

import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.kit.waiting import wait_until
from reference import codec
from unit.engine.engine_bench import Node, Talker, address, group, linked
from vrrpd_fast.model import Reason, Snapshot, State, Transition

VRIDS = (51, 52)  # of the virtual routers in both engines
NEAR_NS = 300_000_000  # a deadline further away than this is not waited for
# What the engines' own timers move, each by its own clock.
OWN_CLOCK = ("advertisement_sent", "kernel_absorbed")


@dataclass(frozen=True)
class Own:
    """The settings of both virtual routers."""

    family: int
    version: int
    priority: int
    interval_cs: int
    preempt: bool = True
    preempt_delay_ns: int = 0
    check_addresses: bool = False
    skip_check_adv_addr: bool = False
    auth_pass: bytes = b""
    peer_ttls: tuple[tuple[int, int], ...] = ()  # of routers 2 and 3; then it is unicast
    check_unicast_src: bool = False

    @property
    def addresses(self) -> tuple[bytes, ...]:
        return virtual(self.family, 1, 2)

    @property
    def settings(self) -> dict[str, Any]:
        """Those that Engine.change() takes, too."""
        return {
            "priority": self.priority,
            "advert_int_cs": self.interval_cs,
            "addresses": self.addresses,
            "preempt": self.preempt,
            "preempt_delay_ns": self.preempt_delay_ns,
            "check_addresses": self.check_addresses,
            "skip_check_adv_addr": self.skip_check_adv_addr,
            "auth_pass": self.auth_pass,
            "peers": [source(self.family, 2 + each) for each in range(len(self.peer_ttls))],
            "peer_ttls": self.peer_ttls,
            "check_unicast_src": self.check_unicast_src,
        }


def virtual(family: int, *numbers: int) -> tuple[bytes, ...]:
    if family == 4:
        return tuple(bytes((10, 9, 9, number)) for number in numbers)
    return tuple(bytes.fromhex("fe80") + bytes(12) + bytes((9, number)) for number in numbers)


def source(family: int, number: int) -> bytes:
    """The engines themselves are number 1."""
    return (address("a", 0, family) + number - 1).packed


def advert(own: Own, **fields: Any) -> bytes:
    """A whole datagram: a good advert of a master for the first virtual router, but for `fields`."""
    named: dict[str, Any] = {
        "version": own.version,
        "vrid": VRIDS[0],
        "priority": 200,
        "interval_cs": own.interval_cs,
        "source": source(own.family, 2),
        "destination": source(own.family, 1) if own.peer_ttls else codec.GROUPS[own.family],
        "addresses": own.addresses,
    }
    if own.auth_pass:
        named |= {"auth_type": 1, "auth_data": own.auth_pass.ljust(8, b"\0")}
    named |= fields
    header: dict[str, Any] = {key: named.pop(key) for key in ("ttl", "options") if key in named}
    header |= {key: named[key] for key in ("source", "destination")}
    return (codec.ipv4 if own.family == 4 else codec.ipv6)(codec.message(**named), **header)


def meaning(datagram: bytes) -> tuple[bytes, bytes]:
    """Source and destination, and the VRRP message."""
    if datagram[0] >> 4 == 4:
        return datagram[12:20], datagram[4 * (datagram[0] & 15) :]
    return datagram[8:40], datagram[40:]


def essence(snapshot: Snapshot) -> dict[str, Any]:
    """All that must be equal."""
    counts = {name: count for name, count in snapshot.statistics.items() if name not in OWN_CLOCK}
    return {
        "state": snapshot.state,
        "priority": snapshot.priority,
        "interval": snapshot.master_interval_cs,
        "master": (snapshot.master_address, snapshot.master_priority),
        **counts,
    }


def story(event: Transition, vrid: int) -> tuple[Any, ...]:
    """A transition without its times."""
    return (
        vrid,
        event.old,
        event.new,
        event.reason,
        event.master_address,
        event.master_priority,
        event.silence_ns >= 0,
        event.down_interval_ns,
        event.skew_ns,
    )


class Pair:
    """`plain` hears everything, `filtered` what the kernel filter leaves. Neither runs by itself."""

    def __init__(self) -> None:
        place = linked()
        self.plain, self.filtered = Node(), Node(absorbs=True)
        self.nodes = (self.plain, self.filtered)
        with place:
            self._talker = Talker()
        self._ifindex = socket.if_nametoindex("a0")
        # What claims to come from ourselves is the engine's to refuse, not the kernel's.
        Path("/proc/sys/net/ipv4/conf/all/accept_local").write_text("1")
        for family in (4, 6):
            self.plain.memberships.join(self._ifindex, group(family))
        self._handles: dict[Node, list[int]] = {}

    # -- one run --------------------------------------------------------------------------------------

    def begin(self, own: Own) -> None:
        """Two fresh virtual routers; the first is started."""
        self.own = own
        self._sent = 0
        self._heard: set[tuple[bytes, bytes]] = set()  # what came through the filter
        self._before = {node: node.engine.health()["datagrams_received"] for node in self.nodes}
        # How long the two have looked at the same thing one after the other, at most.
        self._apart_ns = 0
        settings = {"family": own.family, "version": own.version, **own.settings}
        for node in self.nodes:
            handles = [node.engine.add(ifindex=self._ifindex, vrid=vrid, **settings) for vrid in VRIDS]
            for handle in handles:
                node.engine.move(handle, self._ifindex, source(own.family, 1))
            self._handles[node] = handles
        self.start()

    def end(self) -> None:
        for node in self.nodes:
            for handle in self._handles.pop(node):
                node.engine.remove(handle)

    def absorbed(self) -> int:
        return sum(
            self.filtered.counter(handle, "kernel_absorbed") for handle in self._handles[self.filtered]
        )

    def snapshot(self, node: Node) -> Snapshot:
        """Of the first virtual router."""
        return node.engine.snapshot(self._handles[node][0])

    # -- what happens ---------------------------------------------------------------------------------

    def say(self, *datagrams: bytes) -> int:
        """Send, one behind the other; then both hear. How many of them were absorbed."""
        was, before = self.snapshot(self.filtered).state, self.absorbed()
        began_ns = time.monotonic_ns()
        for datagram in datagrams:
            self._talker.say("b0", datagram)
        self._sent += len(datagrams)
        wait_until(self._is_heard, 5, "every datagram is accounted for", pause=0.0002)
        self._apart(began_ns)
        absorbed = self.absorbed() - before
        if absorbed:
            assert was is State.BACKUP
            assert any(meaning(datagram) in self._heard for datagram in datagrams)
        if absorbed < len(datagrams):
            self._heard |= set(map(meaning, datagrams))
        return absorbed

    def _is_heard(self) -> bool:
        for node in self.nodes:
            node.engine.on_readable4()
            node.engine.on_readable6()
        came = {node: node.engine.health()["datagrams_received"] - self._before[node] for node in self.nodes}
        assert came[self.plain] <= self._sent
        return came[self.plain] == came[self.filtered] + self.absorbed() == self._sent

    def _apart(self, began_ns: int) -> None:
        self._apart_ns = max(self._apart_ns, time.monotonic_ns() - began_ns)

    def start(self) -> None:
        now_ns = self.plain.engine.now_ns()
        for node in self.nodes:
            node.engine.start(self._handles[node][0], now_ns)

    def stop(self, state: State) -> None:
        reason = Reason.SHUTDOWN if state is State.INIT else Reason.INTERFACE_DOWN
        now_ns = self.plain.engine.now_ns()
        for node in self.nodes:
            node.engine.stop(self._handles[node][0], now_ns, state, reason)

    def set_priority(self, priority: int) -> None:
        now_ns = self.plain.engine.now_ns()
        for node in self.nodes:
            node.engine.set_priority(self._handles[node][0], priority, now_ns)

    def change(self, **settings: Any) -> None:
        """Reconfigure, as a reload does."""
        now_ns = self.plain.engine.now_ns()
        usual = self.own.settings | {"priority": self.snapshot(self.plain).priority}
        for node in self.nodes:
            node.engine.change(self._handles[node][0], now_ns, **(usual | settings))

    def look(self) -> None:
        """Have both look at their timers, now."""
        deadline_ns = min(self.deadlines_ns())
        for node in self.nodes:
            node.engine.on_timer()
        if 0 <= deadline_ns <= time.monotonic_ns():  # meanwhile it was passed: by one of them or by both
            self.lapse()

    def lapse(self) -> None:
        """Let the down timers run out, unless that is far away."""
        deadline_ns = max(self.deadlines_ns())
        if deadline_ns - time.monotonic_ns() > NEAR_NS:
            return
        while time.monotonic_ns() <= deadline_ns:
            time.sleep(max(0.0, (deadline_ns - time.monotonic_ns()) / 1e9))
        for node in self.nodes:
            node.engine.on_timer()

    # -- what must hold -------------------------------------------------------------------------------

    def deadlines_ns(self) -> list[int]:
        return [node.engine.down_deadline_ns(self._handles[node][0]) for node in self.nodes]

    def compare(self) -> None:
        """Both are in the same state for the same reasons and have counted the same."""
        plain, filtered = (
            [node.engine.snapshot(each) for each in self._handles[node]] for node in self.nodes
        )
        assert [essence(each) for each in filtered] == [essence(each) for each in plain]
        assert filtered[1].state is State.INIT
        assert self.filtered.engine.unattributed() == self.plain.engine.unattributed()
        told = []
        for node in self.nodes:
            vrids = dict(zip(self._handles[node], VRIDS, strict=True))
            events = [story(each, vrids[each.handle]) for each in node.engine.drain(1000)]
            complaints = [(vrids[handle], what, by) for handle, what, by in node.engine.take_complaints()]
            told.append((events, complaints))
        assert told[1] == told[0]
        heard, absorbed = self.deadlines_ns()
        assert abs(absorbed - heard) <= self._apart_ns, f"{(absorbed - heard) / 1e6} ms apart"

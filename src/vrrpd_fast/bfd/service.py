"""The BFD sessions of a configuration, by name, on the loop.

Nothing is opened while there is no session. A session whose settings change keeps its state (RFC 5880 6.8.3),
also under another name; another neighbour, source address or port makes another session.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from vrrpd_fast.bfd.sockets import SOURCE_PORTS, Sockets, has_address, source_towards
from vrrpd_fast.bfd.speaker import Speaker
from vrrpd_fast.log import RateLimit
from vrrpd_fast.model import JSON, NS_PER_S, BfdSession

log = logging.getLogger(__name__)

PER_SLICE = 16  # sessions that are added, removed, told of or looked at before others get a turn
CHECK_S = 1.0  # how often a session that is not Up looks for a source address or an interface that it lacks

REFUSALS_S = 60.0

STATES = ("admin down", "down", "init", "up")
ADMIN_DOWN = 0
UP = 3
NEIGHBOUR_DOWN = 3
# RFC 5880 4.1
DIAGNOSTICS = (
    "none",
    "detection time expired",
    "echo function failed",
    "neighbour signalled session down",
    "forwarding plane reset",
    "path down",
    "concatenated path down",
    "administratively down",
    "reverse concatenated path down",
)

Identity = tuple[IPv4Address | IPv6Address, IPv4Address | IPv6Address | None, str, bool]


class Neighbour:
    """One session. `handle` is None while it is not there: no interface yet, or no longer configured."""

    def __init__(self, session: BfdSession, speaker: Speaker, port: int) -> None:
        self.session = session
        self.handle: int | None = None
        self.scope = 0
        self.is_up = False  # for those who track it
        self._is_shut = False  # by the neighbour's administrator, when it was Up
        self._speaker = speaker
        self._port = port
        self._source: bytes | None = None
        self._downs = 0
        self._limit = RateLimit(4, 60.0)

    @property
    def state(self) -> bool:
        """Whether the session is Up."""
        return self.handle is not None and self._speaker.state(self.handle) == UP

    def judge(self) -> bool:
        """Look whether it is up for those who track it; whether that has changed.

        A session that the neighbour takes down itself (AdminDown) stays what it was until it is Up again:
        that says nothing of the way there (RFC 5882 3.2), and keepalived takes it so, too.
        """
        if self.state:
            self._is_shut = False
        elif self.is_up and self.handle is not None:
            told = self._speaker.describe(self.handle)
            if (told["diagnostic"], told["remote_state"]) == (NEIGHBOUR_DOWN, ADMIN_DOWN):
                self._is_shut = True
        before, self.is_up = self.is_up, self.state or self._is_shut
        return self.is_up != before

    @property
    def lacks_something(self) -> bool:
        """What may come, or be another one, while it is not Up: an interface, a source address."""
        session = self.session
        return not self.state and bool(session.interface or session.source is None or self._source is None)

    @property
    def text(self) -> str:
        """How it is, as a sentence."""
        what = f"bfd_instance {self.session.name} is "
        if self.handle is None:
            return f"{what}down: there is no interface {self.session.interface}"
        told = self._speaker.describe(self.handle)
        if told["state"] == UP or not told["diagnostic"]:
            return what + STATES[told["state"]]
        return f"{what}{STATES[told['state']]}: {_diagnostic(told['diagnostic'])}"

    def describe(self) -> JSON:
        """What status shows of this session; durations in seconds."""
        session = self.session
        entry: JSON = {
            "name": session.name,
            "type": "bfd",
            "state": "down",
            "neighbor_ip": str(session.neighbour),
            "source_ip": None,
        }
        if self.handle is None:
            return entry
        told = self._speaker.describe(self.handle)
        return entry | {
            "state": STATES[told["state"]],
            "source_ip": None if self._source is None else _text(self._source),
            "remote_state": STATES[told["remote_state"]],
            "diagnostic": _diagnostic(told["diagnostic"]),
            "remote_diagnostic": _diagnostic(told["remote_diagnostic"]),
            "local_discriminator": told["local_discriminator"],
            "remote_discriminator": told["remote_discriminator"],
            "tx_interval": told["transmit_us"] / 1e6,
            "detection_time": told["detection_us"] / 1e6,
            "remote_min_tx": told["remote_min_tx_us"] / 1e6,
            "remote_min_rx": told["remote_min_rx_us"] / 1e6,
            "remote_multiplier": told["remote_multiplier"],
            "since": round((self._speaker.now_ns() - told["changed_ns"]) / NS_PER_S, 6),
            "ups": told["ups"],
            "downs": told["downs"],
            "packets_sent": told["sent"],
            "packets_received": told["received"],
            "packets_refused": told["refused"],
        }

    def open(self) -> None:
        """Be there, if the interface is that it needs."""
        session = self.session
        if session.interface:
            try:
                self.scope = socket.if_nametoindex(session.interface)
            except OSError:
                return
        self.handle = self._speaker.add(
            self._speaker.now_ns(),
            neighbour=session.neighbour.packed,
            discriminator=int.from_bytes(os.urandom(4), "big") or 1,
            source=None if session.source is None else session.source.packed,
            is_bound=session.source is not None,
            scope=self.scope,
            is_multihop=session.is_multihop,
            **_settings(session),
        )
        self._source = None
        self.equip()  # silent until it is known where packets leave from
        self.find_source()

    def find_source(self) -> None:
        """Leave from the configured address, or from that which the kernel would take."""
        assert self.handle is not None
        session = self.session
        if session.source is None:
            source = source_towards(session.family, session.neighbour.packed, self.scope)
        else:
            source = session.source.packed
            if not has_address(session.family, source, self.scope):
                source = None
        if source is None:
            why = "no way there" if session.source is None else f"{session.source} is no address of ours"
            what = f"bfd_instance {session.name}: neighbour {session.neighbour}: nothing is sent"
            self._limit.log(log, logging.WARNING, "source", "%s: %s", what, why)
        if source != self._source:
            self._source = source
            self.equip()

    def equip(self) -> None:
        """Have packets leave as the session wants them."""
        assert self.handle is not None
        self._speaker.equip(self.handle, self._speaker.now_ns(), self._source, self._port, self.session.ttl)

    def change(self, session: BfdSession) -> None:
        """Other settings for the same two ends."""
        self.session = session
        if self.handle is not None:
            self._speaker.change(self.handle, self._speaker.now_ns(), **_settings(session))
            self.equip()

    def say_goodbye(self) -> None:
        """Have AdminDown sent to the neighbour (RFC 5880 6.8.16)."""
        if self.handle is not None:
            self._speaker.shut(self.handle, self._speaker.now_ns())

    def close(self) -> None:
        """Be gone."""
        if self.handle is not None:
            self._speaker.remove(self.handle)
            self.handle = None
            self._is_shut = False

    def look_again(self) -> None:
        """While not Up: whether an interface, another one of that name, or a source address is there now."""
        if self.session.interface and self.handle is not None:
            with contextlib.suppress(OSError):
                if socket.if_nametoindex(self.session.interface) != self.scope:
                    self.close()
        if self.handle is None:
            self._source = None
            self.open()
        else:
            self.find_source()

    def tell(self) -> None:
        """What has happened, in the log; a session that was down for a moment has been down."""
        assert self.handle is not None
        told = self._speaker.describe(self.handle)
        what = f"bfd_instance {self.session.name}: neighbour {self.session.neighbour}"
        if told["downs"] != self._downs:
            self._downs = told["downs"]
            why = _diagnostic(told["diagnostic"])
            if told["diagnostic"] == NEIGHBOUR_DOWN:
                why += f" ({_diagnostic(told['remote_diagnostic'])})"
            self._limit.log(log, logging.WARNING, "down", "%s: down: %s", what, why)
        if told["state"] == UP:
            self._limit.log(log, logging.INFO, "up", "%s: up", what)
        else:
            log.debug("%s: %s", what, STATES[told["state"]])


class Bfd:
    """`on_change(name)`: a session is Up, or is no longer. A reload goes: prepare, take, then drop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_change: Callable[[str], None]) -> None:
        self._loop = loop
        self._on_change = on_change
        self._speaker: Speaker | None = None
        self._sockets = Sockets()
        self._by_name: dict[str, Neighbour] = {}
        self._by_identity: dict[Identity, Neighbour] = {}
        self._by_handle: dict[int, Neighbour] = {}
        self._ears: dict[tuple[int, bool], int] = {}  # family, multihop: receive descriptor
        self._is_watching = False
        self._turn: asyncio.Handle | None = None
        self._check: asyncio.TimerHandle | None = None
        self._refusals: dict[str, int] = {}
        self._refusals_told = -REFUSALS_S
        self._lacking: list[Neighbour] = []  # who is to be looked at in this turn
        self._check_s = CHECK_S
        self._next_port = int.from_bytes(os.urandom(2), "big") % len(SOURCE_PORTS)

    def get(self, name: str) -> Neighbour:
        """The session of a name that is configured."""
        return self._by_name[name]

    def health(self) -> dict[str, int]:
        """Of all sessions together: datagrams, and packets refused by reason; empty while there is none."""
        if self._speaker is None:
            return {}
        refused = {f"refused_{reason}": count for reason, count in self._speaker.refusals().items()}
        return {**self._speaker.health(), **refused}

    def prepare(self, sessions: Mapping[str, BfdSession]) -> None:
        """Open the sockets that these need; an OSError has a sentence, and then nothing has changed."""
        opened: list[tuple[int, bool]] = []
        try:
            for place in sorted(_places(sessions.values()) - self._ears.keys()):
                self._begin_hearing(place)
                opened.append(place)
        except OSError:
            for place in opened:
                self._stop_hearing(place)
            if not self._by_identity:
                self.close()
            raise

    async def take(self, sessions: Mapping[str, BfdSession], pause: Callable[[], None]) -> None:
        """Have all of these, prepared before; names that are gone are answered for until drop().

        `pause` is called before others get a turn.
        """
        if self._speaker is None:
            return
        wanted = {_identity(session): session for session in sessions.values()}
        gone = [each for identity, each in self._by_identity.items() if identity not in wanted]
        while gone:
            self._end(gone[-PER_SLICE:])
            del gone[-PER_SLICE:]
            pause()
            await asyncio.sleep(0)
        for count, (identity, session) in enumerate(wanted.items(), 1):
            neighbour = self._by_identity.get(identity)
            if neighbour is None:
                neighbour = Neighbour(session, self._speaker, SOURCE_PORTS[self._next_port])
                self._next_port = (self._next_port + 1) % len(SOURCE_PORTS)
                self._by_identity[identity] = neighbour
                self._open(neighbour)
            elif neighbour.session != session:
                neighbour.change(session)
            self._by_name[session.name] = neighbour
            if count % PER_SLICE == 0:
                self._speaker.settle()
                pause()
                await asyncio.sleep(0)
        self._speaker.settle()
        if self._check is None and sessions:
            self._check = self._loop.call_later(CHECK_S, self._look_again)

    def drop(self, sessions: Mapping[str, BfdSession]) -> None:
        """Forget the names, and close the sockets, that nobody needs any more."""
        for name in self._by_name.keys() - sessions.keys():
            del self._by_name[name]
        if not sessions:
            self.close()
            return
        for place in self._ears.keys() - _places(sessions.values()):
            self._stop_hearing(place)

    def close(self) -> None:
        """Tell all neighbours that this end is AdminDown, then be silent; nobody is told of a change."""
        if self._speaker is not None:
            self._end(list(self._by_identity.values()))
            for place in list(self._ears):
                self._stop_hearing(place)
            self._loop.remove_reader(self._speaker.timer_fd)
        for handle in (self._turn, self._check):
            if handle is not None:
                handle.cancel()
        self._turn = self._check = self._speaker = None
        self._refusals = {}
        self._sockets.close()

    # -- inside -------------------------------------------------------------------------------------------

    def _open(self, neighbour: Neighbour) -> None:
        neighbour.open()
        if neighbour.handle is not None:
            self._by_handle[neighbour.handle] = neighbour

    def _end(self, neighbours: Collection[Neighbour]) -> None:
        """Say goodbye to all of them in one batch."""
        assert self._speaker is not None
        for neighbour in neighbours:
            neighbour.say_goodbye()
            if neighbour.handle is not None:
                del self._by_handle[neighbour.handle]
            del self._by_identity[_identity(neighbour.session)]
        self._speaker.settle()
        for neighbour in neighbours:
            neighbour.close()

    def _begin_hearing(self, place: tuple[int, bool]) -> None:
        receive, send = self._sockets.need(*place)
        if self._speaker is None:
            self._speaker = Speaker(self._wake, int.from_bytes(os.urandom(8), "big"))
            self._loop.add_reader(self._speaker.timer_fd, self._speaker.on_timer)
            self._is_watching = True
        self._speaker.listen(*place, receive, send)
        self._ears[place] = receive
        if self._is_watching:
            self._loop.add_reader(receive, partial(self._speaker.on_readable, _ear(*place)))

    def _stop_hearing(self, place: tuple[int, bool]) -> None:
        assert self._speaker is not None
        self._loop.remove_reader(self._ears.pop(place))
        self._speaker.listen(*place, -1, self._sockets.sender(place[0]))
        self._sockets.drop(*place)

    def _wake(self) -> None:
        """The speaker has something to tell."""
        assert self._speaker is not None
        is_watching = not self._speaker.take_polling()
        if is_watching != self._is_watching:
            self._is_watching = is_watching
            for place, receive in self._ears.items():
                if is_watching:
                    self._loop.add_reader(receive, partial(self._speaker.on_readable, _ear(*place)))
                else:
                    self._loop.remove_reader(receive)
        if self._turn is None:
            self._drain()

    def _drain(self) -> None:
        self._turn = None
        if self._speaker is None:
            return
        handles = self._speaker.drain(PER_SLICE)
        for handle in handles:
            neighbour = self._by_handle.get(handle)
            if neighbour is None:
                continue  # it is being closed
            neighbour.tell()
            if neighbour.judge():
                self._on_change(neighbour.session.name)
        if len(handles) == PER_SLICE:
            self._turn = self._loop.call_soon(self._drain)

    def _look_again(self) -> None:
        """A slice of the sessions that lack something; all of them in turn within CHECK_S."""
        assert self._speaker is not None
        if not self._lacking:
            self._lacking = [each for each in self._by_identity.values() if each.lacks_something]
            self._check_s = CHECK_S / max(1, -(-len(self._lacking) // PER_SLICE))
        for neighbour in self._lacking[-PER_SLICE:]:
            if self._by_identity.get(_identity(neighbour.session)) is neighbour and not neighbour.state:
                if neighbour.handle is not None:
                    del self._by_handle[neighbour.handle]
                neighbour.look_again()
                if neighbour.judge():
                    self._on_change(neighbour.session.name)
                if neighbour.handle is not None:
                    self._by_handle[neighbour.handle] = neighbour
        del self._lacking[-PER_SLICE:]
        self._speaker.settle()
        self._tell_refusals()
        self._check = self._loop.call_later(self._check_s, self._look_again)

    def _tell_refusals(self) -> None:
        """Once a minute at most: how many packets were refused since the last time, and why."""
        assert self._speaker is not None
        refusals = self._speaker.refusals()
        fresh = {why: count - self._refusals.get(why, 0) for why, count in refusals.items()}
        if any(fresh.values()) and self._loop.time() - self._refusals_told >= REFUSALS_S:
            self._refusals, self._refusals_told = refusals, self._loop.time()
            listed = ", ".join(f"{why} {count}" for why, count in fresh.items() if count)
            log.warning("bfd: packets refused: %s", listed)


def _identity(session: BfdSession) -> Identity:
    return session.neighbour, session.source, session.interface, session.is_multihop


def _places(sessions: Iterable[BfdSession]) -> set[tuple[int, bool]]:
    return {(int(session.family), session.is_multihop) for session in sessions}


def _ear(family: int, is_multihop: bool) -> int:
    """Which of the speaker's receive sockets it is."""
    return (family == 6) + 2 * is_multihop


def _settings(session: BfdSession) -> dict[str, Any]:
    return {
        "min_tx_us": session.min_tx_us,
        "min_rx_us": session.min_rx_us,
        "idle_tx_us": session.idle_tx_us,
        "multiplier": session.multiplier,
        "is_passive": session.is_passive,
        "least_ttl": session.least_ttl,
    }


def _diagnostic(code: int) -> str:
    return DIAGNOSTICS[code] if code < len(DIAGNOSTICS) else f"reserved {code}"


def _text(address: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)

"""The stats segment of a daemon, read: what it is doing, or did last, without asking it.

    snapshot = read("/run/vrrpd-fast/control.sock")
    print(snapshot.condition, [each["state"] for each in snapshot.instances])

The daemon writes the file beside its control socket (docs/SEGMENT.md) and never waits for a reader. Reading
takes a copy; what was changed meanwhile is read again. Standard library and msgspec only.
"""

import errno
import fcntl
import gc
import os
import socket
import stat
import struct
import sys
import time
import zlib
from collections.abc import Collection, Iterator
from enum import StrEnum
from typing import Any, Final

import msgspec

from . import layout

NS: Final = 1_000_000_000
STUCK_NS: Final = 3 * NS
TRIES: Final = 50  # the writer needs microseconds for a row; whoever is slower was stopped in the middle
PAUSE_S: Final = 0.0005
HEAP_LIMIT: Final = 1 << 29

_LOW: Final = 0 if sys.byteorder == "little" else layout.SEQUENCE_SIZE - 1
_EVEN: Final = bytes(range(0, 256, 2))
_FIXED: Final = (
    *(layout.LAYOUT, layout.BYTE_ORDER, layout.HEADER_SIZE, layout.ROW_SIZE, layout.SLOTS, layout.OTHERS),
    *(layout.SEQUENCES_AT, layout.ROWS_AT, layout.ENTRIES_AT, layout.HEAP_AT),
)

JSON = dict[str, Any]
Cards = list[tuple[tuple[int, int], Any]]  # ((slot, serial), card)


class Condition(StrEnum):
    """RUNNING; STUCK: its process lives and has written nothing for 3 s; STOPPED: it has ended, somehow."""

    RUNNING = "running"
    STUCK = "stuck"
    STOPPED = "stopped"


class SegmentError(OSError):
    """There is no segment to read, or it is none that this library understands. The text is for people."""


class Snapshot(msgspec.Struct, kw_only=True):
    """A daemon at a moment. Times are seconds since 1970, histograms {upper bound in ns: count}.

    `instances` are the entries of the status contract (docs/STATUS.md) and a few facts more
    (docs/SEGMENT.md); `trackers` is what all of them track, each once.
    """

    router_id: str
    version: str
    pid: int
    started: float
    written: float  # when the daemon wrote last that it lives
    condition: Condition
    uptime: float  # seconds from its start until now, or until `written` when it does not run
    instances: list[JSON]
    trackers: list[JSON]
    groups: list[JSON]
    engine: JSON
    unattributed: dict[str, int]
    notify: JSON
    lateness: dict[int, int]  # of the engine's ticks
    takeover: dict[str, dict[int, int]]  # from the down deadline to "advert", "addresses", "announced"


def read(socket_path: str, names: Collection[str] | None = None) -> Snapshot:
    """What the daemon with this control socket says of itself; of these virtual routers, if any are named.

    SegmentError when there is no such file, it may not be read, or it is not what it should be.
    """
    path = layout.path_of(socket_path)
    was_enabled = gc.isenabled()
    gc.disable()  # it would walk all that has just been made, again and again
    try:
        with _File(path) as file:
            return _snapshot(file, None if names is None else frozenset(names))
    except _Damaged as error:
        raise SegmentError(errno.EBADMSG, f"{path}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SegmentError(errno.EBADMSG, f"{path}: damaged: {error}") from None
    except (KeyError, IndexError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise SegmentError(errno.EBADMSG, f"{path}: damaged: a card lacks something ({error!r})") from None
    finally:
        if was_enabled:
            gc.enable()


def status(snapshot: Snapshot) -> JSON:
    """The status contract, as `vrrpctl status --json` prints it, and in which condition the daemon is."""
    lateness = {str(bound): count for bound, count in snapshot.lateness.items()}
    return {
        "router_id": snapshot.router_id,
        "version": snapshot.version,
        "pid": snapshot.pid,
        "uptime": snapshot.uptime,
        "condition": str(snapshot.condition),
        "written": snapshot.written,
        "instances": snapshot.instances,
        "groups": snapshot.groups,
        "unattributed": snapshot.unattributed,
        "engine": {**snapshot.engine, "lateness_ns": lateness},
        "notify": snapshot.notify,
    }


class _Damaged(Exception):
    """What is wrong with the file, as the end of a sentence."""


class _File:
    """The open segment, and parts of it. Copies by pread: a file cut short must not kill its reader."""

    def __init__(self, path: str) -> None:
        try:
            self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        except FileNotFoundError:
            raise SegmentError(
                errno.ENOENT, f"{path}: not there: vrrpd-fast was not started with this socket"
            ) from None
        except OSError as error:
            raise SegmentError(error.errno, f"{path}: {error.strerror}") from None

    def __enter__(self) -> "_File":
        if not stat.S_ISREG(os.fstat(self.fd).st_mode):
            os.close(self.fd)
            raise _Damaged("not a regular file")
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self.fd)

    def take(self, at: int, length: int) -> bytes:
        try:
            data = os.pread(self.fd, length, at)
        except OSError as error:
            raise _Damaged(error.strerror or str(error)) from None
        if len(data) != length:
            raise _Damaged("ends early")
        return data

    @property
    def size(self) -> int:
        return os.fstat(self.fd).st_size

    @property
    def has_owner(self) -> bool:
        """Whether the process that wrote it lives: it holds a lock on this very file until it ends."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(self.fd, fcntl.LOCK_UN)
        return False


def _snapshot(file: _File, names: frozenset[str] | None) -> Snapshot:
    pid, started_ns, started_monotonic_ns = _identify(file)
    has_owner = file.has_owner
    live = layout.LIVE.unpack(_live(file))
    _, stopped, rows, others, beat_ns, beat_real_ns = live[:6]
    if rows > layout.SLOTS or others > layout.OTHERS:
        raise _Damaged(f"damaged: it claims {rows} rows and {others} cards")
    now_ns = time.monotonic_ns()
    condition = Condition.RUNNING
    if stopped or not has_owner:
        condition = Condition.STOPPED
    elif now_ns - beat_ns > STUCK_NS:
        condition = Condition.STUCK
    until_ns = now_ns if condition is Condition.RUNNING else beat_ns

    cards: dict[str, list[JSON]] = {"tracker": [], "group": [], "process": [], "notify": []}
    for _, (kind, card) in _cards(file, layout.SLOTS, others, list):
        if kind in cards:
            cards[kind].append(card)
    process = cards["process"][-1] if cards["process"] else {}
    instances = _instances(
        _rows(file, rows),
        _cards(file, 0, rows, dict),
        {(each["type"], each["name"]): each for each in cards["tracker"]},
        beat_real_ns - beat_ns,
        names,
    )
    at = 6
    engine = dict(zip(layout.ENGINE, live[at : at + 16], strict=False))
    unattributed = dict(zip(layout.COUNTERS, live[at + 16 : at + 32], strict=False))
    at += 32
    histograms = [live[at + n : at + n + layout.BUCKETS] for n in range(0, len(live) - at, layout.BUCKETS)]
    lateness, *steps = ({1 << n: count for n, count in enumerate(each) if count} for each in histograms)
    return Snapshot(
        router_id=process.get("router_id", ""),
        version=process.get("version", ""),
        pid=pid,
        started=started_ns / NS,
        written=beat_real_ns / NS,
        condition=condition,
        uptime=round((until_ns - started_monotonic_ns) / NS, 3),
        instances=list(instances),
        trackers=cards["tracker"],
        groups=cards["group"],
        engine=engine,
        unattributed=unattributed,
        notify=cards["notify"][-1] if cards["notify"] else {},
        lateness=lateness,
        takeover=dict(zip(layout.STEPS, steps, strict=True)),
    )


def _identify(file: _File) -> tuple[int, int, int]:
    """Process id and start of the daemon, if this is a segment of ours."""
    if file.size < layout.HEADER_SIZE:
        raise _Damaged("too short to be a stats segment of vrrpd-fast")
    magic, *fixed = layout.FIXED.unpack(file.take(0, layout.FIXED.size))
    if magic != layout.MAGIC:
        raise _Damaged("not a stats segment of vrrpd-fast")
    if fixed[0] != layout.LAYOUT:
        raise _Damaged(
            f"layout {fixed[0]}, and only {layout.LAYOUT} is known here: its daemon is of another version"
        )
    if tuple(fixed[:10]) != _FIXED:
        raise _Damaged("damaged: sizes in its header are not those of its layout")
    return fixed[10], fixed[11], fixed[12]


def _live(file: _File) -> bytes:
    """The header's changing part, whole; as it is when its writer was stopped in the middle."""
    for _ in range(TRIES):
        before = file.take(layout.LIVE_AT, layout.SEQUENCE_SIZE)
        data = file.take(layout.LIVE_AT, layout.LIVE.size)
        after = file.take(layout.LIVE_AT, layout.SEQUENCE_SIZE)
        if before == after and not before[_LOW] & 1:
            break
        time.sleep(PAUSE_S)
    return data


def _rows(file: _File, count: int) -> list[tuple[Any, ...]]:
    """All rows, each as it was at one moment; as it is when its writer was stopped in the middle."""
    if not count:
        return []
    before = file.take(layout.SEQUENCES_AT, count * layout.SEQUENCE_SIZE)
    rows = list(layout.ROW.iter_unpack(file.take(layout.ROWS_AT, count * layout.ROW_SIZE)))
    after = file.take(layout.SEQUENCES_AT, count * layout.SEQUENCE_SIZE)
    if before != after or before[_LOW :: layout.SEQUENCE_SIZE].translate(None, _EVEN):
        for slot, (old, new) in enumerate(zip(_words(before), _words(after), strict=True)):
            if old != new or old & 1:
                rows[slot] = layout.ROW.unpack(_row(file, slot))
    return rows


def _row(file: _File, slot: int) -> bytes:
    at = layout.SEQUENCES_AT + slot * layout.SEQUENCE_SIZE
    for _ in range(TRIES):
        before = file.take(at, layout.SEQUENCE_SIZE)
        data = file.take(layout.ROWS_AT + slot * layout.ROW_SIZE, layout.ROW_SIZE)
        if before == file.take(at, layout.SEQUENCE_SIZE) and not before[_LOW] & 1:
            break
        time.sleep(PAUSE_S)
    return data


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"={len(data) // 4}I", data)


def _cards(file: _File, first: int, count: int, kind: type) -> Cards:
    """The cards of a stretch of slots, in the order in which they came to be; what they are decoded to."""
    if not count:
        return []
    at, size = layout.ENTRIES_AT + first * layout.ENTRY_SIZE, count * layout.ENTRY_SIZE
    before = file.take(at, size)
    entries = [
        (serial, slot, unit * layout.UNIT, length)
        for slot, (unit, length, _, serial) in enumerate(layout.ENTRY.iter_unpack(before), first)
        if serial
    ]
    if not entries:
        return []
    entries.sort()
    end = max([place + length for _, _, place, length in entries])
    if end > HEAP_LIMIT:
        raise _Damaged("damaged: a card is further away than any can be")
    heap = memoryview(file.take(layout.HEAP_AT, min(end, max(0, file.size - layout.HEAP_AT))))
    after = file.take(at, size)
    decode = msgspec.json.Decoder().decode
    changed = set()
    if before != after:
        both = zip(layout.ENTRY.iter_unpack(before), layout.ENTRY.iter_unpack(after), strict=True)
        changed = {slot for slot, (old, new) in enumerate(both, first) if old != new}
    # A place is given away only after its entry has changed: what was read of the others holds.
    cards = [
        ((slot, serial), decode(heap[place : place + length]))
        for serial, slot, place, length in entries
        if slot not in changed
    ]
    for slot in sorted(changed):
        serial, text = _card(file, slot)
        if serial:
            cards.append(((slot, serial), decode(text)))
    if changed:
        cards.sort(key=lambda each: each[0][1])
    if {type(card) for _, card in cards} - {kind}:
        raise _Damaged("damaged: a card is not what it should be")
    return cards


def _card(file: _File, slot: int) -> tuple[int, bytes]:
    """One card that was replaced while it was read: its serial, 0 when it is gone, and text."""
    for _ in range(TRIES):
        entry = file.take(layout.ENTRIES_AT + slot * layout.ENTRY_SIZE, layout.ENTRY_SIZE)
        unit, length, checksum, serial = layout.ENTRY.unpack(entry)
        if not serial:
            return 0, b""
        if length <= layout.CARD_LIMIT:
            place = layout.HEAP_AT + unit * layout.UNIT
            text = os.pread(file.fd, length, place)
            if len(text) == length and zlib.crc32(text) == checksum:
                return serial, text
        time.sleep(PAUSE_S)
    raise _Damaged(f"damaged: the card in slot {slot} does not have its checksum")


def _instances(
    rows: list[tuple[Any, ...]],
    cards: Cards,
    trackers: dict[tuple[str, str], JSON],
    offset_ns: int,
    names: frozenset[str] | None,
) -> Iterator[JSON]:
    """Cards completed by what changes all the time. `offset_ns` leads from CLOCK_MONOTONIC to CLOCK_REALTIME.

    One that has a card and no row yet, or no more, is left out.
    """
    states, causes = layout.STATES, layout.CAUSES
    known, never_late = layout.MASTER_KNOWN, layout.NEVER_LATE
    texts = {4: _Addresses(socket.AF_INET, 4), 6: _Addresses(socket.AF_INET6, 16)}
    for (slot, serial), card in cards:
        # A name for every field costs less than an index; so do dicts made of names that stand here.
        (
            owner, state, old, cause, priority, master_priority, family, flags, _, interval_cs, address,
            changed_ns, seen_ns, deadline_ns, flaps, late_ns, masterships, received, sent, intervals,
            zeros_received, zeros_sent, types, lengths, sums, versions, vrids, ttls, addresses,
            passwords, peers, absorbed,
        ) = rows[slot]  # fmt: skip
        if owner != serial or (names is not None and card["name"] not in names):
            continue
        word = causes[cause] if cause < len(causes) else "unknown"
        if flaps != card["flaps"]:  # the card of this state is still to come
            card["last_transition"] = round(changed_ns / NS, 6)
            card["reason"] = word.replace("_", " ")
        card["state"] = states[state]
        card["effective_priority"] = priority
        card["master_advert_int"] = interval_cs / 100
        card["master_address"] = texts[family][address] if flags & known else None
        card["master_priority"] = master_priority
        if card["tracking"]:
            card["tracking"] = [
                {
                    **(trackers.get((kind, name)) or {"name": name, "type": kind, "state": "unknown"}),
                    "weight": weight,
                    "reverse": reverse,
                    "contribution": part,
                }
                for kind, name, weight, reverse, part in card["tracking"]
            ]
        card["statistics"] = {
            "master_transitions": masterships,
            "advertisement_rcvd": received,
            "advertisement_sent": sent,
            "interval_errors": intervals,
            "priority_zero_pkts_rcvd": zeros_received,
            "priority_zero_pkts_sent": zeros_sent,
            "invalid_type_pkts_rcvd": types,
            "packet_length_errors": lengths,
            "checksum_errors": sums,
            "version_errors": versions,
            "vrid_errors": vrids,
            "ip_ttl_errors": ttls,
            "address_list_errors": addresses,
            "authentication_errors": passwords,
            "peer_errors": peers,
            "kernel_absorbed": absorbed,
        }
        card["old_state"] = states[old]
        card["cause"] = word
        card["flaps"] = flaps
        card["lateness_ns"] = None if late_ns == never_late else late_ns
        card["last_advert"] = None if seen_ns < 0 else (seen_ns + offset_ns) / NS
        card["down_deadline"] = None if deadline_ns < 0 else (deadline_ns + offset_ns) / NS
        yield card


class _Addresses(dict[bytes, str]):
    """Packed addresses as text; many virtual routers have few masters."""

    def __init__(self, family: int, length: int) -> None:
        self._family = family
        self._length = length

    def __missing__(self, packed: bytes) -> str:
        text = self[packed] = socket.inet_ntop(self._family, packed[: self._length])
        return text

"""What the outside sees of a daemon, as text that can be compared: only what must differ is left out."""

import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from lab.compare.side import ROUTER, Side
from lab.kit.capture import Frame
from lab.kit.packets import ETH_IPV4, read_advert, read_announcement

# The lab's own routes, and those that follow from addresses, say nothing more than the addresses do.
KERNEL_PROTOCOL = "kernel"
# Left out: the tag of who made it (known.TAG has the sentence), and what counts down.
IGNORED = {"protocol", "valid_life_time"}


@dataclass(frozen=True)
class Seen:
    """One thing that happened, by kind and by the stream it belongs to."""

    time_ns: int
    what: str
    where: str
    text: str


def everything(side: Side) -> list[Seen]:
    """Frames, FIFO lines and script calls of a side so far, each stream in its order."""
    found = list(_frames(frame for frame in list(side.wire.frames) if frame[1] == ROUTER))
    directory = str(side.net.directory)
    for note in list(side.notes.lines):
        found.append(Seen(note.time_ns, "line", note.source, note.text))
    for note in side.notes.calls():
        found.append(Seen(note.time_ns, "call", "scripts", note.text.replace(directory, "@DIR@")))
    return found


def _frames(frames: Iterable[Frame]) -> Iterable[Seen]:
    for time_ns, node, lan, data in frames:
        advert = read_advert(time_ns, node, lan, data)
        if advert is not None:
            where = f"of vrid {advert.vrid} to {advert.destination} on lan {lan}"
            text = (
                f"version {advert.version} priority {advert.priority} interval {advert.interval_cs} cs "
                f"ttl {advert.ttl} {advert.addresses} | {_comparable(data).hex()}"
            )
            yield Seen(time_ns, "advert", where, text)
            continue
        announcement = read_announcement(time_ns, node, lan, data)
        if announcement is not None:
            where = f"of {announcement.address} on lan {lan}"
            yield Seen(time_ns, "announcement", where, f"{announcement.kind} | {data.hex()}")


def _comparable(frame: bytes) -> bytes:
    """A frame without what marks the packet rather than the advert: known.PACKET_MARKS."""
    if int.from_bytes(frame[12:14], "big") != ETH_IPV4:
        return frame[:15] + bytes([frame[15] & 0xF0]) + bytes(2) + frame[18:]  # flow label
    return frame[:18] + bytes(4) + frame[22:24] + bytes(2) + frame[26:]  # identification, flags, checksum


def state(side: Side, looks: Iterable[str]) -> dict[str, list[str]]:
    """The kernel's tables in the router's namespace."""
    return {look: TABLES[look](side) for look in looks}


def _ip(side: Side, *words: str) -> list[dict[str, object]]:
    command = ["ip", "-n", side.net.namespace(ROUTER), "-N", "-d", "-j", *words]
    output = subprocess.run(command, capture_output=True, check=False).stdout  # a table may not exist yet
    found: list[dict[str, object]] = json.loads(output or b"[]")
    return found


def _addresses(side: Side) -> list[str]:
    found = []
    for link in _ip(side, "addr", "show"):
        infos = link.get("addr_info", [])
        assert isinstance(infos, list)
        for info in infos:
            found.append(f"{link['ifname']}: {_line(info)}")
    return found


def _routes(side: Side) -> list[str]:
    found = []
    for family in ("-4", "-6"):
        for route in _ip(side, family, "route", "show", "table", "all"):
            if route.get("protocol") not in (KERNEL_PROTOCOL, "2"):
                found.append(f"{family} {_line(route)}")
    return found


def _rules(side: Side) -> list[str]:
    return [
        f"{family} {_line(rule)}" for family in ("-4", "-6") for rule in _ip(side, family, "rule", "show")
    ]


def _line(facts: dict[str, object]) -> str:
    return " ".join(f"{key}={value}" for key, value in facts.items() if key not in IGNORED)


TABLES = {"addr": _addresses, "route": _routes, "rule": _rules}

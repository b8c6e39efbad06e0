"""What went over the LANs: every frame at every switch port, with the kernel's time stamps."""

import itertools
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from lab.kit.net import Net
from lab.kit.nsenter import socket_in
from lab.kit.packets import Advert, Announcement, read_advert, read_announcement

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
SO_TIMESTAMPNS = 35
PACKET_OUTGOING = 4

T = TypeVar("T")
Frame = tuple[int, str, int, bytes]  # time_ns, sender, lan, Ethernet frame


class Capture:
    """Frames as they enter the switch, so that the port tells who really sent them."""

    def __init__(self, net: Net) -> None:
        self.frames: list[Frame] = []
        self.adverts_seen: list[Advert] = []
        self.announcements_seen: list[Announcement] = []
        self.net = net
        self._ports = {port.peer: port for port in net.ports.values()}
        self._arrived = threading.Condition()
        self._socket = socket_in(net.switch, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.settimeout(0.1)
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._closing:
            try:
                frame, ancillary, _, address = self._socket.recvmsg(65536, 64)
            except TimeoutError:
                continue
            port = self._ports.get(address[0])
            if port is None or address[2] == PACKET_OUTGOING:
                continue
            seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
            time_ns = seconds * 1_000_000_000 + nanoseconds
            advert = read_advert(time_ns, port.node, port.lan, frame)
            announcement = read_announcement(time_ns, port.node, port.lan, frame)
            with self._arrived:
                self.frames.append((time_ns, port.node, port.lan, frame))
                if advert is not None:
                    self.adverts_seen.append(advert)
                if announcement is not None:
                    self.announcements_seen.append(announcement)
                self._arrived.notify_all()

    def adverts(
        self,
        sender: str | None = None,
        *,
        vrid: int | None = None,
        priority: int | None = None,
        lan: int | None = None,
        version: int | None = None,
        after: int = 0,
        before: int | None = None,
    ) -> list[Advert]:
        """The adverts seen so far that match; `after` and `before` are times in ns, both exclusive."""
        with self._arrived:
            return [
                advert
                for advert in self.adverts_seen
                if advert.time_ns > after
                and (before is None or advert.time_ns < before)
                and sender in (None, advert.sender)
                and vrid in (None, advert.vrid)
                and priority in (None, advert.priority)
                and lan in (None, advert.lan)
                and version in (None, advert.version)
            ]

    def announcements(self, sender: str, address: str, after: int = 0) -> list[Announcement]:
        with self._arrived:
            return [
                seen
                for seen in self.announcements_seen
                if seen.sender == sender and seen.address == address and seen.time_ns > after
            ]

    def wait(self, look: Callable[[], T], timeout: float, what: str) -> T:
        """The first true value of `look`, tried again with every frame that arrives."""
        deadline = time.monotonic() + timeout
        with self._arrived:
            while True:
                value = look()
                if value:
                    return value
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"not within {timeout} s: {what}\n{self.story()}")
                self._arrived.wait(left)

    def wait_advert(
        self,
        sender: str,
        *,
        vrid: int | None = None,
        priority: int | None = None,
        lan: int | None = None,
        after: int = 0,
        timeout: float = 10.0,
    ) -> Advert:
        """The first advert of a node after a moment."""
        wanted = f"an advert from {sender} (vrid {vrid}, priority {priority})"
        found = self.wait(
            lambda: self.adverts(sender, vrid=vrid, priority=priority, lan=lan, after=after), timeout, wanted
        )
        return found[0]

    def wait_adverts(
        self, count: int, sender: str, *, after: int, timeout: float = 10.0, **match: int
    ) -> list[Advert]:
        """The first `count` adverts of a node after a moment."""

        def enough() -> list[Advert]:
            seen = self.adverts(sender, after=after, **match)
            return seen[:count] if len(seen) >= count else []

        return self.wait(enough, timeout, f"{count} adverts from {sender}")

    def wait_time(self, time_ns: int, slack: float = 0.02) -> None:
        """Let the wire run until a moment has passed, so that what should not come had its chance."""
        time.sleep(max(0.0, (time_ns - time.time_ns()) / 1e9 + slack))

    def story(self, last: int = 40) -> str:
        """The last adverts, for a failure's message."""
        with self._arrived:
            seen = self.adverts_seen[-last:]
        if not seen:
            return "no advert was seen"
        start = seen[0].time_ns
        return "\n".join(
            f"  {(advert.time_ns - start) / 1e6:9.2f} ms {advert.sender} v{advert.version} "
            f"vrid {advert.vrid} prio {advert.priority} {advert.interval_cs} cs {advert.source}"
            for advert in seen
        )

    def close(self) -> None:
        self._closing = True
        self._thread.join()
        self._socket.close()


def gaps_ms(adverts: list[Advert]) -> list[float]:
    """The times between consecutive adverts, in milliseconds."""
    return [(later.time_ns - earlier.time_ns) / 1e6 for earlier, later in itertools.pairwise(adverts)]


def write_pcap(path: Path, frames: Iterator[Frame] | list[Frame]) -> None:
    """The frames as a pcap file with nanoseconds."""
    with path.open("wb") as file:
        file.write(struct.pack("!IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        for time_ns, _, _, data in frames:
            seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
            file.write(struct.pack("!IIII", seconds, nanoseconds, len(data), len(data)) + data)
        file.flush()
        os.fsync(file.fileno())

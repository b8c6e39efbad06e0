"""The client machine: pings every virtual address each millisecond and listens to the adverts on both LANs.

It reports by one JSON object a line on stdout, 20 a second; all times are CLOCK_MONOTONIC ns. It is what the
lab judges by: it knows nothing of the daemons' own opinion.
"""

import argparse
import contextlib
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import Any, NoReturn

from vrrpd_fast.lab import machine
from vrrpd_fast.lab.namespaces import NamespaceError, isolate
from vrrpd_fast.lab.switch import LANS

PERIOD_NS = 1_000_000
REPORT_NS = 50_000_000
SO_TIMESTAMPNS_NEW = 64  # asm-generic/socket.h: when the kernel got the packet, two 64-bit integers
GAP_NS = 3_000_000  # silences longer than this are told; shorter ones are the scheduler's
IPPROTO_VRRP = 112
VRRP_GROUP = "224.0.0.18"
ECHO_REQUEST, ECHO_REPLY = 8, 0


def checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def echo_request(identifier: int, sequence: int) -> bytes:
    head = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, identifier, sequence)
    return struct.pack("!BBHHH", ECHO_REQUEST, 0, checksum(head), identifier, sequence)


def raw_socket(protocol: int) -> socket.socket:
    """A raw IPv4 socket that tells when each packet arrived."""
    made = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS_NEW, 1)
    return made


def arrivals(raw: socket.socket) -> Iterator[tuple[bytes, str, int]]:
    """What has come in: datagram with IP header, source, and its arrival by CLOCK_MONOTONIC ns."""
    monotonic_ns = time.monotonic_ns() - time.time_ns()
    with contextlib.suppress(BlockingIOError):
        while True:
            packet, ancillary, _flags, (source, _) = raw.recvmsg(2048, 64)
            whole, rest = struct.unpack("qq", ancillary[0][2])
            yield packet, source, whole * 1_000_000_000 + rest + monotonic_ns


class Pinger:
    """Echo requests to several addresses and the silences between their answers."""

    def __init__(self, targets: list[str]) -> None:
        self.socket = raw_socket(socket.IPPROTO_ICMP)
        self._targets = targets
        self._identifier = os.getpid() & 0xFFFF
        self._sequence = 0
        self.last_answer: dict[str, int] = {}
        self.gaps: list[tuple[str, int, int]] = []  # address, last answer before, first after

    def ping(self) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        packet = echo_request(self._identifier, self._sequence)
        for target in self._targets:
            with contextlib.suppress(OSError):  # nobody answers ARP: that is what is being measured
                self.socket.sendto(packet, (target, 0))

    def receive(self) -> None:
        for packet, source, at_ns in arrivals(self.socket):
            header = (packet[0] & 15) * 4
            kind, _code, _checksum, identifier = struct.unpack_from("!BBHH", packet, header)
            if kind != ECHO_REPLY or identifier != self._identifier:
                continue
            before = self.last_answer.get(source)
            if before is not None and at_ns - before >= GAP_NS:
                self.gaps.append((source, before, at_ns))
            self.last_answer[source] = at_ns


class Listener:
    """Who advertises each VRID, and when one sender followed another."""

    def __init__(self) -> None:
        self.socket = raw_socket(IPPROTO_VRRP)
        for name in LANS:
            member = struct.pack("4s4si", socket.inet_aton(VRRP_GROUP), bytes(4), socket.if_nametoindex(name))
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        self.last_advert: dict[int, dict[str, Any]] = {}
        self.handovers: list[dict[str, Any]] = []

    def receive(self) -> None:
        for packet, source, at_ns in arrivals(self.socket):
            header = (packet[0] & 15) * 4
            kind, vrid, priority = packet[header : header + 3]
            before = self.last_advert.get(vrid)
            if before is not None and before["source"] != source:
                self.handovers.append(
                    {
                        "vrid": vrid,
                        "old": before["source"],
                        "last_ns": before["at_ns"],
                        "new": source,
                        "at_ns": at_ns,
                    }
                )
            self.last_advert[vrid] = {
                "source": source,
                "version": kind >> 4,
                "priority": priority,
                "at_ns": at_ns,
            }


def neighbours() -> dict[str, str]:
    """The ARP table: link-layer address by IPv4 address."""
    with open("/proc/net/arp") as table:
        rows = [line.split() for line in table][1:]
    return {row[0]: row[3] for row in rows}


def watch(targets: list[str]) -> NoReturn:
    """Ping and listen until stdout is closed (BrokenPipeError)."""
    pinger, listener = Pinger(targets), Listener()
    readers = {pinger.socket: pinger.receive, listener.socket: listener.receive}
    next_ping = next_report = time.monotonic_ns()
    while True:
        now_ns = time.monotonic_ns()
        if now_ns >= next_ping:
            pinger.ping()
            next_ping = max(next_ping + PERIOD_NS, now_ns)
        if now_ns >= next_report:
            report = {
                "at_ns": now_ns,
                "answers": pinger.last_answer,
                "gaps": pinger.gaps,
                "adverts": listener.last_advert,
                "handovers": listener.handovers,
                "neighbours": neighbours(),
            }
            print(json.dumps(report), flush=True)
            pinger.gaps, listener.handovers = [], []
            next_report = now_ns + REPORT_NS
        for ready in select.select(list(readers), [], [], max(0, next_ping - now_ns) / 1e9)[0]:
            readers[ready]()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--number", type=int, required=True)
    parser.add_argument("targets", nargs="+")
    arguments = parser.parse_args()
    try:
        first = isolate(as_root=True)
    except NamespaceError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return 1
    print(json.dumps({"result": first}), flush=True)
    sys.stdin.readline()  # the cables are plugged in
    machine.configure(arguments.number)
    try:
        watch(arguments.targets)
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())

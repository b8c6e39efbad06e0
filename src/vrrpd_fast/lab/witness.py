"""The client's reports, kept: who advertised, who answered, and every silence."""

import json
import os
import select
from ipaddress import IPv4Address
from typing import Any

from msgspec import Struct

from vrrpd_fast.lab.process import LabError, Process
from vrrpd_fast.lab.switch import Switch


class Gap(Struct, frozen=True):
    """A silence of one address: the last answer before it, the first after it (CLOCK_MONOTONIC ns)."""

    address: str
    from_ns: int
    to_ns: int


class Handover(Struct, frozen=True):
    """On the wire of a VRID one sender followed another: the last advert of the old, the first of the new."""

    vrid: int
    old: str
    last_ns: int
    new: str
    at_ns: int


class Witness:
    """All that was reported so far."""

    def __init__(self) -> None:
        self.at_ns = 0
        self.answers: dict[str, int] = {}
        self.gaps: list[Gap] = []
        self.adverts: dict[int, dict[str, Any]] = {}
        self.handovers: list[Handover] = []
        self.neighbours: dict[str, str] = {}

    def take(self, report: dict[str, Any]) -> None:
        """Add what one report of lab/client.py says."""
        self.at_ns = report["at_ns"]
        self.answers = report["answers"]
        self.gaps += [Gap(*gap) for gap in report["gaps"]]
        self.adverts = {int(vrid): advert for vrid, advert in report["adverts"].items()}
        self.handovers += [Handover(**handover) for handover in report["handovers"]]
        self.neighbours = report["neighbours"]

    def handover_to(self, vrid: int, source: str, since_ns: int) -> Handover | None:
        """The first time since then that this sender followed another."""
        found = (h for h in self.handovers if h.vrid == vrid and h.new == source and h.at_ns > since_ns)
        return next(found, None)

    def longest_gap(self, address: str, since_ns: int) -> Gap | None:
        """The longest silence that ended after that time."""
        gaps = [gap for gap in self.gaps if gap.address == address and gap.to_ns > since_ns]
        return max(gaps, key=lambda gap: gap.to_ns - gap.from_ns, default=None)

    def answered_since(self, address: str, since_ns: int) -> bool:
        return self.answers.get(address, 0) > since_ns


class ClientMachine:
    """The machine that runs lab/client.py, seen from outside."""

    def __init__(self, number: int, switch: Switch, targets: list[IPv4Address]) -> None:
        self.witness = Witness()
        self._pending = b""
        arguments = ["--number", str(number), *map(str, targets)]
        self._process = Process("vrrpd_fast.lab.client", *arguments)
        switch.plug("client", number, self._process.pid)
        self._process.send("go")

    def read(self, timeout: float) -> None:
        """Take in what the client reported; waits `timeout` seconds at most for the next report."""
        descriptor = self._process.stdout.fileno()
        if not select.select([descriptor], [], [], timeout)[0]:
            return
        data = os.read(descriptor, 1 << 16)
        if not data:
            raise LabError("the client machine ended")
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self.witness.take(json.loads(line))

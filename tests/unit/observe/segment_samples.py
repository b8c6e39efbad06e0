"""Stats segments made without a daemon: what a reader is shown in tests, in plain Python.

with Sample(socket_path, [instance("lan1", state="MASTER")]) as sample:
    read(socket_path)            # RUNNING, as long as the sample is open
read(socket_path)                # STOPPED
"""

import fcntl
import os
import time
import zlib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import Any

import msgspec

from vrrpd_fast.observe import layout

JSON = dict[str, Any]
NS = 1_000_000_000
DYNAMIC = ("state", "effective_priority", "master_advert_int", "master_address", "master_priority")


def instance(name: str, **facts: Any) -> JSON:
    """An entry of `instances` as `read` is to give it; `facts` replace what is in it.

    `tracking` is a list of (type, name, weight, reverse, contribution).
    """
    counters = dict.fromkeys([*layout.COUNTERS, "kernel_absorbed"], 0)
    counters.update(facts.pop("statistics", {}))
    return {
        "name": name,
        "interface": "eth0",
        "address_family": "ipv4",
        "virtual_router_id": 51,
        "version": 3,
        "state": "BACKUP",
        "priority": 100,
        "effective_priority": 100,
        "priority_sum": "100 base = 100",
        "advert_int": 1.0,
        "master_advert_int": 1.0,
        "master_address": "192.0.2.2",
        "master_priority": 200,
        "last_transition": 1_800_000_000.25,
        "reason": "started",
        "virtual_addresses": ["192.0.2.1/24"],
        "tracking": [],
        "statistics": counters,
        "group": None,
        "failover": None,
        "old_state": "INIT",
        "cause": "startup",
        "flaps": 1,
        "lateness_ns": None,
        "last_advert": None,
        "down_deadline": None,
        **facts,
    }


def script(name: str, state: str = "up", **facts: Any) -> JSON:
    """An entry of `trackers`."""
    return {
        "name": name,
        "type": "script",
        "state": state,
        "last_result": "exit 0",
        "last_duration": 0.01,
        "runs": 3,
        "skipped": 0,
        **facts,
    }


class Sample:
    """A segment, and the lock of a daemon that lives. What is written can be changed while it is open."""

    def __init__(
        self,
        socket_path: str,
        instances: Sequence[JSON] = (),
        *,
        trackers: Sequence[JSON] = (),
        groups: Sequence[JSON] = (),
        notify: JSON | None = None,
        router_id: str = "sample",
        version: str = "0.1.0",
        engine: Mapping[str, int] | None = None,
        unattributed: Mapping[str, int] | None = None,
        lateness: Mapping[int, int] | None = None,
        takeover: Mapping[str, Mapping[int, int]] | None = None,
        beat_age: float = 0.0,
        pid: int = 0,
    ) -> None:
        """`beat_age`: seconds since the daemon last said that it lives; histograms as `read` gives them."""
        self.path = layout.path_of(socket_path)
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        os.ftruncate(self.fd, layout.HEAP_AT)
        self._free = 0  # unit of the heap
        self._serial = 0
        self._real_ns = time.time_ns()
        self._monotonic_ns = time.monotonic_ns()
        self.fixed(pid=pid or os.getpid())
        for slot, each in enumerate(instances):
            self.put(slot, each)
        others = [["process", {"router_id": router_id, "version": version}]]
        others += [["notify", notify or {"scripts": {}, "fifos": []}]]
        others += [["tracker", each] for each in trackers]
        others += [["group", each] for each in groups]
        for slot, body in enumerate(others, layout.SLOTS):
            self._serial += 1
            self.card(slot, body, self._serial)
        self._live: dict[str, Any] = {
            "rows": len(instances),
            "others": len(others),
            "engine": engine or {},
            "unattributed": unattributed or {},
            "lateness": lateness or {},
            "takeover": takeover or {},
            "beat_age": beat_age,
        }
        self.live()

    def __enter__(self) -> "Sample":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """The daemon is gone, by whatever way; the file stays."""
        os.close(self.fd)

    def fixed(self, *, magic: bytes = layout.MAGIC, number: int = layout.LAYOUT, pid: int = 1) -> None:
        """The part of the header that does not change."""
        sizes = (layout.HEADER_SIZE, layout.ROW_SIZE, layout.SLOTS, layout.OTHERS)
        places = (layout.SEQUENCES_AT, layout.ROWS_AT, layout.ENTRIES_AT, layout.HEAP_AT)
        started = self._real_ns - 60 * NS, self._monotonic_ns - 60 * NS
        packed = layout.FIXED.pack(magic, number, layout.BYTE_ORDER, *sizes, *places, pid, *started)
        os.pwrite(self.fd, packed, 0)

    def live(self, *, stopped: bool = False, sequence: int = 2, **facts: Any) -> None:
        """The part that does; `facts` are parameters of Sample, and rows, others."""
        self._live.update(facts)
        known = self._live
        age_ns = round(known["beat_age"] * NS)
        numbers = [known["engine"].get(name, 0) for name in layout.ENGINE]
        numbers += [0] * (16 - len(numbers))
        numbers += [known["unattributed"].get(name, 0) for name in layout.COUNTERS]
        numbers += [0] * (32 - len(numbers))
        for histogram in (known["lateness"], *(known["takeover"].get(step, {}) for step in layout.STEPS)):
            numbers += [histogram.get(1 << n, 0) for n in range(layout.BUCKETS)]
        packed = layout.LIVE.pack(
            *(sequence, stopped, known["rows"], known["others"]),
            *(time.monotonic_ns() - age_ns, time.time_ns() - age_ns),
            *numbers,
        )
        os.pwrite(self.fd, packed, layout.LIVE_AT)

    def put(self, slot: int, wanted: JSON) -> None:
        """A virtual router: its card and its row."""
        self._serial += 1
        card = dict(wanted)
        for name in (*DYNAMIC, "statistics"):
            card[name] = None
        for name in ("old_state", "cause", "lateness_ns", "last_advert", "down_deadline"):
            del card[name]
        self.card(slot, card, self._serial)
        self.row(slot, wanted, self._serial)

    def row(self, slot: int, wanted: JSON, serial: int, sequence: int = 2) -> None:
        address = wanted["master_address"]
        packed = bytes(16) if address is None else ip_address(address).packed.ljust(16, b"\0")
        offset_ns = self._real_ns - self._monotonic_ns
        times = [
            -1 if wanted[name] is None else round(wanted[name] * NS) - offset_ns
            for name in ("last_advert", "down_deadline")
        ]
        data = layout.ROW.pack(
            serial,
            layout.STATES.index(wanted["state"]),
            layout.STATES.index(wanted["old_state"]),
            layout.CAUSES.index(wanted["cause"]),
            wanted["effective_priority"],
            wanted["master_priority"],
            int(wanted["address_family"][-1]),
            0 if address is None else layout.MASTER_KNOWN,
            0,
            round(wanted["master_advert_int"] * 100),
            packed,
            round(wanted["last_transition"] * NS),
            *times,
            wanted["flaps"],
            layout.NEVER_LATE if wanted["lateness_ns"] is None else wanted["lateness_ns"],
            *wanted["statistics"].values(),
        )
        os.pwrite(self.fd, data, layout.ROWS_AT + slot * layout.ROW_SIZE)
        os.pwrite(self.fd, sequence.to_bytes(4, "little"), layout.SEQUENCES_AT + slot * 4)

    def card(self, slot: int, body: Any, serial: int) -> None:
        self.text(slot, msgspec.json.encode(body), serial)

    def text(self, slot: int, text: bytes, serial: int, checksum: int | None = None) -> None:
        """Any bytes as a card."""
        unit, self._free = self._free, self._free + len(text) // layout.UNIT + 1
        os.pwrite(self.fd, text, layout.HEAP_AT + unit * layout.UNIT)
        entry = layout.ENTRY.pack(unit, len(text), zlib.crc32(text) if checksum is None else checksum, serial)
        os.pwrite(self.fd, entry, layout.ENTRIES_AT + slot * layout.ENTRY_SIZE)

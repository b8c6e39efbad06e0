"""Nanoseconds per operation of wire, wheel, machine and segment, the Python call around each included.

python bench/micro.py
"""

import tempfile
import time
from collections.abc import Callable

import msgspec

from harness.report import table as markdown
from vrrpd_fast.engine import wire
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.engine.machine import Machine
from vrrpd_fast.engine.wheel import Wheel
from vrrpd_fast.model import State
from vrrpd_fast.observe import read
from vrrpd_fast.segment.file import SegmentFile

ROUNDS = 5
ROUTERS = 1000
SHOWN = 10_000
INTERVAL_NS = 100_000_000
IFINDEX = 7
SOURCE = bytes((192, 0, 2, 10))
PEER = bytes((192, 0, 2, 20))
GROUP = bytes((224, 0, 0, 18))
VIRTUAL = bytes((192, 0, 2, 254))

Operation = Callable[[], int]  # runs a batch, returns how many operations that was


def _advert(vrid: int = 1, priority: int = 200) -> bytes:
    return wire.pack_advert(
        family=4,
        version=3,
        vrid=vrid,
        priority=priority,
        interval_cs=10,
        addresses=[VIRTUAL],
        source=PEER,
        destination=GROUP,
    )


def _repeat(call: Callable[[], object], times: int = 20_000) -> Operation:
    def batch() -> int:
        for _ in range(times):
            call()
        return times

    return batch


def _wheel_arm(wheel: Wheel, deadlines: list[int]) -> Operation:
    def batch() -> int:
        for timer, deadline in enumerate(deadlines):
            wheel.arm(timer, deadline)
        return len(deadlines)

    return batch


def _wheel_cancel(wheel: Wheel, deadlines: list[int]) -> Operation:
    arm = _wheel_arm(wheel, deadlines)

    def batch() -> int:
        arm()
        for timer in range(len(deadlines)):
            wheel.cancel(timer)
        return len(deadlines)

    return batch


def _wheel_pop(wheel: Wheel, deadlines: list[int]) -> Operation:
    arm = _wheel_arm(wheel, deadlines)
    late_ns = max(deadlines) + 1_000_000

    def batch() -> int:
        arm()
        while wheel.pop(late_ns) >= 0:
            pass
        return len(deadlines)

    return batch


def _machine(start_ns: int, priority: int) -> Machine:
    """1000 virtual routers, 250 on each of four links."""
    machine = Machine()
    for number in range(ROUTERS):
        link, vrid = divmod(number, 250)
        handle = machine.add(
            ifindex=IFINDEX + link,
            family=4,
            vrid=vrid + 1,
            version=3,
            priority=priority,
            advert_int_cs=10,
            addresses=[VIRTUAL],
        )
        machine.move(handle, IFINDEX + link, SOURCE)
        machine.start(handle, start_ns)
    machine.drain(ROUTERS)
    return machine


class _Backups:
    """Hear a master's advert for every virtual router, time after time."""

    def __init__(self) -> None:
        self.now_ns = INTERVAL_NS
        self.machine = _machine(self.now_ns, 100)
        self.adverts = [(IFINDEX + number // 250, _advert(number % 250 + 1)) for number in range(ROUTERS)]

    def __call__(self) -> int:
        self.now_ns += INTERVAL_NS
        receive, now_ns = self.machine.receive_ipv4, self.now_ns
        for ifindex, datagram in self.adverts:
            receive(now_ns, ifindex, datagram)
        return ROUTERS

    def check(self) -> None:
        assert self.machine.snapshot(0).state is State.BACKUP


class _Masters:
    """An interval of adverts, deadline by deadline, their handles taken."""

    def __init__(self) -> None:
        self.machine = _machine(INTERVAL_NS, 255)
        self.machine.take_due()

    def __call__(self) -> int:
        sent = 0
        while sent < 10 * ROUTERS:
            self.machine.advance(self.machine.next_deadline_ns())
            sent += len(self.machine.take_due())
        return sent


class _Segment:
    """The stats segment of many virtual routers, written and read."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="vrrpd-fast-micro-", dir="/dev/shm")
        self._path = f"{self._directory.name}/control.sock"
        self._engine = Engine(lambda: None, receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
        self._file = SegmentFile(self._path, time.monotonic_ns())
        self._engine.write_rows(self._file.rows)
        for number in range(SHOWN):
            handle = self._engine.add(
                ifindex=1 + number // 250,
                family=4,
                vrid=1 + number % 250,
                version=3,
                priority=100,
                advert_int_cs=100,
                addresses=[VIRTUAL],
            )
            self._file.put(handle, msgspec.json.encode(_card(number)), number + 1)
            self._engine.show(handle, number + 1)
        self._engine.beat(0, 0, 0)
        self._file.publish()

    def write(self) -> int:
        while self._engine.refresh_rows(SHOWN):
            pass
        return SHOWN

    def read(self) -> int:
        return len(read(self._path).instances)


def _card(number: int) -> dict[str, object]:
    """As large as most (router.py)."""
    return {
        "name": f"vr_{number}",
        "interface": f"eth{number // 250}",
        "address_family": "ipv4",
        "virtual_router_id": 1 + number % 250,
        "version": 3,
        "state": None,
        "priority": 100,
        "effective_priority": None,
        "priority_sum": "100 base = 100",
        "advert_int": 1.0,
        "master_advert_int": None,
        "master_address": None,
        "master_priority": None,
        "last_transition": 1_800_000_000.123456,
        "reason": "no advert heard for 3.609 s (3 × 1 s + skew 609 ms)",
        "virtual_addresses": [f"10.{number // 250}.0.{1 + number % 250}/24"],
        "tracking": [],
        "statistics": None,
        "group": None,
        "failover": f"k7qd-{number}",
        "flaps": 0,
    }


def operations() -> dict[str, Operation]:
    """Everything measured, by name."""
    datagram = _advert()
    patched = bytearray(datagram)
    wheel = Wheel(ROUTERS)
    deadlines = [1_000_000_000 + number * 104_729 for number in range(ROUTERS)]
    backups = _Backups()
    backups()
    backups.check()
    segment = _Segment()
    return {
        "wire: pack an advert": _repeat(_advert),
        "wire: patch the priority": _repeat(lambda: wire.set_priority(patched, 100)),
        "wire: parse and judge": _repeat(lambda: wire.judge_ipv4(datagram, 3)),
        "wire: checksum of 32 bytes": _repeat(lambda: wire.checksum(datagram)),
        "wheel: arm": _wheel_arm(wheel, deadlines),
        "wheel: arm and cancel": _wheel_cancel(wheel, deadlines),
        "wheel: arm and pop": _wheel_pop(wheel, deadlines),
        f"machine: receive, {ROUTERS} VRs in BACKUP": backups,
        f"machine: advance and take an advert, {ROUTERS} VRs": _Masters(),
        f"segment: write a row, {SHOWN} VRs": segment.write,
        f"segment: read all, for each of {SHOWN} VRs": segment.read,
    }


def measure() -> dict[str, float]:
    """Nanoseconds per operation: the best of some rounds, as the least disturbed one."""
    return {name: min(_round(operation) for _ in range(ROUNDS)) for name, operation in operations().items()}


def _round(operation: Operation) -> float:
    started_ns = time.perf_counter_ns()
    count = operation()
    return (time.perf_counter_ns() - started_ns) / count


def table(figures: dict[str, float]) -> str:
    return markdown([[name, f"{ns:.0f}"] for name, ns in figures.items()], ("operation", "ns"))


if __name__ == "__main__":
    print(table(measure()))

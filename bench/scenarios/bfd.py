"""BFD: processor time per packet of many sessions, and how soon a dead neighbour lowers a priority.

The other end is vrrpd-fast, always. Where other scenarios have a bare C program, these have FRR's bfdd, with
the zebra that it needs.
"""

import contextlib
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from statistics import median

from harness.bfd import Sessions, Speaker, furnish, text
from harness.daemon import Daemon
from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import FLOOR, KEEPALIVED, OURS, Programs
from harness.shape import OUR_PRIORITY, Shape
from harness.steady import observe

_PATIENCE_S = 60.0
_DEATHS = 5
# Prints `B TIME` for each BFD packet that leaves this end, `A TIME PRIORITY` for each advert that comes; µs.
_WITNESS = """
import socket, struct, sys
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.setsockopt(socket.SOL_SOCKET, 35, 1)
tap.bind(("v0", 3))
print("ready", flush=True)
while True:
    try:
        frame, beside, _, name = tap.recvmsg(2048, 64)
    except OSError:  # the link is gone
        sys.exit(0)
    if frame[12:14] != b"\\x08\\x00":
        continue
    seconds, nanoseconds = struct.unpack("qq", beside[0][2][:16])
    at = seconds * 1000000 + nanoseconds // 1000
    if frame[23] == 112:
        print("A", at, frame[36], flush=True)
    elif frame[23] == 17 and frame[36:38] == b"\\x0e\\xc8" and name[2] == 4:
        print("B", at, flush=True)
"""


def _measure_cpu(sessions: Sessions, programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    with Wire(Shape(1, 1)) as wire, contextlib.ExitStack() as stack:
        furnish(wire, sessions)
        far = Speaker(programs, wire, OURS, sessions, 2)
        near = Speaker(programs, wire, subject, sessions, 1)
        stack.callback(near.close)
        _wait_until_up(wire, sessions)
        window = observe(wire.near, [near.pid, far.pid], effort.window_s)
    return {
        "cpu": window.cpu_ns[0] / window.packets / 1000,
        "rate": 100 * window.packets / window.seconds / sessions.per_second,
    }


def _wait_until_up(wire: Wire, sessions: Sessions) -> None:
    """Until both ends send about as fast as they are to, for a second and a half."""
    deadline = time.monotonic() + _PATIENCE_S
    held = 0
    while held < 3:
        if time.monotonic() > deadline:
            raise BenchError("the sessions do not come up")
        ends = (wire.near, wire.far)
        before = [node.packets_sent() for node in ends]
        time.sleep(0.5)
        rates = [(node.packets_sent() - sent) / 0.5 for node, sent in zip(ends, before, strict=True)]
        held = held + 1 if min(rates) > 0.9 * sessions.per_second else 0


class _Witness:
    """What the far end sees."""

    def __init__(self, wire: Wire) -> None:
        self.process = wire.far.start(
            sys.executable, "-u", "-c", _WITNESS, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert self.process.stdout is not None
        self._stream = self.process.stdout
        assert self._stream.readline() == b"ready\n"
        self.last_packet_us = 0

    def wait(self, priority: int) -> int:
        """The time of the next advert with this priority, µs; what comes before is read."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            if not select.select([self._stream], [], [], 1.0)[0]:
                continue
            kind, at, *rest = self._stream.readline().split()
            if kind == b"B":
                self.last_packet_us = int(at)
            elif int(rest[0]) == priority:
                return int(at)
        raise BenchError(f"no advert of priority {priority} in {_PATIENCE_S:.0f} s")


def _measure_track(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    """A neighbour stops dead (SIGSTOP): from its last packet to the first advert of the lower priority."""
    sessions = Sessions(1, 10, 3)
    shape = Shape(1, 1, interval_cs=1)
    with Wire(shape) as wire:
        furnish(wire, sessions)
        near = Daemon(programs, wire.near, subject, text(subject, sessions, 1, "s0 weight -50", shape))
        far = Daemon(programs, wire.far, OURS, text(OURS, sessions, 2))
        witness = _Witness(wire)
        took_ms = []
        for _ in range(_DEATHS):
            witness.wait(OUR_PRIORITY)
            time.sleep(1.0)
            far.process.send_signal(signal.SIGSTOP)
            lowered_us = witness.wait(OUR_PRIORITY - 50)
            took_ms.append((lowered_us - witness.last_packet_us) / 1000)
            far.process.send_signal(signal.SIGCONT)
        near.stop()
    return {"track": median(took_ms), "worst": max(took_ms)}


def _cpu(name: str, sessions: Sessions, in_quick: bool = True) -> Scenario:
    return Scenario(
        name,
        f"BFD: {sessions.count} sessions @{sessions.interval_ms} ms (for bare C stands FRR's bfdd)",
        (OURS, KEEPALIVED, FLOOR),
        (
            Metric("cpu", "CPU per packet sent and one received", "µs", Budget(0.5, True)),
            Metric("rate", "packets sent of the mean of the jitter", "%"),
        ),
        lambda programs, subject, effort: _measure_cpu(sessions, programs, subject, effort),
        in_quick=in_quick,
    )


SCENARIOS = (
    _cpu("bfd-50ms", Sessions(400, 50, 5)),
    _cpu("bfd-10ms", Sessions(100, 10, 5), in_quick=False),
    Scenario(
        "bfd-track",
        "BFD @10 ms × 3: a neighbour dies",
        (OURS, KEEPALIVED),
        (
            Metric(
                "track",
                "last packet heard to the lower priority on the wire, median",
                "ms",
                Budget(50, False),
            ),
            Metric("worst", "worst of five", "ms"),
        ),
        _measure_track,
    ),
)

"""A reader beside a writer that never rests: what it sees is of one moment, row by row and card by card."""

import subprocess
import sys
import time
from pathlib import Path

from vrrpd_fast.observe import read

ROUTERS = 40
SECONDS = 2.0

WRITER = f"""
import sys, time
import msgspec
from vrrpd_fast.engine.engine import Engine
from vrrpd_fast.model import Reason, State
from vrrpd_fast.segment.file import SegmentFile

engine = Engine(lambda: None, receive4=-1, receive6=-1, packet=-1, unicast4=-1, unicast6=-1)
file = SegmentFile(sys.argv[1], time.monotonic_ns())
engine.write_rows(file.rows)
handles = [
    engine.add(
        ifindex=7, family=4, vrid=n, version=3, priority=100, advert_int_cs=10, addresses=[bytes(4)]
    )
    for n in range(1, {ROUTERS} + 1)
]

def write(handle, number):
    text = str(number) * (1 + number % 60)
    card = dict(name="vr", tracking=[], flaps=1, last_transition=1, reason=text, virtual_addresses=[text])
    file.put(handle, msgspec.json.encode(card), handle + 1)

for handle in handles:
    write(handle, 0)
    engine.show(handle, handle + 1)
engine.beat(0, 0, 0)
file.publish()
print("ready", flush=True)
number = 0
while True:
    number += 1
    for handle in handles:
        if number % 2:
            engine.start(handle, engine.now_ns(), Reason.STARTUP)
        else:
            engine.stop(handle, engine.now_ns(), State.INIT, Reason.SHUTDOWN)
        write(handle, number)
    engine.settle()
    engine.drain(1000)
"""


def test_nothing_is_torn(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    command = [sys.executable, "-c", WRITER, path]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        try:
            assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
            assert watch(path) > 10
        finally:
            writer.kill()


def watch(path: str) -> int:
    """In how many different states it was seen."""
    until = time.monotonic() + SECONDS
    seen = set()
    while time.monotonic() < until:
        instances = read(path).instances
        assert len(instances) == ROUTERS
        for each in instances:
            is_odd = each["flaps"] % 2
            assert each["state"] == ("BACKUP" if is_odd else "INIT")
            assert each["cause"] in ("none", "startup" if is_odd else "shutdown")
            (text,) = each["virtual_addresses"]
            assert each["reason"] in (text, "none", "startup", "shutdown")
            seen.add(each["flaps"])
    return len(seen)

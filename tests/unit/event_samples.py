"""An event ring as the daemon writes it, with what a test wants in it."""

from typing import Any

import msgspec

from vrrpd_fast.recorder.ring import Ring

TAKEOVER: dict[str, Any] = {
    "time": 1_790_000_000.361402,
    "event": "transition",
    "instance": "VI_1",
    "id": "k7qd-1",
    "old": "BACKUP",
    "new": "MASTER",
    "reason": "no_advert",
    "text": "no advert from 10.0.0.2 for 361 ms (3 × 100 ms + skew 61 ms)",
    "priority": 100,
    "base": 100,
    "sum": "100 base = 100",
    "master_address": "10.0.0.2",
    "master_priority": 102,
    "steps": [
        {"at_us": -361_000, "what": "advert_heard", "from": "10.0.0.2", "priority": 102},
        {"at_us": -40, "what": "down_timer", "interval_us": 361_000, "skew_us": 61_000},
        {"at_us": 35, "what": "advert_sent", "priority": 100},
        {"at_us": 410, "what": "addresses_added", "count": 2, "took_us": 95},
        {"at_us": 431, "what": "announced", "count": 2},
        {"at_us": 900, "what": "fifo", "line": 'INSTANCE "VI_1" MASTER 100'},
        {"at_us": 912, "what": "script_queued", "word": "notify_master"},
    ],
}
ENDED: dict[str, Any] = {
    "time": 1_790_000_000.40,
    "event": "steps",
    "instance": "VI_1",
    "id": "k7qd-1",
    "steps": [
        {"at_us": 2_300, "what": "script_started", "word": "notify_master"},
        {"at_us": 40_000, "what": "script_ended", "word": "notify_master", "result": "exit 0"},
    ],
}
START: dict[str, Any] = {"time": 1_790_000_000.0, "event": "start", "version": "0", "pid": 1, "instances": 1}


def write(socket_path: str, *events: dict[str, Any], block_size: int = 65536, blocks: int = 256) -> None:
    """Append events to the ring of a control socket, numbered as the daemon does."""
    ring = Ring(socket_path, block_size=block_size, blocks=blocks)
    try:
        append(ring, *events)
    finally:
        ring.close()


def append(ring: Ring, *events: dict[str, Any]) -> None:
    ring.append(
        [msgspec.json.encode({"seq": number, **event}) for number, event in enumerate(events, ring.last + 1)]
    )

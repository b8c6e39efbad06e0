"""Where things stand in the stats segment: docs/SEGMENT.md as constants, for whoever reads or writes it.

csrc/segment.h says the same to the engine; tests/unit/observe/test_layout.py compares them.
"""

import struct
from typing import Final

MAGIC: Final = b"VRRPSTAT"
LAYOUT: Final = 1
BYTE_ORDER: Final = 0x01020304

SLOTS: Final = 1 << 17  # virtual routers, by the engine's handle
OTHERS: Final = 1 << 16  # further cards: trackers, groups, what is told of the process
UNIT: Final = 64  # bytes; cards begin at multiples of it
CARD_LIMIT: Final = 1 << 20  # bytes of one card

HEADER_SIZE: Final = 4096
ROW_SIZE: Final = 192
SEQUENCE_SIZE: Final = 4
ENTRY_SIZE: Final = 16
SEQUENCES_AT: Final = HEADER_SIZE
ROWS_AT: Final = SEQUENCES_AT + SLOTS * SEQUENCE_SIZE
ENTRIES_AT: Final = ROWS_AT + SLOTS * ROW_SIZE
HEAP_AT: Final = ENTRIES_AT + (SLOTS + OTHERS) * ENTRY_SIZE

# What does not change while the daemon runs: magic, layout, byte order, sizes of header and row, slots,
# others, offsets of sequences, rows, entries and heap, pid, started (CLOCK_REALTIME, CLOCK_MONOTONIC).
FIXED: Final = struct.Struct("=8s6I4QQqq")
# What does: sequence, stopped, rows, others, heartbeat (CLOCK_MONOTONIC, CLOCK_REALTIME); counters of the
# engine and of what belongs to nobody; histograms of lateness and of each step of a takeover.
LIVE_AT: Final = 128
BUCKETS: Final = 40  # bucket n counts what took less than 2^n ns
ENGINE: Final = (
    *("kernel_filter", "polling", "wakeups", "datagrams_received", "datagrams_sent", "send_failed"),
    *("send_dropped", "send_errno", "events_lost", "receive_dropped", "link_overruns"),
)
COUNTERS: Final = (
    *("master_transitions", "advertisement_rcvd", "advertisement_sent", "interval_errors"),
    *("priority_zero_pkts_rcvd", "priority_zero_pkts_sent", "invalid_type_pkts_rcvd"),
    *("packet_length_errors", "checksum_errors", "version_errors", "vrid_errors", "ip_ttl_errors"),
    *("address_list_errors", "authentication_errors", "peer_errors"),
)
STEPS: Final = ("advert", "addresses", "announced")
LIVE: Final = struct.Struct(f"=4Iqq16Q16Q{BUCKETS}Q{len(STEPS) * BUCKETS}Q")

# A row: serial, state, old state, cause, priority, the master's priority, family, flags, a spare byte, the
# master's interval in cs, its address, the last transition (CLOCK_REALTIME), last advert and down deadline
# (CLOCK_MONOTONIC, -1: none), changes of state, lateness in ns, then COUNTERS and kernel_absorbed.
ROW: Final = struct.Struct("=I8BI16sqqqII16Q")
MASTER_KNOWN: Final = 1  # flag: there is a master's address
NEVER_LATE: Final = 0xFFFFFFFF  # no transition of it was due to its down timer

# Where a card is: its unit in the heap, its length, its CRC-32, the serial of what it is of (0: nobody).
ENTRY: Final = struct.Struct("=4I")

STATES: Final = ("INIT", "BACKUP", "MASTER", "FAULT")
CAUSES: Final = (  # model.Reason
    *("none", "startup", "owner", "no_advert", "resigned", "preempt", "higher_priority", "higher_address"),
    *("shutdown", "interface_down", "interface_gone", "no_address", "tracked_script", "tracked_interface"),
    *("recovered", "reconfigured", "no_peers", "sync_group", "tracked_file", "tracked_process"),
    *("tracked_probe", "tracked_bfd", "operator"),
)


def path_of(socket_path: str) -> str:
    """Where the segment of the daemon with this control socket is."""
    return f"{socket_path}.stats"

"""The rule of the kernel filter, slow and obvious: which packets of a raw socket it may take away."""

import struct
from pathlib import Path
from typing import NamedTuple


class Armed(NamedTuple):
    """What a virtual router's entry holds; its VRID is in the message."""

    ifindex: int
    source: bytes
    destination: bytes
    message: bytes


def absorbs_ipv4(armed: Armed, ifindex: int, datagram: bytes) -> bool:
    if len(datagram) < 20 or datagram[0] != 0x45:
        return False
    total_length, fragment = struct.unpack("!2xH2xH", datagram[:8])
    return (
        ifindex == armed.ifindex
        and total_length == len(datagram)
        and fragment & 0x3FFF == 0
        and datagram[8:10] == bytes([255, 112])
        and datagram[12:16] == armed.source
        and datagram[16:20] == armed.destination
        and datagram[20:] == armed.message
    )


def absorbs_ipv6(armed: Armed, ifindex: int, header: bytes, message: bytes) -> bool:
    return (
        ifindex == armed.ifindex
        and struct.unpack("!H", header[4:6])[0] == len(message)
        and header[6:8] == bytes([112, 255])
        and header[8:24] == armed.source
        and header[24:40] == armed.destination
        and message == armed.message
    )


def is_bpf_allowed() -> bool:
    """Whether this process may load programs: CAP_BPF (39) or CAP_SYS_ADMIN (21), not in a user namespace."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    capable = int(status["CapEff"], 16) & (1 << 39 | 1 << 21) != 0
    return capable and Path("/proc/self/uid_map").read_text().split() == ["0", "0", "4294967295"]

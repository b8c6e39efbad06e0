"""Thousands of frames a second out of one port, without a process of their own."""

import ctypes
import os
import socket
import time
from collections.abc import Sequence
from ipaddress import IPv4Address
from typing import Any

from lab.kit.net import Port
from lab.kit.packets import (
    ETH_IPV4,
    GROUP4,
    GROUP4_MAC,
    IP,
    craft_datagram,
    craft_message,
    mac_bytes,
)

_libc = ctypes.CDLL(None, use_errno=True)
BATCH = 128
PAUSE_S = 0.001


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_char_p), ("length", ctypes.c_size_t))


class _Message(ctypes.Structure):
    """struct mmsghdr of a 64-bit system."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vector", ctypes.POINTER(_Vector)),
        ("vectors", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
        ("sent", ctypes.c_uint32),
    )


def frame(port: Port, *, vrid: int, priority: int, addresses: Sequence[str], **wrong: Any) -> bytes:
    """A frame of an advert, version 3 at 100 ms, out of a port; see craft_message for what can be wrong."""
    listed: list[IP] = [IPv4Address(text) for text in addresses]
    values = {"version": 3, "vrid": vrid, "priority": priority, "interval_cs": 10, "addresses": listed}
    message = craft_message(**{**values, "source": port.ipv4, "destination": GROUP4, **wrong})
    header = mac_bytes(GROUP4_MAC) + mac_bytes(port.mac) + ETH_IPV4.to_bytes(2, "big")
    return header + craft_datagram(port.ipv4, GROUP4, message)


def flood(sender: socket.socket, frames: Sequence[bytes], *, rate: int, seconds: float) -> int:
    """Send whole frames in turn, `rate` a second or as many as the machine can; how many that were."""
    vectors = [_Vector(frame, len(frame)) for frame in frames]
    turns = len(frames) + BATCH  # so that a batch may begin anywhere
    messages = (_Message * turns)()
    for at in range(turns):
        messages[at].vector = ctypes.pointer(vectors[at % len(frames)])
        messages[at].vectors = 1
    total = 0
    began = time.monotonic()
    while (past := time.monotonic() - began) < seconds:
        wanted = min(BATCH, int(past * rate) - total)
        if wanted <= 0:
            time.sleep(PAUSE_S)
            continue
        first = ctypes.byref(messages[total % len(frames)])
        sent = _libc.sendmmsg(sender.fileno(), first, wanted, 0)
        if sent < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        total += sent
    return total

"""The sockets of the data plane."""

import errno
import os
import select
import socket
import subprocess
import sys
from typing import Any

import pytest

from lab.kit.netns import closed_later, in_new_namespace
from unit.engine.engine_bench import Talker, address, advert, linked
from unit.samples import instance
from vrrpd_fast.engine.sockets import ADVERT_ROOM, BUFFER_BYTES, LEAST_ROOM, Sockets, receive_bytes
from vrrpd_fast.model import Family, Process


@pytest.mark.lab
@in_new_namespace
def test_sockets_are_large_and_never_block() -> None:
    opened = closed_later(Sockets())
    assert opened.receive6 is not None and opened.unicast6 is not None
    for receiver in (opened.receive4, opened.receive6):
        assert receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= BUFFER_BYTES
    for sender in (opened.packet, opened.unicast4, opened.unicast6):
        assert sender.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= BUFFER_BYTES
    for each in (opened.receive4, opened.receive6, opened.packet, opened.unicast4, opened.unicast6):
        assert not os.get_blocking(each.fileno())
        assert not os.get_inheritable(each.fileno())


@pytest.mark.lab
@in_new_namespace
def test_sockets_that_send_receive_nothing() -> None:
    """What nobody reads would fill their buffers."""
    place = linked()
    opened = closed_later(Sockets())
    assert opened.unicast6 is not None
    with place:
        talker = Talker()
    talker.say("b0", advert(address("b", 0), address("a", 0)), "02:00:00:00:a0:00")
    assert select.select([opened.receive4], [], [], 2)[0]
    senders = [opened.packet, opened.unicast4, opened.unicast6]
    assert select.select(senders, [], [], 0)[0] == []


@pytest.mark.lab
@in_new_namespace
def test_a_host_without_ipv6_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoIPv6(socket.socket):
        def __init__(self, family: int = -1, *more: Any, **named: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *more, **named)

    monkeypatch.setattr(socket, "socket", NoIPv6)
    opened = closed_later(Sockets())
    assert (opened.receive6, opened.unicast6) == (None, None)
    assert opened.receive4.fileno() >= 0


@pytest.mark.lab
def test_without_privileges_it_is_a_permission_error() -> None:
    program = (
        "import os, sys\n"
        "from vrrpd_fast.engine.sockets import Sockets\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "try:\n    Sockets()\n"
        "except PermissionError as error:\n    sys.exit(f'errno {error.errno}')\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (1, f"errno {errno.EPERM}\n")


@pytest.mark.parametrize(
    ("policy", "count", "size"),
    [
        (None, 10, BUFFER_BYTES),
        (1_000_000, 10, 1_000_000),
        (1, 10, LEAST_ROOM),
        (1, 1000, 1000 * ADVERT_ROOM),
        ("mtu", 100, 100 * 9000 * 3),
        ("advert", 100, 100 * ADVERT_ROOM),
    ],
)
def test_vrrp_rx_bufs_policy(policy: int | str | None, count: int, size: int) -> None:
    process = Process(receive_buffer=policy)
    instances = [instance(str(number)) for number in range(count)]
    assert receive_bytes(process, instances, {"a0": 9000}.__getitem__) == size


@pytest.mark.parametrize(
    ("made", "length"),
    [
        (instance("VI", "10.0.0.1", "10.0.0.2"), 20 + 8 + 8),
        (instance("VI", "10.0.0.1", version=2), 20 + 8 + 4 + 8),
        (instance("VI", "fe80::1", "2001:db8::1", family=Family.IPV6), 40 + 8 + 32),
    ],
)
def test_an_advert_is_counted_with_its_headers(made: Any, length: int) -> None:
    process = Process(receive_buffer="advert", receive_multiplier=10_000)
    assert receive_bytes(process, [made], {}.__getitem__) == length * 10_000


@pytest.mark.lab
@in_new_namespace
def test_a_receive_buffer_is_resized_both_ways() -> None:
    opened = closed_later(Sockets())
    assert opened.receive6 is not None
    for size in (100_000, 32 << 20, LEAST_ROOM):
        opened.resize(size)
        for receiver in (opened.receive4, opened.receive6):
            assert receiver.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 2 * size

"""Announcements on a real link, judged by tshark; what cannot leave is neither lost nor silent."""

import errno
import json
import shutil
import socket
import struct
import subprocess
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from lab.kit.netns import closed_later, in_new_namespace, ip, show
from lab.kit.waiting import wait_until
from vrrpd_fast.net import arp
from vrrpd_fast.net.frames import FrameSender

MAC = bytes.fromhex("020000000001")
ETH_P_ALL = 0x0003
LINKS = (
    "link add a0 type veth peer name b0",
    f"link set a0 address {MAC.hex(':')}",
    "link set a0 up",
    "link set b0 up",
)


def no_ipv6_chatter() -> None:
    Path("/proc/sys/net/ipv6/conf/default/disable_ipv6").write_text("1")


def index(name: str) -> int:
    return int(json.loads(show("-j", "link", "show", name))[0]["ifindex"])


def listen(name: str) -> socket.socket:
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((name, ETH_P_ALL))
    sock.settimeout(5)
    return sock


def probe(number: int, size: int = 60) -> bytes:
    """A frame of an experimental EtherType (0x88b5) that says which it is."""
    return (b"\xff" * 6 + MAC + b"\x88\xb5" + struct.pack("!I", number)).ljust(size, b"\0")


@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is missing (package tshark)")
@in_new_namespace
def test_tshark_finds_nothing_wrong_with_announcements(tmp_path: Path) -> None:
    no_ipv6_chatter()
    ip(*LINKS)
    addresses: list[IPv4Address | IPv6Address] = [
        IPv4Address("10.0.0.1"),
        IPv6Address("fe80::5"),
        IPv6Address("2001:db8::ffff:ffff"),
    ]
    sender = closed_later(FrameSender())
    with listen("b0") as b0:
        assert sender.send([(index("a0"), arp.announcement(address, MAC)) for address in addresses]) == 3
        frames = [b0.recv(2048) for _ in addresses]
    path = tmp_path / "announcements.pcap"
    path.write_bytes(
        struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        + b"".join(struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame for frame in frames)
    )
    fields = [
        "eth.src",
        "eth.dst",
        "_ws.expert.message",
        "arp.opcode",
        "arp.isgratuitous",
        "arp.src.hw_mac",
        "arp.src.proto_ipv4",
        "arp.dst.proto_ipv4",
        "ipv6.src",
        "ipv6.dst",
        "ipv6.hlim",
        "icmpv6.type",
        "icmpv6.checksum.status",
        "icmpv6.nd.na.flag.r",
        "icmpv6.nd.na.flag.s",
        "icmpv6.nd.na.flag.o",
        "icmpv6.nd.na.target_address",
        "icmpv6.opt.linkaddr",
    ]
    output = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|"]
        + [word for field in fields for word in ("-e", field)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    seen = [dict(zip(fields, line.split("|"), strict=True)) for line in output.splitlines()]
    mac = MAC.hex(":")
    assert {key: value for key, value in seen[0].items() if value} == {
        "eth.src": mac,
        "eth.dst": "ff:ff:ff:ff:ff:ff",
        "arp.opcode": "1",
        "arp.isgratuitous": "1",
        "arp.src.hw_mac": mac,
        "arp.src.proto_ipv4": "10.0.0.1",
        "arp.dst.proto_ipv4": "10.0.0.1",
    }
    for address, found in zip(addresses[1:], seen[1:], strict=True):
        assert {key: value for key, value in found.items() if value} == {
            "eth.src": mac,
            "eth.dst": "33:33:00:00:00:01",
            "ipv6.src": str(address),
            "ipv6.dst": "ff02::1",
            "ipv6.hlim": "255",
            "icmpv6.type": "136",
            "icmpv6.checksum.status": "1",
            "icmpv6.nd.na.flag.r": "1",
            "icmpv6.nd.na.flag.s": "0",
            "icmpv6.nd.na.flag.o": "1",
            "icmpv6.nd.na.target_address": str(address),
            "icmpv6.opt.linkaddr": mac,
        }


@in_new_namespace
def test_an_announcement_moves_the_address_in_a_neighbours_cache() -> None:
    no_ipv6_chatter()
    ip(*LINKS)
    Path("/proc/sys/net/ipv6/conf/b0/disable_ipv6").write_text("0")
    ip(
        "addr add 10.0.0.9/24 dev b0",
        "addr add 2001:db8::9/64 dev b0 nodad",
        "neigh add 10.0.0.1 lladdr 02:00:00:00:00:99 nud stale dev b0",
        "neigh add 2001:db8::1 lladdr 02:00:00:00:00:99 nud stale dev b0",
    )
    frames = [
        arp.announcement(IPv4Address("10.0.0.1"), MAC),
        arp.announcement(IPv6Address("2001:db8::1"), MAC),
    ]
    assert closed_later(FrameSender()).send([(index("a0"), frame) for frame in frames]) == 2

    def learned() -> bool:
        neighbours = json.loads(show("-j", "neigh", "show", "dev", "b0"))
        macs = {entry["dst"]: entry.get("lladdr") for entry in neighbours}
        return {macs["10.0.0.1"], macs["2001:db8::1"]} == {MAC.hex(":")}

    wait_until(learned, 3, "the neighbour knows the new MAC")


@in_new_namespace
def test_frames_for_a_link_that_is_down_or_gone_are_counted_and_hold_up_none() -> None:
    no_ipv6_chatter()
    ip(*LINKS, "link add c0 type veth peer name d0")
    sender = closed_later(FrameSender())
    a0, c0 = index("a0"), index("c0")
    with listen("b0") as b0:
        assert sender.send([(c0, probe(0)), (a0, probe(1)), (9999, probe(2)), (a0, probe(3))]) == 4
        assert [b0.recv(2048) for _ in range(2)] == [probe(1), probe(3)]
    assert sender.errors == 2
    assert sender.last_error == errno.ENXIO
    assert sender.send([(c0, probe(4))]) == 1
    assert (sender.errors, sender.last_error) == (3, errno.ENETDOWN)


@in_new_namespace
def test_what_a_full_queue_does_not_take_is_sent_later() -> None:
    no_ipv6_chatter()
    ip(*LINKS)
    tc = ["tc", "qdisc", "replace", "dev", "a0", "root", "handle", "1:", "tbf"]
    subprocess.run([*tc, "rate", "8kbit", "burst", "2000", "limit", "20000"], check=True)
    sender = closed_later(FrameSender())
    a0 = index("a0")
    frames = [(a0, probe(number, 600)) for number in range(100)]
    with listen("b0") as b0:
        first = sender.send(frames)
        assert 0 < first < len(frames)
        assert sender.errors == 0
        subprocess.run([*tc, "rate", "1gbit", "burst", "200000", "limit", "900000"], check=True)
        done = first

        def go_on() -> bool:
            nonlocal done
            done += sender.send(frames[done:])
            return done == len(frames)

        wait_until(go_on, 5, "all frames are sent")
        assert [b0.recv(2048) for _ in frames] == [frame for _, frame in frames]
    assert sender.errors == 0


@in_new_namespace
def test_the_sender_hears_nothing_and_refuses_nonsense() -> None:
    ip(*LINKS)
    sender = closed_later(FrameSender())
    sender.send([(index("b0"), probe(1))])
    with socket.socket(fileno=socket.dup(sender.fileno())) as same, pytest.raises(BlockingIOError):
        same.recv(2048)
    with pytest.raises(ValueError, match="13 bytes"):
        sender.send([(1, bytes(13))])
    with pytest.raises(TypeError):
        sender.send([(1, "text")])  # type: ignore[list-item]
    assert sender.send([]) == 0
    sender.close()
    assert sender.fileno() == -1
    with pytest.raises(ValueError, match="closed"):
        sender.send([(1, bytes(60))])

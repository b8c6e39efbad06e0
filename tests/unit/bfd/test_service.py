"""The service on real sockets: both ends of a session are one daemon's, between two loopback addresses."""

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

import pytest
import uvloop

from lab.kit.netns import in_new_namespace, ip
from reference.bfd import DOWN, Packet
from vrrpd_fast.bfd.service import Bfd
from vrrpd_fast.bfd.sockets import PortTakenError
from vrrpd_fast.model import BfdSession

pytestmark = pytest.mark.lab


def session(name: str, ours: str, neighbour: str, **more: Any) -> BfdSession:
    # Both ends are this process: when a busy machine keeps it from running, nobody sends.
    patient = {"multiplier": 100} | more
    return BfdSession(name=name, source=ip_address(ours), neighbour=ip_address(neighbour), **patient)


def pair(ours: str, neighbour: str, **more: Any) -> dict[str, BfdSession]:
    ends = (session("near", ours, neighbour, **more), session("far", neighbour, ours, **more))
    return {each.name: each for each in ends}


PAIR4 = pair("127.0.0.1", "127.0.0.2")


def run(story: Callable[[Bfd, list[str]], Awaitable[None]]) -> None:
    """A story on a loop of its own; `told` are the names of sessions that changed."""

    async def tell() -> None:
        told: list[str] = []
        bfd = Bfd(asyncio.get_running_loop(), told.append)
        try:
            await story(bfd, told)
        finally:
            bfd.close()

    ip("link set lo up", "addr add fd00::1/64 dev lo nodad", "addr add fd00::2/64 dev lo nodad")
    uvloop.run(tell())


async def have(bfd: Bfd, sessions: dict[str, BfdSession]) -> None:
    """A reload."""
    bfd.prepare(sessions)
    await bfd.take(sessions, lambda: None)
    bfd.drop(sessions)


def entry_of(bfd: Bfd, name: str) -> dict[str, Any]:
    """What status shows of a session."""
    entry: dict[str, Any] = bfd.get(name).describe()
    return entry


async def until(condition: Callable[[], bool], timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def is_listening(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False


@pytest.mark.parametrize("more", [{}, {"is_multihop": True, "least_ttl": 0}], ids=["single", "multihop"])
@pytest.mark.parametrize("family", [4, 6])
@in_new_namespace
def test_sessions_come_up_and_count(family: int, more: dict[str, Any]) -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        ends = ("127.0.0.1", "127.0.0.2") if family == 4 else ("fd00::1", "fd00::2")
        await have(bfd, pair(*ends, **more))
        assert not bfd.get("near").state
        await until(lambda: bfd.get("near").state and bfd.get("far").state)
        await asyncio.sleep(0.3)
        assert sorted(told) == ["far", "near"]
        entry = entry_of(bfd, "near")
        assert entry["state"] == entry["remote_state"] == "up"
        assert entry["tx_interval"] == 0.01
        assert entry["detection_time"] == 1.0
        assert (entry["ups"], entry["downs"]) == (1, 0)
        health = bfd.health()
        assert health["datagrams_sent"] > 40
        assert 0 <= health["datagrams_sent"] - health["datagrams_received"] <= 2  # those on their way
        assert not any(count for name, count in health.items() if name.startswith("refused"))

    run(story)


@in_new_namespace
def test_nothing_is_open_without_a_session() -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        await have(bfd, {})
        assert not is_listening(3784)
        await have(bfd, PAIR4)
        assert is_listening(3784)
        assert not is_listening(4784)
        await have(bfd, pair("127.0.0.1", "127.0.0.2", is_multihop=True))
        assert not is_listening(3784)
        assert is_listening(4784)
        await have(bfd, {})
        assert not is_listening(4784)
        assert bfd.health() == {}

    run(story)


@in_new_namespace
def test_a_port_that_is_taken_is_told_and_changes_nothing() -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("0.0.0.0", 3784))
        with other, pytest.raises(PortTakenError, match="UDP port 3784 is taken"):
            bfd.prepare(PAIR4)
        assert bfd.health() == {}
        other = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::", 3784))
        with other, pytest.raises(PortTakenError):
            bfd.prepare(PAIR4 | {"six": session("six", "fd00::1", "fd00::2")})
        assert not is_listening(3784)
        assert bfd.health() == {}
        await have(bfd, PAIR4)
        await until(lambda: bfd.get("near").state)

    run(story)


@in_new_namespace
def test_a_reload_keeps_what_is_up() -> None:
    """Other intervals, another name, another session beside it: none takes a session down."""

    async def story(bfd: Bfd, told: list[str]) -> None:
        await have(bfd, PAIR4)
        await until(lambda: bfd.get("near").state and bfd.get("far").state)
        del told[:]
        slower = pair("127.0.0.1", "127.0.0.2", min_tx_us=50_000, min_rx_us=30_000, multiplier=50)
        renamed = {
            each.name: each
            for each in (
                session("new", "127.0.0.1", "127.0.0.2", min_tx_us=20_000),
                session("far", "127.0.0.2", "127.0.0.1"),
                session("third", "127.0.0.3", "127.0.0.4"),
            )
        }
        for sessions in (slower, PAIR4, renamed):
            await have(bfd, sessions)
            await asyncio.sleep(0.4)
        assert told == []
        assert bfd.get("new").state
        entry = entry_of(bfd, "new")
        assert (entry["name"], entry["tx_interval"], entry["downs"]) == ("new", 0.02, 0)
        with pytest.raises(KeyError):
            bfd.get("near")

    run(story)


@in_new_namespace
def test_who_is_no_longer_configured_says_goodbye(caplog: pytest.LogCaptureFixture) -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        await have(bfd, PAIR4)
        await until(lambda: bfd.get("near").state and bfd.get("far").state)
        del told[:]
        began = time.monotonic()
        await have(bfd, {"near": PAIR4["near"]})
        await until(lambda: entry_of(bfd, "near")["state"] == "down")
        assert time.monotonic() - began < 0.9  # told, not missed
        entry = entry_of(bfd, "near")
        assert bfd.get("near").is_up and told == []  # that is no failure
        assert entry["remote_state"] == "admin down"
        assert entry["diagnostic"] == "neighbour signalled session down"
        assert entry["remote_diagnostic"] == "administratively down"

    caplog.set_level(logging.INFO)
    run(story)
    text = "bfd_instance near: neighbour 127.0.0.2: "
    assert f"{text}up" in caplog.text
    assert f"{text}down: neighbour signalled session down (administratively down)" in caplog.text


@in_new_namespace
def test_the_source_address_is_looked_for_until_there_is_one() -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        near = BfdSession(name="near", neighbour=ip_address("10.77.0.2"))
        await have(bfd, {"near": near})
        await asyncio.sleep(0.05)
        entry = entry_of(bfd, "near")
        assert entry["source_ip"] is None
        ip("addr add 10.77.0.1/24 dev lo")
        await until(lambda: entry_of(bfd, "near").get("packets_sent", 0) > 0, 3.0)
        assert entry_of(bfd, "near")["source_ip"] == "10.77.0.1"

    run(story)


@in_new_namespace
def test_a_source_address_has_to_be_ours(caplog: pytest.LogCaptureFixture) -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        await have(bfd, {"near": session("near", "10.77.0.1", "127.0.0.2")})
        await asyncio.sleep(0.1)
        assert entry_of(bfd, "near")["source_ip"] is None
        assert entry_of(bfd, "near")["packets_sent"] == 0
        assert "nothing is sent: 10.77.0.1 is no address of ours" in caplog.text
        ip("addr add 10.77.0.1/24 dev lo")
        await until(lambda: entry_of(bfd, "near")["packets_sent"] > 0, 3.0)

    run(story)


@in_new_namespace
def test_a_link_local_neighbour_needs_its_interface() -> None:
    async def story(bfd: Bfd, told: list[str]) -> None:
        sessions = {
            name: BfdSession(name=name, neighbour=ip_address(neighbour), interface=interface)
            for name, neighbour, interface in (("a", "fe80::b", "va"), ("b", "fe80::a", "vb"))
        }
        await have(bfd, sessions)
        assert not bfd.get("a").state
        ip("link add va type veth peer name vb")
        for name in "ab":
            ip(f"link set v{name} up", f"addr add fe80::{name}/64 dev v{name} nodad")
        await until(lambda: bfd.get("a").state and bfd.get("b").state, 6.0)

    run(story)


@in_new_namespace
def test_a_flood_disturbs_no_session(caplog: pytest.LogCaptureFixture) -> None:
    """Rubbish, packets of nobody and forged ones, 20,000 and more of them; each is counted once."""

    async def story(bfd: Bfd, told: list[str]) -> None:
        await have(bfd, PAIR4)
        await until(lambda: bfd.get("near").state and bfd.get("far").state)
        del told[:]
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        sender.bind(("127.0.0.9", 0))
        forged = Packet(state=DOWN, your_discriminator=0).encode()
        unknown = Packet(state=DOWN, your_discriminator=4711).encode()
        kinds = [b"", b"rubbish", forged, unknown, struct.pack(">B", 0xE0) + forged[1:], bytes(1400)]
        for number in range(20_000):
            sender.sendto(kinds[number % len(kinds)], ("127.0.0.1", 3784))
            if number % 20 == 0:
                await asyncio.sleep(0.001)
        await asyncio.sleep(0.2)
        sender.close()
        assert told == []
        refused = {name: count for name, count in bfd.health().items() if name.startswith("refused")}
        assert sum(refused.values()) == 20_000
        assert refused["refused_short"] == 6667 or refused["refused_short"] == 6668
        assert refused["refused_session"] > 6000
        await until(lambda: "bfd: packets refused: short" in caplog.text)

    run(story)

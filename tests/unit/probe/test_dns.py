"""DNS: which answers count, which are passed over or refused; by UDP and TCP on this machine."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.probe.running import outcome_of
from vrrpd_fast.model import DnsProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds.dns import Question

NAME = "www.example.com"
ID = 4711


def question(**settings: Any) -> Question:
    return Question(DnsProbe(server="127.0.0.1", name=NAME, **settings))


def answer(asked: bytes, *records: str, rcode: str = "NOERROR", flags: int = 0) -> bytes:
    """What a server says; a record is `NAME TYPE DATA`."""
    response = dns.message.make_response(dns.message.from_wire(asked))
    response.set_rcode(dns.rcode.from_text(rcode))
    response.flags |= flags
    for record in records:
        name, kind, data = record.split(" ", 2)
        response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, data))
    return response.to_wire(max_size=65535)


def judged(asked: Question, *records: str, rcode: str = "NOERROR") -> Outcome | None:
    return asked.judge(answer(asked.pack(ID), *records, rcode=rcode))


def test_what_is_asked() -> None:
    asked = dns.message.from_wire(question(type="AAAA").pack(ID))
    assert asked.id == ID and asked.flags == dns.flags.RD and asked.payload == 1232
    assert str(asked.question[0]) == "www.example.com. IN AAAA"


@pytest.mark.parametrize(
    ("settings", "records", "expected"),
    [
        ({}, ["www.example.com. A 192.0.2.1"], Outcome(True, "192.0.2.1")),
        ({}, ["WWW.example.COM. A 192.0.2.1"], Outcome(True, "192.0.2.1")),
        ({}, [], Outcome(False, "no A record")),
        ({}, ["other.example.com. A 192.0.2.1"], Outcome(False, "no A record")),
        ({}, ["www.example.com. AAAA ::1"], Outcome(False, "no A record")),
        (
            {},
            ["www.example.com. CNAME a.example.net.", "a.example.net. A 192.0.2.2"],
            Outcome(True, "192.0.2.2"),
        ),
        ({}, ["www.example.com. CNAME a.example.net."], Outcome(False, "no A record")),
        ({"type": "CNAME"}, ["www.example.com. CNAME a.example.net."], Outcome(True, "a.example.net.")),
        ({"expect": "192.0.2.1"}, ["www.example.com. A 192.0.2.1"], Outcome(True, "192.0.2.1")),
        ({"expect": "192.0.2.1"}, ["www.example.com. A 192.0.2.9"], Outcome(False, "192.0.2.9")),
        (
            {"type": "AAAA", "expect": "2001:DB8:0::1"},
            ["www.example.com. AAAA 2001:db8::1"],
            Outcome(True, "2001:db8::1"),
        ),
        (
            {"type": "MX", "expect": "10  Mail.example.com"},
            ["www.example.com. MX 10 mail.example.com."],
            Outcome(True, "10 mail.example.com."),
        ),
        ({"type": "MX", "expect": "mail"}, ["www.example.com. MX 1 a."], Outcome(False, "1 a.")),
        ({"type": "TXT", "expect": '"A b"'}, ['www.example.com. TXT "A b"'], Outcome(True, '"A b"')),
        ({"type": "TXT", "expect": '"a b"'}, ['www.example.com. TXT "A b"'], Outcome(False, '"A b"')),
    ],
)
def test_records(settings: dict[str, str], records: list[str], expected: Outcome) -> None:
    assert judged(question(**settings), *records) == expected


def test_codes() -> None:
    assert judged(question(), rcode="SERVFAIL") == Outcome(False, "SERVFAIL")
    assert judged(question(rcode="NXDOMAIN"), rcode="NXDOMAIN") == Outcome(True, "NXDOMAIN")
    assert judged(question(rcode="NXDOMAIN"), "www.example.com. A 192.0.2.1") == Outcome(False, "NOERROR")


def test_the_same_answer_and_another() -> None:
    """What was judged before is judged alike, whatever its identifier, and changes nothing for others."""
    asked = question(expect="192.0.2.1")
    good, bad = (f"www.example.com. A 192.0.2.{number}" for number in (1, 9))
    for record, verdict in ((good, True), (good, True), (bad, False), (bad, False), (good, True)):
        for identifier in (ID, ID + 1):
            outcome = asked.judge(answer(asked.pack(identifier), record))
            assert outcome is not None and outcome.is_success is verdict


def test_answers_to_others() -> None:
    asked, other = question(), Question(DnsProbe(server="::1", name="other.example.com"))
    assert asked.judge(answer(other.pack(ID), "www.example.com. A 192.0.2.1")) is None
    good = answer(asked.pack(ID), "www.example.com. A 192.0.2.1")
    assert asked.is_answered(good, ID) and not asked.is_answered(good, ID + 1)
    assert not asked.is_answered(asked.pack(ID), ID)  # a question
    assert not asked.is_answered(good[:11], ID)


def test_hostile_answers() -> None:
    asked = question()
    good = answer(asked.pack(ID), "www.example.com. A 192.0.2.1")
    assert asked.judge(good[:-2]) == Outcome(False, "an answer that cannot be read")
    loop = good[:12] + b"\xc0\x0c" + good[14:]  # a name that points to itself
    assert asked.judge(loop) == Outcome(False, "an answer that cannot be read")
    long = answer(asked.pack(ID), *[f"www.example.com. A 192.0.2.{n % 250}" for n in range(1200)])
    assert asked.judge(long) == Outcome(False, f"an answer of {len(long)} bytes, the most is 16384")
    spoken = judged(question(type="TXT"), 'www.example.com. TXT "\\027[2J"')
    assert spoken is not None and spoken.text.isprintable()
    circle = ["www.example.com. CNAME a.example.com.", "a.example.com. CNAME www.example.com."]
    assert judged(asked, *circle) == Outcome(False, "no A record")


@given(st.binary(max_size=200))
def test_noise_is_no_success(noise: bytes) -> None:
    asked = question()
    for data in (noise, asked.pack(ID)[:12] + noise):
        outcome = asked.judge(data) if asked.is_answered(data, ID) else None
        assert outcome is None or not outcome.is_success


def served(
    by_udp: Callable[[bytes], list[bytes]], by_tcp: Callable[[bytes], bytes] | None = None, **settings: Any
) -> Outcome:
    """The outcome with a server that answers a question with these datagrams, or what it sends by TCP."""

    class Udp(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, peer: Any) -> None:
            for each in by_udp(data):
                self.transport.sendto(each, peer)

    async def answer_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert by_tcp is not None
        length = int.from_bytes(await reader.readexactly(2), "big")
        writer.write(by_tcp(await reader.readexactly(length)))
        writer.close()

    async def main() -> Outcome:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(answer_tcp, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        udp, _ = await loop.create_datagram_endpoint(Udp, ("127.0.0.1", port))
        try:
            probe = DnsProbe(server="127.0.0.1", port=port, name=NAME, **settings)
            return await outcome_of(probe, Context(loop), 0.5)
        finally:
            udp.close()
            server.close()
            await server.wait_closed()

    return asyncio.run(main())


GOOD = "www.example.com. A 192.0.2.1"


def framed(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


def test_by_udp() -> None:
    assert served(lambda asked: [answer(asked, GOOD)]) == Outcome(True, "192.0.2.1")
    assert served(lambda asked: [answer(asked, GOOD)], source="127.0.0.1").is_success
    assert served(lambda asked: []) == Outcome(False, "timed out")


def test_forged_answers_are_passed_over() -> None:
    def forged(asked: bytes) -> list[bytes]:
        other = bytes([asked[0] ^ 1]) + asked[1:]
        wrong = Question(DnsProbe(server="::1", name="a.b")).pack(int.from_bytes(asked[:2], "big"))
        return [
            answer(other, "www.example.com. A 6.6.6.6"),
            answer(wrong, "www.example.com. A 6.6.6.6"),
            b"",
            b"x" * 9000,
            answer(asked, GOOD),
        ]

    assert served(forged) == Outcome(True, "192.0.2.1")


def test_by_tcp_when_it_is_cut_off() -> None:
    cut = lambda asked: [answer(asked, flags=dns.flags.TC)]  # noqa: E731
    assert served(cut, lambda asked: framed(answer(asked, GOOD))) == Outcome(True, "192.0.2.1")
    assert served(cut, lambda asked: b"\xff\xff" + bytes(100)) == Outcome(
        False, "an answer of 65535 bytes, the most is 16384"
    )
    assert served(cut, lambda asked: b"\x00\x50abc") == Outcome(False, "TCP ends before the answer does")
    assert served(cut, lambda asked: framed(bytes(12))) == Outcome(
        False, "TCP brings the answer to another question"
    )


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    async def main() -> Outcome:
        loop = asyncio.get_running_loop()
        return await outcome_of(DnsProbe(server="127.0.0.1", port=port, name=NAME), Context(loop))

    assert asyncio.run(main()) == Outcome(False, "Connection refused")

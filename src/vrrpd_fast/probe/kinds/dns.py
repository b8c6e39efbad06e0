"""A DNS server's answer: one question by UDP, again by TCP when the answer is cut off (RFC 1035, RFC 7766).

dnspython packs the question and reads the answer. Each run has a port and an identifier of its own; what is
not from the server, or answers another question, is passed over. Whatever is longer than 16 KiB is refused.
"""

import asyncio
import os
import socket
import struct
from contextlib import suppress

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from vrrpd_fast.model import DnsProbe
from vrrpd_fast.probe.check import Check, Conclude, Context, Outcome, TaskCheck
from vrrpd_fast.probe.kinds.shown import shown

_PAYLOAD_BYTES = 1232  # what we say we take by UDP; DNS flag day 2020
_LONGEST = 16384
_PER_WAKE = 8
_HEADER = struct.Struct("!HHHHHH")  # identifier, flags, number of questions, …
_LENGTH = struct.Struct("!H")


def make(settings: DnsProbe, context: Context) -> Check:
    """The check of a dns block."""
    return DnsCheck(settings, context)


class Question:
    """What is asked and expected; without a socket."""

    def __init__(self, settings: DnsProbe) -> None:
        self._name = dns.name.from_text(settings.name)
        self._type = dns.rdatatype.from_text(settings.type)
        query = dns.message.make_query(self._name, self._type, use_edns=0, payload=_PAYLOAD_BYTES, id=0)
        self._wire = query.to_wire()
        self._asked = query.question[0]
        self._rcode = dns.rcode.from_text(settings.rcode)
        self._expected = None if settings.expect is None else self._normal(settings.expect)
        self._judged: tuple[bytes, Outcome | None] = b"", None  # the last answer, without its identifier

    def pack(self, identifier: int) -> bytes:
        return _LENGTH.pack(identifier) + self._wire[2:]

    def is_answered(self, data: bytes, identifier: int) -> bool:
        """Whether this may be the answer, by its header."""
        if len(data) < _HEADER.size:
            return False
        answered, flags, questions, *_ = _HEADER.unpack_from(data)
        return answered == identifier and bool(flags & dns.flags.QR) and questions <= 1

    def is_cut_off(self, data: bytes) -> bool:
        return bool(_HEADER.unpack_from(data)[1] & dns.flags.TC)

    def judge(self, data: bytes) -> Outcome | None:
        """The verdict on an answer; None: it answers another question, or no question.

        A server mostly says the same, to the byte: reading it again would be half of what a run costs.
        """
        if data[2:] != self._judged[0]:
            self._judged = data[2:], self._judge(data)
        return self._judged[1]

    def _judge(self, data: bytes) -> Outcome | None:
        if len(data) > _LONGEST:
            return Outcome(False, f"an answer of {len(data)} bytes, the most is {_LONGEST}")
        try:
            answer = dns.message.from_wire(data, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError, struct.error):
            return Outcome(False, "an answer that cannot be read")
        if not answer.question and answer.rcode() in (dns.rcode.FORMERR, dns.rcode.NOTIMP):
            pass  # who cannot read a question need not repeat it
        elif answer.question[:1] != [self._asked]:
            return None
        rcode = dns.rcode.to_text(answer.rcode())
        if answer.rcode() != self._rcode:
            return Outcome(False, rcode)
        if self._rcode != dns.rcode.NOERROR:
            return Outcome(True, rcode)
        found = self._records(answer)
        text = shown(", ".join(found[:4])) or f"no {dns.rdatatype.to_text(self._type)} record"
        return Outcome(bool(found) if self._expected is None else self._expected in found, text)

    def _records(self, answer: dns.message.Message) -> list[str]:
        """Records of the type at the end of the aliases that the answer has."""
        with suppress(dns.exception.DNSException):
            name = answer.resolve_chaining().canonical_name  # type: ignore[attr-defined]
            records = answer.get_rrset(answer.answer, name, dns.rdataclass.IN, self._type)
            return [] if records is None else [self._normal(record.to_text()) for record in records]
        return []

    def _normal(self, text: str) -> str:
        """A record as dnspython writes it, in small letters unless it is a text."""
        with suppress(dns.exception.DNSException, ValueError):
            record = dns.rdata.from_text(
                dns.rdataclass.IN, self._type, text, origin=dns.name.root, relativize=False
            )
            text = record.to_text()
        return text if self._type == dns.rdatatype.TXT else text.lower()


class DnsCheck(TaskCheck):
    """Asks one server; up while the answer is as expected. The task is for TCP only."""

    def __init__(self, settings: DnsProbe, context: Context) -> None:
        super().__init__(context)
        self._question = Question(settings)
        self._server, self._port, self._source = settings.server, settings.port, settings.source
        self._target: tuple[object, ...] = ()
        self._identifier = 0
        self._socket: socket.socket | None = None
        self._conclude: Conclude | None = None

    def begin(self, conclude: Conclude) -> None:
        family = socket.AF_INET6 if ":" in self._server else socket.AF_INET
        if not self._target or "%" in self._server:  # the interface may have been made anew
            self._target = socket.getaddrinfo(
                self._server, self._port, family, socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST
            )[0][4]
        self._identifier = int.from_bytes(os.urandom(2), "big")
        udp = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            if self._source is not None:
                udp.bind((self._source, 0))
            udp.connect(self._target)
            udp.send(self._question.pack(self._identifier))
        except BaseException:
            udp.close()
            raise
        self._socket, self._conclude = udp, conclude
        self.context.loop.add_reader(udp, self._readable)

    def abandon(self) -> None:
        self._hang_up()
        super().abandon()

    def _hang_up(self) -> None:
        if self._socket is not None:
            self.context.loop.remove_reader(self._socket)
            self._socket.close()
            self._socket = None

    def _readable(self) -> None:
        assert self._socket is not None and self._conclude is not None
        for _ in range(_PER_WAKE):
            try:
                data = self._socket.recv(_LONGEST + 1)
            except BlockingIOError:
                return
            except OSError as error:  # nobody listens there
                self._end(Outcome(False, error.strerror or str(error)))
                return
            if not self._question.is_answered(data, self._identifier):
                continue
            if self._question.is_cut_off(data):
                self._hang_up()
                super().begin(self._conclude)
                return
            outcome = self._question.judge(data)
            if outcome is not None:
                self._end(outcome)
                return

    def _end(self, outcome: Outcome) -> None:
        self._hang_up()
        assert self._conclude is not None
        self._conclude(outcome)

    async def run(self) -> Outcome:
        """By TCP."""
        local = None if self._source is None else (self._source, 0)
        reader, writer = await asyncio.open_connection(self._server, self._port, local_addr=local)
        try:
            message = self._question.pack(self._identifier)
            writer.write(_LENGTH.pack(len(message)) + message)
            (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            if length > _LONGEST:
                return Outcome(False, f"an answer of {length} bytes, the most is {_LONGEST}")
            data = await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            return Outcome(False, "TCP ends before the answer does")
        finally:
            writer.close()
        outcome = self._question.judge(data) if self._question.is_answered(data, self._identifier) else None
        return outcome or Outcome(False, "TCP brings the answer to another question")

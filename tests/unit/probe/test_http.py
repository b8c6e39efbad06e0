"""http and https: what answers come to, proper and hostile ones, and what certificates do."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h11
import pytest

from unit.probe import servers
from unit.probe.certificates import Authority
from unit.probe.running import outcome_of
from unit.probe.running import run as run_again
from vrrpd_fast.model import HttpProbe, HttpsProbe
from vrrpd_fast.probe.check import Context, Outcome
from vrrpd_fast.probe.kinds import make
from vrrpd_fast.probe.kinds.certificate import expiry_of
from vrrpd_fast.probe.kinds.http import BODY_LIMIT, Answer

RunFixture = Callable[[Any], Any]
END = b"\r\n\r\n"
needs_openssl = pytest.mark.peer("openssl")


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + END + body


def context() -> Context:
    return Context(asyncio.get_running_loop())


async def ask(serve: servers.Serve, timeout: float = 5.0, **more: Any) -> Outcome:
    with servers.tcp(serve) as port:
        return await outcome_of(HttpProbe(address="127.0.0.1", port=port, **more), context(), timeout)


async def ask_securely(serve: servers.Serve, tls: ssl.SSLContext, **more: Any) -> Outcome:
    everything = context()
    with servers.tcp(serve, tls) as port:
        try:
            return await outcome_of(HttpsProbe(address="127.0.0.1", port=port, **more), everything)
        finally:
            everything.close()


@pytest.mark.parametrize(
    ("said", "more", "outcome"),
    [
        (answer(), {}, Outcome(True, "HTTP 200")),
        (answer(b"", "204 No Content"), {}, Outcome(True, "HTTP 204")),
        (answer(b"no", "503 Service Unavailable"), {}, Outcome(False, "HTTP 503")),
        (answer(b"", "301 Moved", "Location: /"), {}, Outcome(False, "HTTP 301")),
        (answer(b"", "301 Moved"), {"status": ((200, 200), (301, 302))}, Outcome(True, "HTTP 301")),
        (answer(b"", "404 Not Found"), {"status": ((404, 404),)}, Outcome(True, "HTTP 404")),
        (b"HTTP/1.0 200 OK" + END, {}, Outcome(True, "HTTP 200")),
        (b"HTTP/1.1 100 Continue" + END + answer(), {}, Outcome(True, "HTTP 200")),
        (answer(b"all ready"), {"expect": "ready"}, Outcome(True, "HTTP 200")),
        (answer(b"busy"), {"expect": "ready"}, Outcome(False, "HTTP 200, but the body is not as expected")),
        (answer(b"version 17"), {"matches": "n [0-9]+$"}, Outcome(True, "HTTP 200")),
        (answer(b"version x"), {"matches": "n [0-9]+$"}, Outcome(False, None)),  # type: ignore[arg-type]
        (answer(b"a b"), {"matches": "a", "expect": "b"}, Outcome(True, "HTTP 200")),
        (answer(b"a"), {"matches": "a", "expect": "b"}, Outcome(False, None)),  # type: ignore[arg-type]
        (b"HTTP/1.0 200 OK" + END + b"until the end", {"matches": "end$"}, Outcome(True, "HTTP 200")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + END + b"3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n",
            {"expect": "ready"},
            Outcome(True, "HTTP 200"),
        ),
        ("é".encode().join((answer(), b"")), {}, Outcome(True, "HTTP 200")),
    ],
)
def test_answers(run: RunFixture, said: bytes, more: dict[str, Any], outcome: Outcome) -> None:
    found = run(ask(servers.says(said, asked=END), **more))
    assert found.is_success is outcome.is_success
    if outcome.text is not None:
        assert found == outcome


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"HTTP/1.1",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x1b[31m\n" * 10,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
    ],
)
def test_improper_answers(run: RunFixture, said: bytes) -> None:
    found = run(ask(servers.says(said, asked=END), expect="ready"))
    assert not found.is_success
    assert found.text.isprintable() and 0 < len(found.text) < 120


def test_what_is_asked(run: RunFixture) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.append(servers.read_until(connection, END))
        connection.sendall(answer())

    assert run(ask(serve, path="/health?a=b", host="www.example.com", method="OPTIONS")).is_success
    lines = heard[0].decode().split("\r\n")
    assert lines[0] == "OPTIONS /health?a=b HTTP/1.1"
    (host,) = (line for line in lines if line.lower().startswith("host:"))
    assert host.partition(": ")[2].startswith("www.example.com:")
    assert "connection: close" in map(str.lower, lines)
    assert run(ask(serve)).is_success
    assert b"Host: 127.0.0.1:" in heard[1] or b"host: 127.0.0.1:" in heard[1]


def test_an_answer_to_head_has_no_body(run: RunFixture) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 1000" + END
    assert run(ask(servers.says(said, asked=END), method="HEAD")) == Outcome(True, "HTTP 200")


def test_only_so_much_of_a_body_is_searched(run: RunFixture) -> None:
    before, behind = b"x" * (BODY_LIMIT - 5) + b"ready", b"x" * BODY_LIMIT + b"ready"
    assert run(ask(servers.says(answer(before), asked=END), expect="ready")).is_success
    assert not run(ask(servers.says(answer(behind), asked=END), expect="ready")).is_success
    assert not run(ask(servers.says(answer(behind), asked=END), matches="ready")).is_success


def test_a_body_without_end_is_left(run: RunFixture) -> None:
    def serve(connection: socket.socket) -> None:
        servers.read_until(connection, END)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked" + END)
        while True:
            connection.sendall(b"1\r\nx\r\n" * 1000)

    assert not run(ask(serve, expect="ready")).is_success


def test_nothing_is_kept_of_an_answer_beyond_its_limits() -> None:
    request = h11.Request(method="GET", target="/", headers=[("Host", "a")])
    one = Answer(request)
    one.take(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000" + END)
    for _ in range(20):
        one.take(b"x" * 16384)
    assert one.is_complete and len(one.body) == BODY_LIMIT


def test_who_says_nothing_times_out(run: RunFixture) -> None:
    assert run(ask(servers.hangs, timeout=0.05)) == Outcome(False, "timed out")


def test_a_slow_answer_in_pieces(run: RunFixture) -> None:
    def serve(connection: socket.socket) -> None:
        servers.read_until(connection, END)
        for byte in answer(b"ready"):
            connection.sendall(bytes((byte,)))
            time.sleep(0.0005)

    assert run(ask(serve, expect="ready")).is_success


def test_run_again_and_again(run: RunFixture) -> None:
    async def thrice() -> list[Outcome]:
        with servers.tcp(servers.says(answer(b"ready"), asked=END)) as port:
            check = make(HttpProbe(address="127.0.0.1", port=port, expect="ready"), context())
            return [await run_again(check, context()) for _ in range(3)]

    assert run(thrice()) == [Outcome(True, "HTTP 200")] * 3


# -- TLS --------------------------------------------------------------------------------------------------


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


READY = servers.says(answer(b"ready"), asked=END)


@needs_openssl
def test_a_certificate_has_to_be_for_the_host(run: RunFixture, authority: Authority) -> None:
    tls = authority.server("DNS:www.example.com,IP:127.0.0.1")
    named = {"host": "www.example.com", "ca_file": authority.file, "expect": "ready"}
    assert run(ask_securely(READY, tls, **named)) == Outcome(True, "HTTP 200")
    assert run(ask_securely(READY, tls, ca_file=authority.file)) == Outcome(True, "HTTP 200")
    wrong = run(ask_securely(READY, tls, **named | {"host": "other.example.com"}))
    assert not wrong.is_success and "certificate" in wrong.text and "other.example.com" in wrong.text


@needs_openssl
def test_a_certificate_has_to_be_trusted(run: RunFixture, authority: Authority) -> None:
    tls = authority.server("IP:127.0.0.1")
    stranger = run(ask_securely(READY, tls))
    assert not stranger.is_success and stranger.text.startswith("certificate: ")
    assert run(ask_securely(READY, tls, verify=False)) == Outcome(True, "HTTP 200")


@needs_openssl
def test_an_expired_certificate(run: RunFixture, authority: Authority) -> None:
    tls = authority.server("IP:127.0.0.1", days=-1)
    expired = run(ask_securely(READY, tls, ca_file=authority.file))
    assert expired == Outcome(False, "certificate: certificate has expired")
    assert run(ask_securely(READY, tls, verify=False)).is_success
    late = run(ask_securely(READY, tls, verify=False, certificate_days=1))
    assert not late.is_success and "expires" in late.text


@needs_openssl
@pytest.mark.parametrize("verify", [True, False])
def test_a_certificate_that_expires_soon(run: RunFixture, authority: Authority, verify: bool) -> None:
    tls = authority.server("IP:127.0.0.1", days=5)
    trust = {"ca_file": authority.file} if verify else {"verify": False}
    assert run(ask_securely(READY, tls, certificate_days=4, **trust)).is_success
    soon = run(ask_securely(READY, tls, certificate_days=6, **trust))
    day = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%d")
    assert soon == Outcome(False, f"the certificate expires on {day}, in 5.0 days")


@needs_openssl
def test_the_name_is_asked_for(run: RunFixture, authority: Authority) -> None:
    asked: list[str | None] = []
    tls = authority.server("DNS:www.example.com,IP:127.0.0.1")
    tls.sni_callback = lambda sock, name, context: asked.append(name)  # type: ignore[misc,assignment]
    assert run(ask_securely(READY, tls, host="www.example.com", ca_file=authority.file)).is_success
    assert run(ask_securely(READY, tls, ca_file=authority.file)).is_success
    assert asked == ["www.example.com", None]  # an address is no name (RFC 6066 3)


# A server's SSLSocket is lost (and so closed) when the client has gone before the handshake (CPython 3.11).
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
@needs_openssl
def test_a_ca_file_that_comes_changes_and_goes(run: RunFixture, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "trusted.pem"
    tls = authority.server("IP:127.0.0.1")
    other = Authority(tmp_path / "other")

    async def outcomes() -> list[bool | str]:
        found: list[bool | str] = []
        everything = context()
        with servers.tcp(READY, tls) as port:
            check = make(HttpsProbe(address="127.0.0.1", port=port, ca_file=str(file)), everything)
            found.append((await run_again(check, everything)).text)
            for number, trusted in enumerate((other.file, authority.file)):
                file.write_bytes(Path(trusted).read_bytes())
                os.utime(file, (number, number))
                found.append((await run_again(check, everything)).is_success)
            file.write_text("no certificate")
            found.append((await run_again(check, everything)).is_success)
        everything.close()
        return found

    assert run(outcomes()) == ["No such file or directory", False, True, False]


def test_no_tls_at_the_other_end(run: RunFixture) -> None:
    async def outcome(said: servers.Serve, timeout: float) -> Outcome:
        with servers.tcp(said) as port:
            probe = HttpsProbe(address="127.0.0.1", port=port, verify=False)
            return await outcome_of(probe, context(), timeout)

    plain = run(outcome(servers.says(answer()), 5))
    assert not plain.is_success and plain.text.startswith("TLS: ")
    assert run(outcome(servers.hangs, 0.1)) == Outcome(False, "timed out")


@needs_openssl
def test_expiry_is_what_openssl_says(authority: Authority) -> None:
    certificate, _ = authority.certificate("DNS:a", days=400)
    der = ssl.PEM_cert_to_DER_cert(Path(certificate).read_text())
    ours = expiry_of(der).timestamp()
    decoded: dict[str, Any] = ssl._ssl._test_decode_cert(certificate)  # type: ignore[attr-defined]
    assert ours == ssl.cert_time_to_seconds(decoded["notAfter"])


@needs_openssl
def test_a_certificate_cut_anywhere_or_changed_is_refused_or_read(authority: Authority) -> None:
    certificate, _ = authority.certificate("DNS:a", days=400)
    der = ssl.PEM_cert_to_DER_cert(Path(certificate).read_text())
    for length in range(len(der)):
        with pytest.raises(ValueError):
            expiry_of(der[:length])
    for position in range(len(der)):
        changed = der[:position] + bytes((der[position] ^ 0x55,)) + der[position + 1 :]
        try:
            expiry_of(changed)
        except ValueError:
            continue

"""The exporter on real sockets, against clients of every kind."""

import asyncio
import gzip
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from unit.observe.segment_samples import Sample, instance
from vrrpd_fast.observe import exporter
from vrrpd_fast.observe.exporter import Exporter, Texts, parse_listen
from vrrpd_fast.observe.exposition import Dialect
from vrrpd_fast.observe.segment import read

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}


@pytest.fixture
def sample(tmp_path: Path) -> Iterator[Sample]:
    routers = [instance(f"VI_{n}") for n in range(50)]
    with Sample(str(tmp_path / "control.sock"), routers, beat_age=-60) as made:  # alive for a minute
        yield made


def socket_path(sample: Sample) -> str:
    return sample.path.removesuffix(".stats")


Talk = Callable[[int], Awaitable[None]]


def serving(sample: Sample, talk: Talk, *, patience: float = 5.0, connections: int = 8) -> None:
    """Run `talk(port)` beside an exporter."""

    async def main() -> None:
        made = Exporter(Texts(socket_path(sample)), patience=patience, connections=connections)
        server = await exporter.listen(made, ("127.0.0.1", 0))
        try:
            await asyncio.wait_for(talk(server.sockets[0].getsockname()[1]), 20)
        finally:
            server.close()

    asyncio.run(main())


async def send(port: int, data: bytes) -> bytes:
    """What comes back until the other side ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def get(path: str, *lines: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def test_prometheus_gets_openmetrics_and_a_browser_text(sample: Sample) -> None:
    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for headers, content_type, is_open in (
            (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8", True),
            ({}, "text/plain; version=0.0.4; charset=utf-8", False),
            (OPENMETRICS | {"Accept-Encoding": "deflate, gzip"}, None, True),
            (OPENMETRICS | {"Accept-Encoding": "gzip;q=0"}, None, True),
        ):
            connection.request("GET", "/metrics?x=1", headers=headers)  # one connection for all of them
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
            assert (answer.headers["content-encoding"] == "gzip") == (
                headers.get("Accept-Encoding") == "deflate, gzip"
            )
            if answer.headers["content-encoding"] == "gzip":
                body = gzip.decompress(body)
            if content_type is not None:
                assert answer.headers["content-type"] == content_type
            assert body.endswith(b"# EOF\n") is is_open
            assert b'vrrp_state{name="VI_49",interface="eth0",vrid="51"} 1\n' in body
        connection.request("HEAD", "/metrics")
        answer = connection.getresponse()
        assert int(answer.headers["content-length"]) > 1000
        assert answer.read() == b""
        for method, path, status in (("GET", "/", 404), ("GET", "/metricsx", 404), ("PUT", "/metrics", 405)):
            connection.request(method, path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
        connection.close()

    async def talk(port: int) -> None:
        await asyncio.to_thread(ask, port)

    serving(sample, talk)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n", 400),  # TLS
        (b"GET\r\n\r\n", 400),
        (b"GET /metrics HTTP/1.1\r\n\r\n", 400),  # no Host
        (get("/metrics", "A: " + "x" * 40_000), 431),
        (get("/metrics", *(f"A{n}: x" for n in range(5000))), 431),
        (get("/metrics", "Content-Length: 5", method="POST") + b"12345", 413),
        (get("/metrics", "Content-Length: 99999999999"), None),  # and never comes
        (get("/metrics", "Transfer-Encoding: chunked") + b"ffffffffff\r\n", None),
        (get("/metrics", "Content-Length: -1"), 400),
        (get("/met\x00rics"), 400),
    ],
)
def test_nonsense_is_refused_and_does_no_harm(sample: Sample, data: bytes, status: int | None) -> None:
    async def talk(port: int) -> None:
        answer = await send(port, data)
        if status is None:
            assert answer == b""
        else:
            assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
        assert (await send(port, get("/metrics", "Connection: close"))).startswith(b"HTTP/1.1 200 ")

    serving(sample, talk, patience=0.5)


def test_pipelined_requests_are_answered_in_turn(sample: Sample) -> None:
    async def talk(port: int) -> None:
        answer = await send(port, get("/a") + get("/b") + get("/metrics", "Connection: close"))
        assert [answer.count(status) for status in (b"HTTP/1.1 404 ", b"HTTP/1.1 200 ")] == [2, 1]

    serving(sample, talk)


def test_who_says_nothing_or_takes_nothing_is_left(sample: Sample) -> None:
    """And no more than so many are served at a time."""

    async def talk(port: int) -> None:
        quiet = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        quiet[1][1].write(b"GET /metrics HT")
        deaf = socket.create_connection(("127.0.0.1", port))
        deaf.sendall(get("/metrics") * 2000)  # and reads nothing
        await asyncio.sleep(0.1)
        assert (await send(port, get("/metrics", "Connection: close"))).startswith(b"HTTP/1.1 200 ")
        quiet.append(await asyncio.open_connection("127.0.0.1", port))
        await asyncio.sleep(0.1)
        assert await send(port, get("/metrics")) == b""  # the fifth
        begin = time.monotonic()
        assert [await reader.read() for reader, _ in quiet] == [b""] * 3
        assert time.monotonic() - begin < 3
        await asyncio.sleep(1.0)
        assert (await send(port, get("/metrics", "Connection: close"))).startswith(b"HTTP/1.1 200 ")
        for _, writer in quiet:
            writer.close()
        deaf.close()

    serving(sample, talk, patience=0.6, connections=4)


def test_text_is_given_again_while_making_it_would_cost_too_much(sample: Sample) -> None:
    now = 100.0
    reads = 0

    def slow_read(path: str):  # type: ignore[no-untyped-def]
        nonlocal now, reads
        reads += 1
        now += 0.5
        return read(path)

    texts = Texts(socket_path(sample), read=slow_read, clock=lambda: now)
    first = texts.get(Dialect.TEXT, False)
    now += 2.4
    assert texts.get(Dialect.TEXT, False) is first
    assert reads == 1
    now += 0.2
    texts.get(Dialect.TEXT, False)
    assert reads == 2


def test_a_daemon_that_is_not_there_is_a_metric(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = str(tmp_path / "control.sock")
    now = 0.0
    texts = Texts(path, clock=lambda: now)
    for now in (1.0, 2.0):  # noqa: B007 (the clock reads it)
        text = texts.get(Dialect.OPENMETRICS, False).decode()
        families = {each.name: each for each in text_string_to_metric_families(text)}
        assert families["vrrpd_fast_up"].samples[0].value == 0
        assert set(families) == {"vrrpd_fast_up", "vrrpd_fast_condition"}
    with Sample(path, [instance("VI_1")]):
        now = 3.0
        assert b"vrrpd_fast_up 1\n" in texts.get(Dialect.OPENMETRICS, False)
    assert [record.levelname for record in caplog.records if record.name.endswith("exporter")] == ["WARNING"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9112", ("127.0.0.1", 9112)),
        (":9112", ("", 9112)),
        ("[::1]:9112", ("::1", 9112)),
        ("router.example:9112", ("router.example", 9112)),
        ("unix:/run/x.sock", "/run/x.sock"),
    ],
)
def test_where_to_listen(text: str, expected: object) -> None:
    assert parse_listen(text) == expected


@pytest.mark.parametrize("text", ["9112", "", "::1:9112", "x:", "x:99999", "x:-1", "x:１", "unix:", "x:1:2"])
def test_where_not_to_listen(text: str) -> None:
    with pytest.raises(ValueError, match=r"PORT|path"):
        parse_listen(text)


PROGRAM = "import sys; from vrrpd_fast.cli.ctl import main; sys.exit(main())"


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *words]


def test_the_command_on_a_unix_socket_until_it_is_stopped(sample: Sample, tmp_path: Path) -> None:
    where = tmp_path / "exporter.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(where))  # left behind by an earlier run
    dead.close()
    argv = command("--socket", socket_path(sample), "exporter", "--listen", f"unix:{where}")
    with subprocess.Popen(argv, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.endswith(f"info metrics of {socket_path(sample)} at unix:{where}\n")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(where))
            client.sendall(get("/metrics", "Connection: close"))
            answer = b""
            while data := client.recv(1 << 16):
                answer += data
        assert b"vrrpd_fast_up 1\n" in answer
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_the_command_where_it_cannot_listen(sample: Sample, tmp_path: Path) -> None:
    for words, status, text in (
        (["--listen", "nowhere"], 2, "neither ADDRESS:PORT nor unix:PATH"),
        (["--listen", "192.0.2.1:1"], 1, "annot assign|could not bind"),  # Python 3.13 says the latter
        (["--listen", f"unix:{tmp_path}/no/such/place"], 1, "No such file"),
    ):
        argv = command("--socket", socket_path(sample), "exporter", *words)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert done.returncode == status, done.stderr
        assert re.search(text, done.stderr), done.stderr
        assert "Traceback" not in done.stderr


def test_another_exporters_socket_is_left_alone(sample: Sample, tmp_path: Path) -> None:
    where = tmp_path / "exporter.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(where))
        other.listen()
        argv = command("--socket", socket_path(sample), "exporter", "--listen", f"unix:{where}")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert done.returncode == 1
        assert "in use" in done.stderr
    assert os.path.exists(where)

"""`vrrpctl resign`, `priority`, `log-level`: what is asked of the daemon, and what is made of its answers."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unit.observe.segment_samples import Sample, instance
from vrrpd_fast.cli import ctl

JSON = dict[str, Any]
Run = Callable[..., tuple[int, str, str]]


class Fake:
    """A daemon as far as one call a connection goes: `answer` is what it says next."""

    def __init__(self, path: str) -> None:
        self.calls: list[tuple[str, JSON]] = []
        self.answer: JSON = {}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                data = b""
                while not data.endswith(b"\0"):
                    data += connection.recv(65536)
                call = json.loads(data[:-1])
                self.calls.append((call["method"], call["parameters"]))
                connection.sendall(json.dumps(self.answer).encode() + b"\0")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "socket")


@pytest.fixture
def daemon(path: str) -> Iterator[Fake]:
    fake = Fake(path)
    with Sample(path, [instance(name) for name in ("lan1", "lan2", "wan")], beat_age=-60):
        yield fake
    fake.close()


@pytest.fixture
def run(path: str, capsys: pytest.CaptureFixture[str]) -> Run:
    def ask(*arguments: str) -> tuple[int, str, str]:
        try:
            status = ctl.main(["--socket", path, *arguments])
        except SystemExit as stop:
            status = int(str(stop.code))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return ask


def answer(**parameters: Any) -> JSON:
    return {"parameters": parameters}


@pytest.mark.parametrize(
    ("arguments", "method", "parameters"),
    [
        ("resign lan1", "Resign", {"names": ["lan1"], "for_seconds": None}),
        ("resign lan1 wan --for 60", "Resign", {"names": ["lan1", "wan"], "for_seconds": 60.0}),
        ("resign lan* --for 0.5", "Resign", {"names": ["lan1", "lan2"], "for_seconds": 0.5}),
        ("resign --all", "Resign", {"names": ["lan1", "lan2", "wan"], "for_seconds": None}),
        ("resign w?n --for 0", "Resign", {"names": ["wan"], "for_seconds": 0}),
        ("priority lan1 150", "SetPriority", {"name": "lan1", "priority": 150}),
        ("priority lan1 auto", "SetPriority", {"name": "lan1", "priority": None}),
        ("log-level debug", "SetLogLevel", {"level": "debug"}),
    ],
)
def test_what_is_asked(daemon: Fake, run: Run, arguments: str, method: str, parameters: JSON) -> None:
    daemon.answer = answer(resigned=[], held=[], refused={}, configured=1, effective=1, previous="info")
    assert run(*arguments.split())[0] == 0
    assert daemon.calls == [(f"org.vrrpdfast.{method}", parameters)]
    status, out, _ = run(*arguments.split(), "--json")
    assert (status, json.loads(out)) == (0, daemon.answer["parameters"])


@pytest.mark.parametrize(
    "arguments",
    [
        "resign",
        "resign lan1 --all",
        "resign lan1 --for -1",
        "resign lan1 --for nan",
        "resign lan1 --for inf",
        "priority lan1",
        "priority lan1 0",
        "priority lan1 255",
        "priority lan1 high",
        "log-level loud",
    ],
)
def test_wrong_usage_asks_nothing(daemon: Fake, run: Run, arguments: str) -> None:
    status, out, err = run(*arguments.split())
    assert (status, out, daemon.calls) == (2, "", [])
    assert err


def test_a_pattern_that_means_none(daemon: Fake, run: Run) -> None:
    status, out, err = run("resign", "none*")
    assert (status, out, err) == (1, "", "vrrpctl: no virtual router is named 'none*'\n")
    assert daemon.calls == []


MANY = [str(n) for n in range(500)]


@pytest.mark.parametrize(
    ("resigned", "held", "options", "expected"),
    [
        (
            ["a", "b"],
            ["a", "b"],
            ["--for", "90"],
            ["resigned: a, b", "they take nothing back from a live master for 1m30s"],
        ),
        (
            [],
            ["c"],
            [],
            [
                "not MASTER anyway: c",
                "they take nothing back from a live master until `vrrpctl resign --for 0`",
            ],
        ),
        (
            MANY,
            MANY,
            ["--for", "5"],
            [
                "resigned: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 490 more",
                "they take nothing back from a live master for 5s",
            ],
        ),
        ([], [], ["--for", "0"], ["they preempt again as their priority says"]),
    ],
)
def test_what_is_said_of_resigning(
    daemon: Fake, run: Run, resigned: list[str], held: list[str], options: list[str], expected: list[str]
) -> None:
    daemon.answer = answer(resigned=resigned, held=held, refused={})
    status, out, err = run("resign", "lan1", *options)
    assert (status, err) == (0, "")
    assert out.splitlines() == expected


def test_who_does_not_resign_is_named(daemon: Fake, run: Run) -> None:
    daemon.answer = answer(resigned=["a"], held=["a"], refused={"b": "it owns its addresses"})
    status, out, err = run("resign", "a", "b")
    assert status == 1
    assert out.startswith("resigned: a\n")
    assert err == "vrrpctl: b does not resign: it owns its addresses\n"


def test_what_is_said_of_a_priority(daemon: Fake, run: Run) -> None:
    daemon.answer = answer(configured=100, effective=152)
    assert run("priority", "lan1", "150")[1] == (
        "base priority 150 in place of the configured 100; with what trackers add 152\n"
    )
    daemon.answer = answer(configured=100, effective=102)
    assert run("priority", "lan1", "auto")[1] == (
        "base priority 100 as configured; with what trackers add 102\n"
    )


def test_refusals_are_sentences(daemon: Fake, run: Run) -> None:
    orders = (["resign", "lan1"], ["priority", "lan1", "9"], ["log-level", "info"])
    daemon.answer = {"error": "org.vrrpdfast.Refused", "parameters": {"text": "it owns\x1b its addresses"}}
    for arguments in orders:
        assert run(*arguments) == (1, "", "vrrpctl: it owns\\x1b its addresses\n")
    daemon.answer = {"error": "org.vrrpdfast.NotFound", "parameters": {"names": ["a\x1b", "b"]}}
    for arguments in orders:
        status, out, err = run(*arguments)
        assert (status, out) == (1, "")
        assert err == (
            "vrrpctl: no virtual router is named 'a\\x1b'\nvrrpctl: no virtual router is named 'b'\n"
        )


@pytest.mark.parametrize(
    "arguments", ["resign lan1", "resign lan1 --for 0", "priority a 9", "log-level info"]
)
def test_nobody_there(path: str, run: Run, arguments: str) -> None:
    status, out, err = run(*arguments.split())
    assert (status, out) == (3, "")
    assert err == f"vrrpctl: no vrrpd-fast answers on {path}: is it running?\n"

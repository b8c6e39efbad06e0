"""The stand-in for killall, where psmisc is not installed."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.kit.waiting import wait_until
from vrrpd_fast.lab.router import HAPROXY, KILLALL


@pytest.fixture
def killall(tmp_path: Path) -> Path:
    script = tmp_path / "killall"
    script.write_text(KILLALL)
    script.chmod(0o755)
    return script


@pytest.fixture
def namesake() -> Iterator[str]:
    """A process by a name that nobody else has."""
    name = "hp-namesake"
    program = HAPROXY.replace("haproxy", name)
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", program]) as process:
        try:
            comm = Path(f"/proc/{process.pid}/comm")
            wait_until(lambda: comm.read_text() == name + "\n", 10, "the process has its name")
            yield name
        finally:
            process.kill()


def status(killall: Path, *arguments: str) -> int:
    return subprocess.run([killall, *arguments], stderr=subprocess.DEVNULL, check=False).returncode


def test_it_finds_a_process_by_its_name(killall: Path, namesake: str) -> None:
    assert status(killall, "-0", namesake) == 0


def test_it_fails_when_there_is_none(killall: Path) -> None:
    assert status(killall, "-0", "hp-nobody") == 1


def test_it_refuses_what_it_does_not_know(killall: Path, namesake: str) -> None:
    assert status(killall, "-9", namesake) == 2
    assert status(killall, namesake) == 2

"""The delay before virtual routers take part, on a made-up loop."""

from pathlib import Path

import pytest

from unit.carry.claims_bench import Loop
from vrrpd_fast import start
from vrrpd_fast.model import Process
from vrrpd_fast.start import Start


class World:
    def __init__(self) -> None:
        self.loop = Loop()
        self.begun: list[float] = []
        self.start = Start(self.loop, lambda: self.begun.append(self.loop.now - 1000))  # type: ignore[arg-type]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def booted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "uptime"
    monkeypatch.setattr(start, "UPTIME", path)
    return path


def test_nobody_takes_part_before_a_configuration(world: World) -> None:
    assert world.start.reason is not None
    assert world.begun == []


def test_without_a_delay_at_once(world: World) -> None:
    world.start.configure(Process())
    assert world.begun == [0]
    assert world.start.reason is None


def test_counted_from_the_start(world: World) -> None:
    world.loop.sleep(1)
    world.start.configure(Process(startup_delay=5.5))
    world.loop.sleep(4)
    assert world.begun == []
    assert world.start.reason == "waits 0.5 s more (vrrp_startup_delay, vrrp_delay_after_boot)"
    world.loop.sleep(10)
    assert world.begun == [5.5]
    assert world.start.reason is None


@pytest.mark.parametrize(
    ("uptime", "process", "begins"),
    [
        ("7.5 1.0", Process(delay_after_boot=10), 2.5),
        ("100000.01 3.0", Process(delay_after_boot=10), 0),
        ("7.5 1.0", Process(delay_after_boot=10, startup_delay=1), 2.5),
        ("7.5 1.0", Process(delay_after_boot=10, startup_delay=30), 30),
    ],
)
def test_after_boot_the_longer_of_both(
    world: World, booted: Path, uptime: str, process: Process, begins: float
) -> None:
    booted.write_text(uptime)
    world.start.configure(process)
    world.loop.sleep(100)
    assert world.begun == [begins]


def test_a_reload_may_cut_or_prolong_it_until_it_is_over(world: World) -> None:
    world.start.configure(Process(startup_delay=10))
    world.loop.sleep(2)
    world.start.configure(Process(startup_delay=20))
    world.loop.sleep(10)
    assert world.begun == []
    world.start.configure(Process(startup_delay=5))
    assert world.begun == [12]
    world.start.configure(Process(startup_delay=50))
    world.loop.sleep(100)
    assert world.begun == [12]
    assert world.start.reason is None


def test_the_kernel_tells_the_uptime() -> None:
    assert start._uptime() > 0


def test_close_ends_the_wait(world: World) -> None:
    world.start.configure(Process(startup_delay=10))
    world.start.close()
    world.loop.sleep(100)
    assert world.begun == []

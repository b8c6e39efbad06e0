"""All track_file together: what inotify tells, what it cannot tell, and reloads by difference."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from vrrpd_fast.model import ValueFile
from vrrpd_fast.track import files as files_module
from vrrpd_fast.track.files import Files
from vrrpd_fast.track.inotify import OVERFLOW, Event, Inotify


class World:
    """Files of a directory, by name, and who was told to have changed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.told: list[str] = []
        self.pauses = 0
        self.files = Files(asyncio.get_running_loop(), self.told.append)

    def named(self, *paths: str, **more: object) -> dict[str, ValueFile]:
        return {
            path: ValueFile(name=path, path=str(self.directory / path), **more)  # type: ignore[arg-type]
            for path in paths
        }

    def pause(self) -> None:
        self.pauses += 1

    async def take(self, files: dict[str, ValueFile]) -> None:
        await self.files.take(files, self.pause)
        await self.files.drop(files, self.pause)

    async def until(self, name: str, value: int) -> None:
        for _ in range(500):
            if self.files.get(name).value == value:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"{name} is {self.files.get(name).value} and not {value}")


def run(directory: Path, main: Callable[[World], Awaitable[None]]) -> None:
    async def whole() -> None:
        world = World(directory)
        try:
            await main(world)
        finally:
            world.files.close()

    asyncio.run(whole())


def test_files_written_replaced_deleted_and_made(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        path, beside = tmp_path / "a", tmp_path / "beside"
        await world.take(world.named("a"))
        assert world.files.get("a").value == 0
        path.write_text("1")
        await world.until("a", 1)
        beside.write_text("2")
        beside.rename(path)
        await world.until("a", 2)
        path.unlink()
        await world.until("a", 0)
        beside.write_text("3")
        path.symlink_to(beside)
        await world.until("a", 3)
        path.rename(tmp_path / "away")
        await world.until("a", 0)
        assert set(world.told) == {"a"}

    run(tmp_path, main)


def test_a_file_that_several_track_and_one_beside_it(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        one = world.named("a")["a"]
        await world.take({"a": one, "same": ValueFile(name="same", path=one.path), **world.named("b")})
        (tmp_path / "a").write_text("4")
        await world.until("a", 4)
        await world.until("same", 4)
        assert world.files.get("b").value == 0
        assert sorted(world.told) == ["a", "same"]

    run(tmp_path, main)


def test_a_directory_that_comes_goes_and_comes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "RETRY_S", 0.02)

    async def main(world: World) -> None:
        await world.take(world.named("d/a"))
        for value in (5, 6):
            (tmp_path / "d").mkdir()
            (tmp_path / "d" / "a").write_text(str(value))
            await world.until("d/a", value)
            (tmp_path / "d" / "a").write_text("9")
            await world.until("d/a", 9)
            (tmp_path / "d").rename(tmp_path / f"old{value}")
            await world.until("d/a", 0)

    run(tmp_path, main)


def test_two_names_of_one_directory(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        (tmp_path / "d").mkdir()
        (tmp_path / "link").symlink_to(tmp_path / "d")
        both = world.named("d/a", "link/a")
        await world.take(both)
        (tmp_path / "d" / "a").write_text("7")
        await world.until("d/a", 7)
        await world.until("link/a", 7)
        await world.take({"link/a": both["link/a"]})
        (tmp_path / "d" / "a").write_text("8")
        await world.until("link/a", 8)

    run(tmp_path, main)


def test_a_reload_touches_what_differs(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        (tmp_path / "b").write_text("2")
        await world.take(world.named("a", "stays", initial=1))
        stays = world.files.get("stays")
        (tmp_path / "stays").write_text("5")
        await world.until("stays", 5)
        world.told.clear()
        moved = ValueFile(name="a", path=str(tmp_path / "b"))
        await world.take({"a": moved, **world.named("stays", initial=1)})
        assert world.files.get("stays") is stays
        assert (world.files.get("a").value, stays.value) == (2, 5)
        assert world.told == ["a"]
        (tmp_path / "a").write_text("77")
        (tmp_path / "b").write_text("3")
        await world.until("a", 3)
        await world.take({})
        with pytest.raises(KeyError):
            world.files.get("a")
        await world.take(world.named("a"))
        assert world.files.get("a").value == 77

    run(tmp_path, main)


def test_thousands_let_others_have_their_turn(tmp_path: Path) -> None:
    async def main(world: World) -> None:
        names = [f"f{number}" for number in range(1000)]
        await world.take(world.named(*names, initial=1))
        assert world.pauses == len(names) // files_module.PER_SLICE
        for name in names:
            (tmp_path / name).write_text("2")
        for name in names:
            await world.until(name, 2)
        world.pauses = 0
        await world.take({})
        assert world.pauses == len(names) // files_module.PER_SLICE

    run(tmp_path, main)


def test_without_inotify_files_are_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "RETRY_S", 0.02)

    def refuse() -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(files_module, "Inotify", refuse)

    async def main(world: World) -> None:
        await world.take(world.named("a"))
        (tmp_path / "a").write_text("3")
        await world.until("a", 3)

    run(tmp_path, main)


def test_after_lost_events_everything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Lossy(Inotify):
        def read(self) -> list[Event]:
            super().read()
            return [Event(-1, OVERFLOW, "")]

    monkeypatch.setattr(files_module, "Inotify", Lossy)

    async def main(world: World) -> None:
        await world.take(world.named("a", "b"))
        (tmp_path / "a").write_text("3")
        await world.until("a", 3)

    run(tmp_path, main)

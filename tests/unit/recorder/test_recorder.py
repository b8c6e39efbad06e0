"""The recorder: notes and transitions become events in the ring, after everything else and in bounds."""

import asyncio
import errno
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from unit.samples import instance
from vrrpd_fast.holds import Holds
from vrrpd_fast.model import Reason, State, Transition
from vrrpd_fast.observe.events import read
from vrrpd_fast.recorder import recorder as module
from vrrpd_fast.recorder.recorder import Recorder
from vrrpd_fast.recorder.watched import Watched
from vrrpd_fast.story import MARKS_LIMIT, Story

RunFixture = Callable[[Any], Any]
MS = 1_000_000
AT_NS = 5_000 * MS
PEER = ip_address("10.0.0.2")


class Bench:
    def __init__(self, path: Path) -> None:
        self.path = str(path / "control.sock")
        self.is_busy = False
        self.late: list[tuple[int, int]] = []
        self.recorder = Recorder(
            asyncio.get_running_loop(),
            lambda: self.is_busy,
            Holds(),
            lambda step, late_ns: self.late.append((step, late_ns)),
        )
        self.recorder.open(self.path)

    def events(self) -> list[dict[str, Any]]:
        return list(read(self.path))

    def tell(self, story: Story, event: Transition, **facts: Any) -> None:
        self.recorder.transition(story, event, instance("VI"), 1_700_000_000.25, 100, **facts)


def takeover(**more: Any) -> Transition:
    """Of a virtual router of priority 100 at 100 ms, 2 ms after its timer ran out."""
    fields: dict[str, Any] = {
        "handle": 1,
        "old": State.BACKUP,
        "new": State.MASTER,
        "reason": Reason.NO_ADVERT,
        "at_ns": AT_NS,
        "master_address": PEER,
        "master_priority": 200,
        "silence_ns": 363 * MS,
        "down_interval_ns": 361 * MS,
        "skew_ns": 61 * MS,
        "deadline_ns": AT_NS - 2 * MS,
        "sent_ns": AT_NS + 40_000,
    }
    return Transition(**fields | more)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_takeover_is_told_step_by_step(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        story = Story(bench.recorder.new_id(), "VI", AT_NS)
        story.mark("addresses_added", AT_NS + 300_000, 2, 95_000, {"refused": 1})
        story.mark("announced", AT_NS + 400_000, 1)
        bench.tell(story, takeover(), text="because", sum="100 base = 100", group=None)
        await turns()
        assert bench.late == [(1, 2 * MS + 395_000), (2, 2 * MS + 400_000)]
        (event,) = bench.events()
        assert event == {
            "seq": 1,
            "time": 1_700_000_000.25,
            "event": "transition",
            "instance": "VI",
            "id": story.id,
            "old": "BACKUP",
            "new": "MASTER",
            "reason": "no_advert",
            "master_address": "10.0.0.2",
            "master_priority": 200,
            "priority": 100,
            "text": "because",
            "sum": "100 base = 100",
            "steps": [
                {"at_us": -363_000, "what": "advert_heard", "from": "10.0.0.2", "priority": 200}
                | {"late_us": 263_000},
                {"at_us": -2_000, "what": "down_timer", "interval_us": 361_000, "skew_us": 61_000}
                | {"late_us": 2_000},
                {"at_us": 40, "what": "advert_sent", "priority": 100},
                {"at_us": 300, "what": "addresses_added", "count": 2, "took_us": 95, "refused": 1},
                {"at_us": 400, "what": "announced", "count": 1},
            ],
        }

    run(main())


@pytest.mark.parametrize(
    ("more", "steps"),
    [
        ({"silence_ns": -1}, ["down_timer", "advert_sent"]),
        (
            {"reason": Reason.RESIGNED, "master_priority": 0},
            ["priority_zero_heard", "down_timer", "advert_sent"],
        ),
        ({"reason": Reason.PREEMPT}, ["rival_heard", "down_timer", "advert_sent"]),
        ({"reason": Reason.OWNER, "deadline_ns": -1, "old": State.INIT}, ["advert_sent"]),
        ({"sent_ns": -1}, ["advert_heard", "down_timer"]),
        (
            {"old": State.MASTER, "new": State.BACKUP, "reason": Reason.HIGHER_PRIORITY},
            ["winner_heard"],
        ),
        ({"old": State.MASTER, "new": State.BACKUP, "reason": Reason.OPERATOR}, ["priority_zero_sent"]),
        ({"old": State.MASTER, "new": State.FAULT, "reason": Reason.TRACKED_SCRIPT}, ["priority_zero_sent"]),
        ({"old": State.BACKUP, "new": State.FAULT, "reason": Reason.TRACKED_SCRIPT}, []),
    ],
)
def test_what_led_to_it_and_what_was_sent(
    run: RunFixture, tmp_path: Path, more: dict[str, Any], steps: list[str]
) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        bench.tell(Story("x-1", "VI", AT_NS), takeover(**more))
        await turns()
        assert [step["what"] for step in bench.events()[0]["steps"]] == steps

    run(main())


def test_what_comes_later_follows_under_the_same_id(
    run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATER_SECONDS", 0.01)

    async def main() -> None:
        bench = Bench(tmp_path)
        story = Story("x-1", "VI", AT_NS)
        bench.tell(story, takeover())
        await turns()
        story.mark("announced_again", AT_NS + 5 * MS, 4)
        story.mark("script_ended", AT_NS + 6 * MS, facts={"word": "notify", "result": "exit 0"})
        await asyncio.sleep(0.1)
        later = bench.events()[1]
        assert (later["event"], later["instance"], later["id"]) == ("steps", "VI", "x-1")
        assert [(step["at_us"], step["what"]) for step in later["steps"]] == [
            (5_000, "announced_again"),
            (6_000, "script_ended"),
        ]

    run(main())


def test_nothing_is_written_while_addresses_are_moved(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        bench.is_busy = True
        for number in range(100):
            bench.recorder.note("late", late_us=number)
        await turns(20)
        assert bench.events() == []
        bench.is_busy = False
        await turns(1)
        assert len(bench.events()) == module.PER_SLICE  # and no more a turn
        await turns(20)
        assert [event["late_us"] for event in bench.events()] == list(range(100))

    run(main())


def test_the_end_writes_what_waits(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        story = Story("x-1", "VI", AT_NS)
        bench.tell(story, takeover())
        await turns()
        story.note("script_ended")
        for _ in range(40):
            bench.recorder.note("stop", text="end")
        bench.recorder.close()
        events = [event["event"] for event in bench.events()]
        assert events == ["transition", *["stop"] * 40, "steps"]
        bench.recorder.note("late")  # no use any more, and no harm

    run(main())


def test_more_than_can_wait_loses_the_oldest(
    run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIMIT", 10)

    async def main() -> None:
        bench = Bench(tmp_path)
        for number in range(25):
            bench.recorder.note("late", late_us=number)
        await turns()
        assert [event["late_us"] for event in bench.events()] == list(range(15, 25))
        assert bench.recorder.lost == 15

    run(main())


def test_no_room_is_said_once_and_ends(
    run: RunFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        ring = bench.recorder._ring
        assert ring is not None
        with monkeypatch.context() as full:
            full.setattr(ring, "append", lambda texts: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
            for _ in range(3):
                bench.recorder.note("late")
                await turns()
        assert [record.getMessage() for record in caplog.records] == [f"events are lost: {ring.path}: full"]
        assert bench.recorder.lost == 3
        bench.recorder.note("late")
        await turns()
        assert [event["seq"] for event in bench.events()] == [1]

    run(main())


def test_without_a_file_it_is_said_and_all_goes_on(
    run: RunFixture, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        (tmp_path / "control.sock.events").mkdir()
        bench = Bench(tmp_path)
        assert "events are not recorded" in caplog.text
        story = Story("x-1", "VI", AT_NS)
        story.note("announced")
        bench.tell(story, takeover())
        bench.recorder.note("late")
        await turns()
        assert story.marks == []
        bench.recorder.close()

    run(main())


def test_a_story_with_too_many_steps_says_so(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        story = Story("x-1", "VI", AT_NS)
        for _ in range(MARKS_LIMIT + 5):
            story.note("addresses_added")
        bench.tell(story, takeover())
        await turns()
        assert bench.events()[0]["cut"] == f"5 steps more than {MARKS_LIMIT}"

    run(main())


def test_what_is_too_long_keeps_its_head(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        bench.recorder.note("reload", text="x" * 5_000, findings=["y" * 40_000] * 2)
        await turns()
        (event,) = bench.events()
        assert (event["event"], event["cut"]) == ("reload", "too long to be recorded")
        assert event["text"] == "x" * 1000

    run(main())


def test_a_name_that_is_no_text_harms_nobody(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        bench.recorder.note("late", text="before")
        bench.recorder.note("complaint", instance="VI_\udce9")
        await turns()
        assert [event.get("instance") for event in bench.events()] == [None, "VI_?"]

    run(main())


def test_trackers_are_told_when_they_change_and_challengers_once(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        watched = Watched(bench.recorder)
        names = [f"VI{n}" for n in range(20)]
        for state in ("unknown", "up", "up", "down"):
            watched.tracker({"type": "script", "name": "chk", "state": state, "last_result": "exit 1"}, names)
        count = {"type": "process", "name": "p", "state": "down", "count": 7, "target": "x", "path": "/x"}
        watched.tracker(count | {"last_output": "no", "pid": 3}, names)
        watched.tracker({"type": "file", "name": "f", "state": "read", "value": 3}, names[:1])
        for _ in range(3):
            watched.challenge("VI", 1, (PEER, 90), 100)
        watched.challenge("VI", 2, (PEER, 100), 100)
        watched.challenge("VI", 2, (ip_address("10.0.0.3"), 90), 100)
        await turns()
        first, up, down, process, value, *challenged = bench.events()
        assert "old" not in first
        assert (up["old"], up["new"]) == ("unknown", "up")
        assert (down["old"], down["new"], down["result"], down["tracked_by"]) == ("up", "down", "exit 1", 20)
        assert down["instances"] == names[:16]
        assert (process["count"], process["tracked_by"], process["new"]) == (7, 20, "down")
        assert (value["new"], value["instances"]) == (3, ["VI0"])
        assert [each["from"] for each in challenged] == ["10.0.0.2", "10.0.0.2", "10.0.0.3"]
        assert "priority 90, which is lower than 100" in challenged[0]["text"]
        assert "a lower address" in challenged[1]["text"]

    run(main())


def test_how_late_each_step_of_a_takeover_was_is_counted(run: RunFixture, tmp_path: Path) -> None:
    async def main() -> None:
        counted: list[tuple[int, int]] = []
        recorder = Recorder(
            asyncio.get_running_loop(), lambda: False, Holds(), lambda *step: counted.append(step)
        )
        recorder.open(str(tmp_path / "control.sock"))
        for event in (takeover(), takeover(new=State.BACKUP, old=State.MASTER), takeover(deadline_ns=-1)):
            story = Story(recorder.new_id(), "VI", AT_NS)
            story.mark("addresses_added", AT_NS + 100_000, 32, 90_000)
            story.mark("addresses_added", AT_NS + 300_000, 2, 95_000)
            story.mark("announced", AT_NS + 200_000, 32)
            story.mark("announced", AT_NS + 400_000, 2)
            recorder.transition(story, event, instance("VI"), 1_700_000_000.25, 100)
        await turns()
        assert counted == [(1, 2 * MS + 395_000), (2, 2 * MS + 400_000)]
        recorder.close()

    run(main())

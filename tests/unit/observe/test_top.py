"""The rows and lines of `vrrpctl top`, without a terminal."""

import time
from pathlib import Path
from typing import Any

import pytest

from unit.observe.segment_samples import Sample, instance, script
from vrrpd_fast.cli.commands import top as command
from vrrpd_fast.observe.rates import Span, moved
from vrrpd_fast.observe.segment import Snapshot, read
from vrrpd_fast.observe.text import width
from vrrpd_fast.observe.top import SORTS, View

SCREENS = [(80, 24), (120, 30), (200, 60), (60, 12), (40, 3)]


def snapshot(tmp_path: Path, instances: list[dict[str, Any]], **more: Any) -> Snapshot:
    path = str(tmp_path / "socket")
    with Sample(path, instances, trackers=[script("CHK", "down")], **more):
        return read(path)


def view(tmp_path: Path, instances: list[dict[str, Any]], **more: Any) -> View:
    made = View()
    taken = snapshot(tmp_path, instances, **more)
    made.take(taken, taken.instances, time.time())
    return made


def lines(shown: View, columns: int = 80, rows: int | None = None, footer: str | None = None) -> list[str]:
    return [line.plain.rstrip() for line in shown.frame(columns, rows, footer)]


def names(shown: View) -> list[str]:
    return [row.instance["name"] for row in shown.rows]


def troubled(now: float) -> list[dict[str, Any]]:
    return [
        instance("fine", last_transition=now - 5000),
        instance("late", last_transition=now - 5000, lateness_ns=30_000_000),
        instance("lacks", last_transition=now - 5000, tracking=[("script", "CHK", 10, False, 0)]),
        instance("new", last_transition=now - 9, flaps=4, state="MASTER", reason="no advert"),
        instance("waits", last_transition=now - 5000, state="INIT", reason="waits for CHK"),
        instance("down", last_transition=now - 5000, state="FAULT", reason="eth0 is down"),
    ]  # fmt: skip


def test_the_worst_is_on_top(tmp_path: Path) -> None:
    shown = view(tmp_path, troubled(time.time()))
    assert names(shown) == ["down", "waits", "new", "lacks", "late", "fine"]
    texts = [row.trouble.text for row in shown.rows]
    assert texts[0] == "eth0 is down"
    assert texts[2] == "no advert"
    assert texts[3:] == ["CHK is down (-10)", "its last takeover was late", ""]
    text = lines(shown, columns=100)
    assert text[1] == "6 virtual routers:  1 FAULT  1 INIT  1 MASTER  3 BACKUP"
    assert text[4].split() == ["NAME", "STATE", "PRIO", "SINCE", "SENT/S", "RCVD/S", "LATE", "CHG", "TROUBLE"]
    assert text[5].startswith("down   FAULT    100  1h23m") and text[5].endswith("eth0 is down")


def test_rates_and_errors(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    one, two = instance("a"), instance("b", statistics={"advertisement_sent": 1000})
    shown = View()
    with Sample(path, [one, two], lateness={1 << 14: 9, 1 << 26: 1}) as sample:
        old = read(path)
        shown.take(old, old.instances, time.time())
        assert (shown.rows[0].sent, shown.rows[1].sent) == (0, 0)
        one["statistics"] |= {"advertisement_sent": 40, "advertisement_rcvd": 2, "checksum_errors": 20}
        two["statistics"] |= {"advertisement_sent": 400}  # made anew
        sample.put(0, one)
        sample.put(1, two)
        sample.live(beat_age=-4, lateness={1 << 14: 19, 1 << 17: 1, 1 << 26: 1})
        new = read(path)
        shown.take(new, new.instances, time.time())
    seconds = new.written - old.written
    assert names(shown) == ["a", "b"]
    assert shown.rows[0].sent == pytest.approx(40 / seconds)
    assert shown.rows[1].sent == pytest.approx(400 / seconds)
    assert shown.rows[0].trouble.text == f"checksum_errors {20 / seconds:.1f}/s"
    flow = lines(shown)[2]
    assert flow.startswith(
        f"{440 / seconds:.1f} sent/s · {2 / seconds:.1f} rcvd/s · {20 / seconds:.1f} errors/s · "
    )
    assert flow.endswith("late < 131 µs")


def test_no_rates_across_a_restart(tmp_path: Path) -> None:
    old = snapshot(tmp_path, [instance("a", statistics={"advertisement_sent": 50})])
    new = snapshot(tmp_path, [instance("a", statistics={"advertisement_sent": 10})], pid=77)
    assert Span.between(old, new) is None
    assert Span.between(old, old) is None
    shown = View()
    for each in (old, new):
        shown.take(each, each.instances, time.time())
    assert shown.rows[0].sent == 0
    assert "sent/s" not in lines(shown)[2]


def test_counters_that_go_back_were_made_anew() -> None:
    assert moved({"a": 5, "b": 7}, {"a": 6, "b": 9}) == {"a": 1, "b": 2}
    assert moved({"a": 5, "b": 7}, {"a": 4, "b": 9}) == {"a": 4, "b": 9}
    assert moved({}, {"a": 4}) == {"a": 4}


def test_a_look_before_the_daemon_wrote_again_keeps_the_rates(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    one = instance("a")
    shown = View()
    with Sample(path, [one]) as sample:
        for _ in range(2):
            snap = read(path)
            shown.take(snap, snap.instances, time.time())
            one["statistics"]["advertisement_sent"] += 10
            sample.put(0, one)
            sample.live(beat_age=-2)
        fresh = read(path)
        shown.take(fresh, fresh.instances, time.time())
        rate = shown.rows[0].sent
        shown.take(fresh, fresh.instances, time.time())
    assert rate > 0
    assert shown.rows[0].sent == rate


@pytest.mark.parametrize(("columns", "rows"), SCREENS)
@pytest.mark.parametrize("count", [0, 3, 10_000])
def test_a_frame_fits_its_screen(tmp_path: Path, columns: int, rows: int, count: int) -> None:
    many = [
        instance(f"路由{n}" + "x" * (n % 60), interface=f"eth{n}", state="FAULT", reason="r" * 300)
        for n in range(count)
    ]
    shown = view(tmp_path, many, router_id="r" * 200)
    for offset in (0, 7, 20_000):
        shown.scroll(offset)
        text = lines(shown, columns, rows, "footer" * 50)
        assert len(text) <= max(rows, 6)
        assert max(map(width, text)) <= columns


def test_ten_thousand_cost_little(tmp_path: Path) -> None:
    many = [instance(f"vr{n}", interface=f"eth{n}") for n in range(10_000)]
    taken = snapshot(tmp_path, many)
    shown = View()
    shown.take(taken, taken.instances, time.time())
    began = time.process_time()
    shown.take(taken, taken.instances, time.time())
    list(shown.frame(120, 50, "footer"))
    assert time.process_time() - began < 0.5  # 60 ms on a quiet machine


@pytest.mark.parametrize("sort", SORTS)
def test_sorting(tmp_path: Path, sort: str) -> None:
    shown = view(tmp_path, troubled(time.time()))
    shown.sort = sort
    shown.arrange()
    first = {
        "name": "down",
        "since": "new",
        "late": "late",
        "changes": "new",
        "sent": "fine",
        "received": "fine",
    }
    assert names(shown)[0] == first.get(sort, "down")
    assert len(names(shown)) == 6


def test_next_sort_goes_round(tmp_path: Path) -> None:
    shown = view(tmp_path, troubled(time.time()))
    seen = [shown.sort]
    for _ in SORTS:
        shown.next_sort()
        seen.append(shown.sort)
    assert seen == [*SORTS, "trouble"] == [*command.SORTS, "trouble"]


def test_filter(tmp_path: Path) -> None:
    shown = view(tmp_path, troubled(time.time()))
    for text, expected in (("BACKUP", 3), ("backup la", 2), ("eth0 fault", 1), ("none", 0), ("", 6)):
        shown.filter = text
        shown.arrange()
        assert len(shown.rows) == expected, text
    shown.filter = "fault"
    shown.arrange()
    assert lines(shown)[1] == "1 of 6 virtual routers:  1 FAULT"


def test_scrolling_stays_within(tmp_path: Path) -> None:
    shown = view(tmp_path, [instance(f"vr{n}") for n in range(100)])
    for by, offset in ((-1, 0), (5, 5), (1000, 99), (1, 99), (-1, 98)):
        shown.scroll(by)
        assert shown.offset == offset
    shown.filter = "vr1"
    shown.arrange()
    assert shown.offset == len(shown.rows) - 1


def test_names_cannot_play_with_the_terminal(tmp_path: Path) -> None:
    evil = "a\x1b[2J[bold]\nb"
    shown = view(tmp_path, [instance(evil, interface=evil, reason=evil, state="FAULT", group=evil)])
    shown.message = ""
    for line in lines(shown, 200, 24, evil):
        assert line.isprintable()
    assert "[bold]" in "".join(lines(shown, 200))


def test_a_stuck_daemon_is_told(tmp_path: Path) -> None:
    shown = view(tmp_path, [instance("a")], beat_age=9)
    assert lines(shown)[0].startswith("STUCK: vrrpd-fast 0.1.0 on sample")

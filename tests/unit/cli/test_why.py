"""vrrpctl why and events: from a segment and a ring, with and without a daemon."""

import json
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from unit.event_samples import ENDED, START, TAKEOVER, append, write
from unit.observe.segment_samples import Sample, instance
from vrrpd_fast.cli import ctl
from vrrpd_fast.observe import events
from vrrpd_fast.recorder.ring import Ring

Out = pytest.CaptureFixture[str]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "control.sock")


def run(path: str, *words: str) -> int:
    return ctl.main(["--socket", path, *words])


def test_why_of_a_daemon_that_runs(path: str, capsys: Out) -> None:
    write(path, START, TAKEOVER, ENDED)
    facts = {"state": "MASTER", "reason": TAKEOVER["text"], "master_address": "10.0.0.1"}
    with Sample(path, [instance("VI_1", **facts), instance("VI_2")]):
        assert run(path, "why", "VI_1") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("VI_1 is MASTER since ")
    for part in ("[k7qd-1]", "What would change that", "2 addresses added in 95 µs", "ended: exit 0"):
        assert part in said.out


def test_why_of_a_daemon_that_has_ended(path: str, capsys: Out) -> None:
    write(path, START, TAKEOVER)
    with Sample(path, [instance("VI_1", state="MASTER")]):
        pass
    assert run(path, "why", "VI_1") == 3
    said = capsys.readouterr()
    assert "vrrpd-fast is not running: what is shown is how it was" in said.err
    assert "[k7qd-1]" in said.out


def test_why_from_events_alone(path: str, capsys: Out) -> None:
    write(path, START, TAKEOVER)
    assert run(path, "why", "VI_1", "--json") == 3
    said = capsys.readouterr()
    assert "from its events alone" in said.err
    found = json.loads(said.out)
    assert (found["condition"], found["state"]) == ("unknown", "MASTER")
    assert found["transitions"][0]["id"] == "k7qd-1"


def test_why_from_the_segment_alone(path: str, capsys: Out) -> None:
    with Sample(path, [instance("VI_1")]):
        assert run(path, "why", "VI_1") == 0
    said = capsys.readouterr()
    assert "no events" in said.err
    assert "VI_1 is BACKUP since" in said.out


def test_why_of_nobody(path: str, capsys: Out) -> None:
    write(path, START, TAKEOVER)
    with Sample(path, [instance("VI_1")]):
        assert run(path, "why", "VI_9") == 1
    said = capsys.readouterr()
    assert "no virtual router is named 'VI_9'" in said.err
    assert said.out == ""


def test_a_hostile_name_does_not_reach_the_terminal(path: str, capsys: Out) -> None:
    name = "VI\x1b[2J"
    write(path, TAKEOVER | {"instance": name, "text": "a\nb"})
    run(path, "why", name)
    run(path, "events")
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert "\\x1b[2J" in said.out


def test_events_as_lines_and_as_json(path: str, capsys: Out) -> None:
    write(path, START, TAKEOVER, ENDED)
    assert run(path, "events") == 0
    day, *lines = capsys.readouterr().out.splitlines()
    assert day == datetime.fromtimestamp(START["time"]).strftime("%Y-%m-%d")
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]
    assert "VI_1: BACKUP -> MASTER: no advert" in lines[1]
    run(path, "events", "--json", "--since", "1")
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["seq"] for event in found] == [2, 3]


def test_events_of_some(path: str, capsys: Out) -> None:
    write(path, START, TAKEOVER, TAKEOVER | {"instance": "lan"})
    run(path, "events", "--name", "VI*")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == ["2"]


@pytest.mark.parametrize(
    ("since", "ago"),
    [("10m", 600), ("1.5h", 5400), ("90s", 90), ("2d", 172800)],
)
def test_events_since_so_long_ago(path: str, capsys: Out, since: str, ago: float) -> None:
    now = time.time()
    write(path, TAKEOVER | {"time": now - ago - 5}, TAKEOVER | {"time": now - ago + 5})
    run(path, "events", "--since", since, "--json")
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [2]


@pytest.mark.parametrize("form", ["%H:%M", "%H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"])
def test_events_since_a_time(path: str, capsys: Out, form: str) -> None:
    now = datetime.now().replace(second=0, microsecond=0)
    write(path, TAKEOVER | {"time": now.timestamp() - 1}, TAKEOVER | {"time": now.timestamp()})
    run(path, "events", "--since", now.strftime(form), "--json")
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [2]


@pytest.mark.parametrize("since", ["yesterday", "-5", "25:00", "10y", ""])
def test_a_time_that_is_none(path: str, capsys: Out, since: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run(path, "events", f"--since={since}")
    assert ended.value.code == 2
    assert "neither the number of an event nor a time" in capsys.readouterr().err


def test_events_without_a_daemon_ever(path: str, capsys: Out) -> None:
    assert run(path, "events") == 1
    assert "no events of a vrrpd-fast" in capsys.readouterr().err


def test_events_are_followed(path: str, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL_SECONDS", 0.001)
    ring = Ring(path)
    append(ring, START)
    seen: list[int] = []

    def stop_at_three(event: dict[str, Any], **_: Any) -> None:
        seen.append(event["seq"])
        if event["seq"] == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("vrrpd_fast.cli.commands.events.write_json", stop_at_three)
    timer = threading.Timer(0.05, append, (ring, TAKEOVER, ENDED))
    timer.start()
    assert run(path, "events", "--follow", "--since", "0", "--json") == 130
    timer.join()
    ring.close()
    assert seen == [1, 2, 3]

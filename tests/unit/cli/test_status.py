"""`vrrpctl status` and `vrrpctl stats`, reading segments as a daemon leaves them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unit.observe.segment_samples import Sample, instance, script
from vrrpd_fast.cli import ctl

PROGRAM = "import sys; from vrrpd_fast.cli.ctl import main; sys.exit(main())"
Run = Callable[..., tuple[int, str, str]]


def thousand() -> list[dict[str, Any]]:
    """Names lan1, wan2, …; one of them in FAULT, one of them with a script that is down."""
    many = []
    for number in range(1000):
        odd = number % 2
        many.append(
            instance(
                f"{'lan' if odd else 'wan'}{number}",
                interface=f"eth{number % 4}",
                virtual_router_id=number % 255 + 1,
                state="MASTER" if odd else "BACKUP",
                group=f"G{number % 3}" if odd else None,
                statistics={"advertisement_sent": 100 * odd, "checksum_errors": 3 * (number == 7)},
            )
        )
    many[500] |= {"state": "FAULT", "reason": "eth0 is down"}
    many[501]["tracking"] = [("script", "CHK", 10, False, 0)]
    return many


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Sample]]:
    path = str(tmp_path_factory.mktemp("ctl") / "socket")
    with Sample(
        path,
        thousand(),
        trackers=[script("CHK", "down")],
        router_id="r1",
        engine={"receive_dropped": 4, "wakeups": 9},
        unattributed={"vrid_errors": 5},
        lateness={1 << 14: 100, 1 << 16: 1},
        takeover={"advert": {1 << 20: 3}, "addresses": {1 << 21: 2, 1 << 23: 1}},
    ) as made:
        yield path, made


@pytest.fixture
def ask(sample: tuple[str, Sample], capsys: pytest.CaptureFixture[str]) -> Run:
    path, made = sample
    made.live()

    def run(*arguments: str) -> tuple[int, str, str]:
        status = ctl.main(["--socket", path, *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_a_thousand(ask: Run) -> None:
    status, out, err = ask("status")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("vrrpd-fast 0.1.0 on r1, process ")
    assert lines[1] == "1000 virtual routers: 1 FAULT, 500 MASTER, 499 BACKUP"
    assert lines[3] == "wan500 FAULT: eth0 is down"
    assert lines[4] == "lan501 MASTER: priority 100, CHK is down (-10)"
    assert len(lines) == 1007
    assert max(map(len, lines)) <= 80


def test_as_json(ask: Run) -> None:
    value = json.loads(ask("status", "--json")[1])
    assert len(value["instances"]) == 1000
    assert (value["router_id"], value["condition"]) == ("r1", "running")
    value = json.loads(ask("status", "lan1", "--json")[1])
    assert [each["name"] for each in value["instances"]] == ["lan1"]


def test_names_and_patterns(ask: Run) -> None:
    status, out, _ = ask("status", "lan1", "wan2")
    assert status == 0
    assert out.startswith("lan1\n  state") and "\nwan2\n  state" in out
    assert ask("status", "lan*")[1].splitlines()[1] == "500 of 1000 virtual routers: 500 MASTER"
    assert ask("status", "?an99?")[1].splitlines()[1].startswith("10 of 1000 virtual routers: ")
    assert ask("status", "lan[13]")[1].count("  state ") == 2


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ("--interface eth1", 250),
        ("--interface eth1 --interface eth2", 500),
        ("--interface eth[12]", 500),
        ("--state fault", 1),
        ("--state FAULT --state MASTER", 501),
        ("--vrid 7", 4),
        ("--vrid 7-8 --vrid 10", 12),
        ("--group G0", 167),
        ("--group G*", 500),
        ("--group G0 --vrid 4 --state MASTER", 2),
        ("--state INIT", 0),
        ("lan1* --interface eth1", 28),
    ],
)
def test_filters(ask: Run, filters: str, count: int) -> None:
    status, out, _ = ask("status", "--json", *filters.split())
    assert (status, len(json.loads(out)["instances"])) == (0, count)
    _, out, _ = ask("stats", "--json", *filters.split())
    assert len(json.loads(out)["instances"]) == count


@pytest.mark.parametrize("filters", ["--state DEAD", "--vrid 0", "--vrid 9-3", "--vrid 256", "--vrid x"])
def test_filters_that_mean_nothing(ask: Run, filters: str) -> None:
    with pytest.raises(SystemExit) as stop:
        ask("status", *filters.split())
    assert stop.value.code == 2


def test_names_that_mean_nothing(ask: Run) -> None:
    status, out, err = ask("status", "lan1", "none", "x*")
    assert status == 1
    assert out.startswith("lan1\n")
    assert err == "vrrpctl: no virtual router is named 'none'\nvrrpctl: no virtual router is named 'x*'\n"
    assert ask("status", "none")[:2] == (1, "")


@pytest.mark.parametrize(
    ("arguments", "status", "err"),
    [
        ("MASTER lan1", 0, ""),
        ("MASTER lan*", 0, ""),
        ("master --group G1", 0, ""),
        ("MASTER lan1 wan2", 1, "vrrpctl: wan2 is BACKUP: started\n"),
        ("BACKUP wan500", 1, "vrrpctl: wan500 is FAULT: eth0 is down\n"),
        ("MASTER lan1 nobody", 1, "vrrpctl: no virtual router is named 'nobody'\n"),
        ("MASTER --state INIT", 1, "vrrpctl: there is no such virtual router\n"),
    ],
)
def test_expect(ask: Run, arguments: str, status: int, err: str) -> None:
    assert ask("status", "--expect", *arguments.split()) == (status, "", err)


def test_stats(ask: Run) -> None:
    status, out, err = ask("stats")
    assert (status, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[1].endswith("; since they were made")
    assert lines[3:8] == [
        "ERRORS TOTAL WHERE",
        "checksum_errors 3 lan7 3",
        "vrid_errors 5 no virtual router of ours 5",
        "receive_dropped 4 the daemon 4",
        "",
    ]
    assert "sent 50,000" in lines
    assert "< 16.4 µs 100 ##############################" in lines
    assert "< 32.8 µs 0" in lines
    assert "addresses there 3 < 2.1 ms < 8.39 ms < 8.39 ms" in lines
    assert lines[-1] == "lan999 MASTER 100 0 0 1 0 -"
    assert max(map(len, out.splitlines())) <= 80


def test_rates(sample: tuple[str, Sample], ask: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    _, made = sample
    changed = thousand()[7]
    changed["statistics"] |= {"advertisement_sent": 300, "checksum_errors": 13}

    def pass_time(seconds: float) -> None:
        made.put(7, changed)
        made.live(beat_age=-seconds)

    made.live(beat_age=0.0)
    monkeypatch.setattr("time.sleep", pass_time)
    value = json.loads(ask("stats", "--interval", "4", "--json")[1])
    assert value["seconds"] == pytest.approx(4, abs=0.2)
    by_name = {each["name"]: each for each in value["instances"]}
    assert by_name["lan7"]["rates"]["advertisement_sent"] == pytest.approx(50, rel=0.1)
    assert by_name["lan9"]["rates"]["advertisement_sent"] == 0
    assert value["unattributed"]["rates"]["vrid_errors"] == 0
    made.put(7, thousand()[7])
    made.live(beat_age=0.0)
    lines = [" ".join(line.split()) for line in ask("stats", "lan*", "--interval", "2")[1].splitlines()]
    assert lines[1].startswith("500 of 1000 virtual routers: 500 MASTER; rates of the last 2.")
    words = [line.split() for line in lines]
    (wrong,) = (line for line in words if line[:1] == ["checksum_errors"])
    (sent,) = (line for line in words if line[:2] == ["sent", "50,200"])
    (lan7,) = (line for line in words if line[:2] == ["lan7", "MASTER"])
    assert wrong[1:2] + wrong[3:] == ["13", "lan7", "13"]
    assert lan7[3:] == ["0.0", "0", "1", "13", "-"]
    rates = [float(wrong[2]), float(sent[2]), float(lan7[2])]
    assert rates == pytest.approx([5, 100, 100], rel=0.1)
    made.put(7, thousand()[7])
    made.live(beat_age=0.0)


@pytest.mark.parametrize("interval", ["0", "0.5", "-1", "nan", "inf", "x"])
def test_intervals_that_are_none(ask: Run, interval: str) -> None:
    with pytest.raises(SystemExit) as stop:
        ask("stats", "--interval", interval)
    assert stop.value.code == 2


@pytest.mark.parametrize("command", ["status", "stats"])
def test_a_daemon_that_is_stuck(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "socket")
    with Sample(path, [instance("lan")], beat_age=75):
        assert ctl.main(["--socket", path, command]) == 3
        out = capsys.readouterr().out.splitlines()
        assert out[0].startswith("STUCK: vrrpd-fast 0.1.0 on sample, process ")
        assert "no sign of life for 1m15s" in out[0]
        assert out[1].startswith("1 virtual router: 1 BACKUP")
        assert ctl.main(["--socket", path, command, "--json"]) == 3
        assert json.loads(capsys.readouterr().out)["condition"] == "stuck"


@pytest.mark.parametrize("command", ["status", "stats"])
def test_a_daemon_that_has_ended(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "socket")
    Sample(path, [instance("lan")]).close()
    assert ctl.main(["--socket", path, command, "lan"]) == 3
    assert capsys.readouterr().out.startswith("STOPPED: vrrpd-fast 0.1.0 on sample, process ")


def test_what_is_expected_of_a_daemon_that_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(tmp_path / "socket")
    Sample(path, [instance("lan")]).close()
    assert ctl.main(["--socket", path, "status", "--expect", "BACKUP", "lan"]) == 3
    assert capsys.readouterr() == ("", "vrrpctl: vrrpd-fast is stopped\n")
    assert ctl.main(["--socket", path + "2", "status", "--expect", "BACKUP", "lan"]) == 3
    assert capsys.readouterr().err == (
        f"vrrpctl: {path}2.stats: not there: vrrpd-fast was not started with this socket\n"
    )


HOSTILE = "a\x1b[2J\x9b31m\u202eb"


@pytest.mark.parametrize(
    "arguments", [["status"], ["status", "*"], ["stats"], ["status", "--expect", "MASTER"]]
)
def test_hostile_names(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is printed, on either side, leaves the terminal alone; as JSON it is the name all the same."""
    path = str(tmp_path / "socket")
    one = instance(HOSTILE, reason=HOSTILE, state="FAULT", interface=HOSTILE, group=HOSTILE)
    one["virtual_addresses"] = [HOSTILE]
    one["statistics"]["checksum_errors"] = 1
    with Sample(path, [one], router_id=HOSTILE):
        ctl.main(["--socket", path, *arguments, HOSTILE + "?"])
        ctl.main(["--socket", path, *arguments])
        captured = capsys.readouterr()
        for text in captured:
            assert all(c.isprintable() or c == "\n" for c in text)
        assert "\\x1b" in captured.out + captured.err
        ctl.main(["--socket", path, *arguments, "--json"])
        text = capsys.readouterr().out
        assert all(c.isprintable() or c == "\n" for c in text)
        if "--expect" not in arguments:
            assert json.loads(text)["instances"][0]["name"] == HOSTILE


def test_a_terminal_of_few_letters(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with Sample(path, [instance("lan", reason="3 × 1 s")]):
        environment = os.environ | {"PYTHONIOENCODING": "ascii", "COLUMNS": "120"}
        command = [sys.executable, "-c", PROGRAM, "--socket", path, "status"]
        result = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert b"3 \\xd7 1 s" in result.stdout


@pytest.mark.parametrize("command", ["status", "stats"])
def test_starts_light(sample: tuple[str, Sample], command: str) -> None:
    """Of what it imports only msgspec takes its time; 100 ms for the whole command is the budget."""
    program = f"{PROGRAM.replace('sys.exit(main())', 'main()')}; print(*sys.modules, file=sys.stderr)"
    arguments = [sys.executable, "-c", program, "--socket", sample[0], command]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    modules = set(result.stderr.split())
    ours = {name.split(".")[1] for name in modules if name.startswith("vrrpd_fast.")}
    assert ours == {"cli", "observe"}
    assert "msgspec" in modules
    slow = {
        "asyncio",
        "uvloop",
        "pyroute2",
        "rich",
        "importlib.metadata",
        "logging",
        "subprocess",
        "tempfile",
    }
    assert not slow & modules


def test_closed_pipe_is_no_traceback(sample: tuple[str, Sample]) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", PROGRAM, "--socket", sample[0], "status"]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, timeout=30)
    os.close(write)
    assert (result.returncode, result.stderr) == (1, b"")

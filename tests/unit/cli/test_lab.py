"""`vrrpctl lab` as a user runs it: its result, its exit status, and that nothing of it stays."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.kit.waiting import wait_until

COMMAND = [sys.executable, "-m", "vrrpd_fast.cli.ctl", "lab"]


@contextmanager
def running(directory: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The lab, with its temporary directory below `directory`."""
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(directory)},
    ) as lab:
        try:
            yield lab
        finally:
            lab.terminate()


def descendants(pid: int) -> set[int]:
    """The pids of all children of this process, theirs, and so on."""
    found: set[int] = set()
    todo = [pid]
    while todo:
        for task in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            children = {int(child) for child in task.read_text().split()}
            found |= children
            todo += children
    return found


@pytest.mark.lab
@pytest.mark.parametrize("arguments", [[], ["--fast"]], ids=["whole", "fast"])
def test_everything_happens_as_it_should(tmp_path: Path, arguments: list[str]) -> None:
    with running(tmp_path, "--json", *arguments) as lab:
        output, story = lab.communicate(timeout=60)
    assert lab.returncode == 0, story
    result = json.loads(output)
    assert result["ok"] and result["failure"] == "" and result["seconds"] < 45
    failures = [outcome for outcome in result["outcomes"] if outcome["act"] == "power failure"]
    assert {(outcome["virtual_router"], outcome["new_master"]) for outcome in failures} == {
        ("50", "r2"),
        ("51", "r2"),
    }
    quick = failures[-2:]
    assert all(0.01 < outcome["outage"] < 0.2 for outcome in quick)
    if not arguments:
        slow = failures[:2]
        assert all(2.6 - 0.1 < outcome["outage"] < 3.61 + 0.1 for outcome in slow)
    assert not list(tmp_path.iterdir())


@pytest.mark.lab
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_lab_leaves_nothing(tmp_path: Path, number: signal.Signals, status: int) -> None:
    with running(tmp_path, "--fast") as lab:
        assert lab.stdout is not None and lab.stderr is not None
        while "r1 is MASTER" not in (line := lab.stdout.readline()):
            assert line, lab.stderr.read()
        inside = descendants(lab.pid)
        assert len(inside) > 8  # two daemons and their helpers, haproxies, agents, the client
        lab.send_signal(number)
        assert lab.wait(10) == status
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in inside), 10, "all are gone")
    assert not list(tmp_path.iterdir())


def test_bad_usage_is_told() -> None:
    run = subprocess.run([*COMMAND, "--slow"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "unrecognized arguments: --slow" in run.stderr

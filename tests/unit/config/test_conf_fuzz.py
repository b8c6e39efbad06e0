"""The fuzzing harness: a short run over the reader, and that it sees what it is there to see."""

import time
from pathlib import Path

import pytest

from fuzz import conf
from vrrpd_fast.config.load import check
from vrrpd_fast.model import Finding, Severity


def test_reader_survives_a_short_run() -> None:
    done, failure = conf.fuzz(seed=1, count=300)
    assert failure is None
    assert done >= 300


@pytest.mark.parametrize("path", sorted((conf.HERE / "seeds").glob("*.conf")), ids=lambda path: path.stem)
def test_seeds_are_without_error(path: Path, tmp_path: Path) -> None:
    text = conf.surroundings(tmp_path)
    text.write_bytes(path.read_bytes())
    assert not [finding for finding in check(text, config_id="main") if finding.severity == "error"]


def test_an_exception_is_a_failure_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "judge", lambda raw, path: 1 / 0)
    done, failure = conf.fuzz(seed=1, count=1)
    assert done == 0
    assert failure is not None
    assert "ZeroDivisionError" in failure
    assert repr(conf.seeds()[0]) in failure


def test_a_text_that_never_ends_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "MOST_CPU_S", 0.2)
    monkeypatch.setattr(conf, "judge", lambda raw, path: _spin())
    _, failure = conf.fuzz(seed=1, count=1)
    assert failure is not None
    assert "for one text" in failure


def test_a_leak_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[object] = []
    monkeypatch.setattr(conf, "WARM_AFTER", 2)
    monkeypatch.setattr(conf, "MOST_BLOCKS_MORE", 10_000)
    monkeypatch.setattr(conf, "judge", lambda raw, path: kept.extend([object() for _ in range(10_000)]))
    _, failure = conf.fuzz(seed=1, count=1)
    assert failure is not None
    assert "memory grows" in failure


@pytest.mark.parametrize("message", ["two\nlines", "half a pair \ud800", "a bell \a"])
def test_a_finding_no_terminal_shows_is_a_failure(message: str) -> None:
    finding = Finding(file="x", line=1, column=1, severity=Severity.ERROR, message=message)
    with pytest.raises((conf.Failure, UnicodeEncodeError)):
        conf._check([finding])


def _spin() -> None:
    while True:
        time.monotonic()

"""promote_secondaries: set while somebody wants it, then as it was."""

import logging
from pathlib import Path

import pytest

from unit.samples import instance
from vrrpd_fast.carry import promote
from vrrpd_fast.carry.promote import Promoter


@pytest.fixture
def sysctls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for dev in ("a0", "b0"):
        (tmp_path / dev).mkdir()
        (tmp_path / dev / "promote_secondaries").write_text("0\n")
    monkeypatch.setattr(promote, "SYSCTLS", tmp_path)
    return tmp_path


def value(sysctls: Path, dev: str = "a0") -> str:
    return (sysctls / dev / "promote_secondaries").read_text().strip()


ONE = instance("ONE", promote_secondaries=True)
TWO = instance("TWO", promote_secondaries=True)


def test_it_is_on_while_somebody_wants_it(sysctls: Path) -> None:
    promoter = Promoter()
    promoter.register(instance("PLAIN"))
    assert value(sysctls) == "0"
    promoter.register(ONE)
    promoter.register(TWO)
    assert (value(sysctls), value(sysctls, "b0")) == ("1", "0")
    promoter.unregister(ONE)
    promoter.settle()
    assert value(sysctls) == "1"
    promoter.unregister(TWO)
    assert value(sysctls) == "1"  # until everybody is registered that a reload registers again
    promoter.settle()
    assert value(sysctls) == "0"


def test_what_was_on_before_stays_on(sysctls: Path) -> None:
    (sysctls / "a0" / "promote_secondaries").write_text("1\n")
    promoter = Promoter()
    promoter.register(ONE)
    promoter.unregister(ONE)
    promoter.settle()
    assert value(sysctls) == "1"


def test_an_interface_that_comes_later_gets_it_then(sysctls: Path) -> None:
    (sysctls / "a0" / "promote_secondaries").unlink()
    (sysctls / "a0").rmdir()
    promoter = Promoter()
    promoter.register(ONE)
    (sysctls / "a0").mkdir()
    (sysctls / "a0" / "promote_secondaries").write_text("0\n")
    promoter.apply("a0")
    promoter.apply("b0")
    assert (value(sysctls), value(sysctls, "b0")) == ("1", "0")


def test_a_refusal_is_told(sysctls: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = sysctls / "a0" / "promote_secondaries"
    path.unlink()
    path.mkdir()
    with caplog.at_level(logging.ERROR):
        Promoter().register(ONE)
    assert "interface a0: promote_secondaries cannot be set" in caplog.text

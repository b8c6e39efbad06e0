"""Mistakes people make in keepalived.conf: each gets exactly the findings of its .expected file."""

from pathlib import Path

import pytest

from vrrpd_fast.config.load import check, load
from vrrpd_fast.model import ConfigError, Severity

CORPUS = Path(__file__).parent / "conf_mistakes"
MISTAKES = sorted(CORPUS.glob("*.conf"))


def test_corpus_is_there() -> None:
    assert len(MISTAKES) >= 150
    assert len(MISTAKES) == len(list(CORPUS.glob("*.expected")))


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_mistake(path: Path) -> None:
    findings = check(path)
    told = [str(finding).removeprefix(f"{path}:").replace(f"{CORPUS}/", "") for finding in findings]
    assert told == path.with_suffix(".expected").read_text().splitlines()
    if any(finding.severity is Severity.ERROR for finding in findings):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.findings == findings
    else:
        assert path.stem.startswith("warning_")
        assert load(path).findings == findings


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_every_finding_has_a_place_in_the_text(path: Path) -> None:
    for finding in check(path):
        text = Path(finding.file).read_bytes().decode("utf-8-sig", errors="replace")
        lines = text.split("\n")
        assert 1 <= finding.line <= len(lines)
        assert 1 <= finding.column <= len(lines[finding.line - 1]) + 1
        assert finding.message

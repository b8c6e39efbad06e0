"""A corpus of mistakes: each file of mistakes/ gets exactly the findings of the .expected file beside it."""

import re
from pathlib import Path

import pytest

from vrrpd_fast.config.load import check, load
from vrrpd_fast.model import ConfigError, Severity

MISTAKES = sorted((Path(__file__).parent / "mistakes").glob("*.json"))


def test_corpus_is_there() -> None:
    assert len(MISTAKES) >= 50
    assert len(MISTAKES) == len(list(MISTAKES[0].parent.glob("*.expected")))


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_mistake(path: Path) -> None:
    findings = check(path)
    told = [str(finding).removeprefix(f"{path}:") for finding in findings]
    assert told == path.with_suffix(".expected").read_text().splitlines()
    if any(finding.severity is Severity.ERROR for finding in findings):
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert caught.value.findings == findings
    else:
        assert path.stem.startswith("warning_")
        assert load(path).findings == findings


@pytest.mark.parametrize("path", MISTAKES, ids=lambda path: path.stem)
def test_mistake_is_placed_on_what_it_tells(path: Path) -> None:
    """A value that a message quotes stands in the line that the message tells."""
    lines = path.read_text().splitlines()
    for finding in check(path):
        assert 1 <= finding.line <= max(len(lines), 1)
        rest = lines[finding.line - 1][finding.column - 1 :] if lines else ""
        value = re.search(r': ("[^"]+"|[0-9.]+) is not ', finding.message)
        if value and " more of " not in finding.message:  # of a range, whose text is not the value
            assert value[1].strip('"') in rest

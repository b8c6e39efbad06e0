"""The layout of the stats segment: its documentation, its constants, and the rest of the vocabulary agree."""

import re
from pathlib import Path

from vrrpd_fast.engine.machine import COUNTERS
from vrrpd_fast.model import Reason, State
from vrrpd_fast.observe import layout

DOCUMENT = Path(__file__).parents[3] / "docs" / "SEGMENT.md"


def test_regions_follow_one_another_as_documented() -> None:
    places = re.findall(r"^\| (\d+) \| [\d × ]*\| (\w+)", DOCUMENT.read_text(), re.MULTILINE)
    assert [int(at) for at, _ in places[:5]] == [
        0,
        layout.SEQUENCES_AT,
        layout.ROWS_AT,
        layout.ENTRIES_AT,
        layout.HEAP_AT,
    ]


def test_structures_have_the_documented_sizes() -> None:
    assert layout.FIXED.size <= layout.LIVE_AT
    assert layout.LIVE_AT + layout.LIVE.size == 1696 <= layout.HEADER_SIZE
    assert layout.ROW.size == layout.ROW_SIZE == 192
    assert layout.ENTRY.size == layout.ENTRY_SIZE


def test_words_are_those_of_the_daemon() -> None:
    assert layout.COUNTERS == COUNTERS
    assert tuple(state.name for state in State) == layout.STATES
    causes = {reason: reason.name.lower() for reason in Reason}
    assert {reason: layout.CAUSES[reason] for reason in Reason} == causes
    text = DOCUMENT.read_text()
    assert not [cause for cause in layout.CAUSES if f"`{cause}`" not in text]

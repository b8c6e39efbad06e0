"""The judge of the comparison finds what differs, and the differences on purpose are documented."""

from dataclasses import replace
from pathlib import Path

import pytest

from lab.compare import judge
from lab.compare.known import EVERYWHERE
from lab.compare.outside import Seen
from lab.compare.scenario import Difference, Discrepancy, Step
from lab.compare.scenarios.table import RELOADS, SCENARIOS
from lab.compare.side import Mark

KEEPALIVED_MD = Path(__file__).parents[3] / "docs" / "KEEPALIVED.md"
TIMED = Step("step", lambda side: None, lambda side: True, after_advert=True)
BEGIN_NS = 1_000_000_000_000


def at(
    after_s: float, text: str = "priority 100", what: str = "advert", where: str = "of vrid 51 to x"
) -> Seen:
    return Seen(BEGIN_NS + round(after_s * 1e9), what, where, text)


def record(*seen: Seen, **mark: object) -> judge.Record:
    return judge.last_step([Mark("step", BEGIN_NS, **mark)], seen)  # type: ignore[arg-type]


def aspects(one: judge.Record, other: judge.Record, step: Step = TIMED) -> list[tuple[str, str]]:
    return [(found.what, found.aspect) for found in judge.differ(one, other, step)]


def test_the_same_is_the_same() -> None:
    assert not aspects(record(at(0.1), at(0.2)), record(at(0.11), at(0.21), at(0.31)))


@pytest.mark.parametrize(
    ("one", "other", "aspect"),
    [
        ([at(0.1)], [at(0.1, "priority 101")], "content"),
        ([at(0.1)], [], "content"),
        ([], [at(0.1)], "content"),
        ([at(0.1), at(0.2, "priority 0")], [at(0.1)], "content"),
        ([at(0.1)], [at(0.4)], "time"),
        ([at(0.3 * count) for count in range(1, 6)], [at(0.3), at(0.7), at(1.1), at(1.5), at(1.9)], "gap"),
    ],
)
def test_adverts_that_differ(one: list[Seen], other: list[Seen], aspect: str) -> None:
    assert aspects(record(*one), record(*other)) == [("advert", aspect)]


def test_what_a_daemon_waited_for_a_processor_excuses_its_times() -> None:
    one, late = [at(0.1)], [at(0.4)]
    assert not aspects(record(*one), record(*late, waited_s=0.3))
    assert not aspects(record(*one), record(*late, vague_s=0.3))
    assert not aspects(record(*one), record(*late), replace(TIMED, slack_s=0.3))
    assert not aspects(record(*one), record(*late), replace(TIMED, is_timed=False))


def test_the_beat_of_another_virtual_router_is_not_judged() -> None:
    assert not aspects(record(at(0.1)), record(at(0.4)), replace(TIMED, about=52))
    assert aspects(record(at(0.1)), record(at(0.4)), replace(TIMED, about=51))


def test_a_beat_that_goes_on_for_a_moment_is_no_difference() -> None:
    """Without alignment, a regular advert may still come before the action has its effect."""
    before, goodbye = at(-0.1), at(0.12, "priority 0")
    loose = replace(TIMED, after_advert=False)
    assert aspects(record(before, at(0.1)), record(before), loose)
    assert not aspects(record(before, at(0.1)), record(before), replace(loose, is_timed=False))
    assert not aspects(record(before, at(0.1), goodbye), record(before, goodbye), loose)
    exact = {"is_exact": True}
    assert aspects(record(before, at(0.1), goodbye, **exact), record(before, goodbye, **exact))
    assert aspects(record(before, at(0.1, "priority 1"), goodbye), record(before, goodbye), loose)


def test_announcements_are_counted_where_the_beginning_is_definite() -> None:
    def announcements(count: int) -> list[Seen]:
        return [at(0.1 + number / 1000, "arp", "announcement", "of a") for number in range(count)]

    assert aspects(record(*announcements(5)), record(*announcements(4))) == [("announcement", "count")]
    untimed = replace(TIMED, is_timed=False)
    assert not aspects(record(*announcements(5)), record(*announcements(4)), untimed)
    assert aspects(record(*announcements(5)), record(), untimed)
    going_on = at(-0.1, "arp", "announcement", "of a")
    assert not aspects(record(going_on, *announcements(1)), record(going_on), untimed)


def test_lines_have_an_order_and_calls_have_none() -> None:
    def told(what: str, *texts: str) -> judge.Record:
        return record(*(at(0.1, text, what, "x") for text in texts))

    assert aspects(told("line", "A", "B"), told("line", "B", "A")) == [("line", "count")]
    assert not aspects(told("call", "A", "B"), told("call", "B", "A"))
    assert aspects(told("call", "A", "B"), told("call", "A", "A")) == [("call", "content")]


def test_tables_and_facts() -> None:
    one, other = record(), record(state={"addr": ["a"]}, facts={"exit status": 0})
    assert aspects(one, other) == [("state", "content"), ("fact", "content")]


def test_a_difference_on_purpose_forgives_only_what_it_names() -> None:
    known = Difference("It is so.", lambda found: found.aspect == "time")
    late, other = (Discrepancy("step", "advert", "x", aspect, 1, 2) for aspect in ("time", "content"))
    assert judge.unforgiven([late, other], [known]) == [other]
    assert "step: advert x: content differs" in str(other)


def test_every_difference_on_purpose_is_documented() -> None:
    text = " ".join(KEEPALIVED_MD.read_text().split())
    known = {*EVERYWHERE, *(each for scenario in (*SCENARIOS, *RELOADS) for each in scenario.differences)}
    missing = sorted(each.sentence for each in known if each.sentence not in text)
    assert not missing, f"docs/KEEPALIVED.md does not say: {missing}"


def test_names_of_scenarios_are_unique() -> None:
    names = [scenario.name for scenario in (*SCENARIOS, *RELOADS)]
    assert sorted(names) == sorted(set(names))
    assert all(scenario.options for scenario in SCENARIOS)

"""Why: what is told of a virtual router from its entry in the segment and from its events."""

from typing import Any

import pytest

from unit.event_samples import ENDED, TAKEOVER
from unit.observe.segment_samples import instance as entry
from vrrpd_fast.observe.steps import ago, event_text, span, step_text
from vrrpd_fast.observe.why import as_text, examine, needles

NOW = TAKEOVER["time"] + 60


def tracker(kind: str = "script", name: str = "chk", **more: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "state": "up",
        "weight": 0,
        "reverse": False,
        "contribution": 0,
    } | more


def made(**more: Any) -> dict[str, Any]:
    """A BACKUP of priority 100 that follows 10.0.0.2 (102), 40 ms after its last advert."""
    facts = {
        "last_advert": NOW - 0.04,
        "down_deadline": NOW + 0.321,
        "master_address": "10.0.0.2",
        "master_priority": 102,
        "last_transition": NOW - 90,
        "reason": "advert from 10.0.0.2 with priority 102, higher than 100",
    }
    return entry("VI_1", **facts | more)


def master(**more: Any) -> dict[str, Any]:
    return made(state="MASTER", last_advert=None, down_deadline=None, master_address="10.0.0.1", **more)


def ahead(instance: dict[str, Any], *events: dict[str, Any]) -> str:
    """What would change it, as one text."""
    return "\n".join(examine("VI_1", instance, events, now=NOW)["next"])


def test_the_sentence_says_what_happened() -> None:
    found = examine("VI_1", None, [TAKEOVER], now=NOW)
    assert found["sentence"].startswith("VI_1 is MASTER since ")
    assert (
        found["sentence"].endswith(
            "(1 min ago): no advert from 10.0.0.2 for 361 ms (3 × 100 ms + skew 61 ms); its addresses were "
            "announced 431 µs later."
        )
        or "(1 min ago)" in found["sentence"]
    )


def test_a_priority_that_was_moved_is_in_the_sentence() -> None:
    event = TAKEOVER | {
        "old": "MASTER",
        "new": "BACKUP",
        "reason": "higher_priority",
        "text": "advert from 10.0.0.2 with priority 102, higher than 72",
        "sum": "100 base, +2 CHK-LB, -30 eth1 down = 72",
    }
    sentence = examine("VI_1", None, [event], now=NOW)["sentence"]
    assert "its priority was 100 base, +2 CHK-LB, -30 eth1 down = 72" in sentence


def test_the_state_of_the_segment_goes_before_that_of_the_events() -> None:
    found = examine("VI_1", made(), [TAKEOVER], now=NOW)
    assert found["state"] == "BACKUP"
    assert "advert from 10.0.0.2 with priority 102" in found["sentence"]


def test_steps_that_came_later_join_their_transition() -> None:
    other = TAKEOVER | {"instance": "VI_2"}
    found = examine("VI_1", None, [TAKEOVER, other, ENDED], now=NOW)
    (transition,) = found["transitions"]
    assert [step["what"] for step in transition["steps"]][-2:] == ["script_started", "script_ended"]
    assert len(TAKEOVER["steps"]) == 7  # the sample itself is as it was


def test_the_last_transitions_newest_first() -> None:
    events = [TAKEOVER | {"id": f"k-{n}", "time": float(n)} for n in range(9)]
    found = examine("VI_1", None, events, count=3, now=NOW)
    assert [event["id"] for event in found["transitions"]] == ["k-8", "k-7", "k-6"]
    assert examine("VI_1", None, events, count=0, now=NOW)["transitions"] == []


def test_a_backup_says_how_long_the_master_must_be_silent() -> None:
    text = ahead(made(last_advert=NOW - 0.4, down_deadline=NOW + 3.21))
    assert "when 10.0.0.2 is silent for 3.21 s more (3.61 s in all)" in text
    text = ahead(made())  # what was heard meanwhile is not in the segment yet
    assert "when 10.0.0.2 is silent for 361 ms\n" in text
    assert "when the priority of 10.0.0.2 (102) drops below 100, or ours rises above 102" in text


def test_a_tracker_that_would_give_something() -> None:
    text = ahead(made(tracking=[tracker(name="CHK-LB", weight=2, state="down")]))
    assert "vrrp_script CHK-LB would give +2: 102, which is not above 102" in text
    text = ahead(
        made(
            effective_priority=70,
            tracking=[tracker("interface", "eth1", weight=-40, contribution=-40, state="down")],
        )
    )
    assert "interface eth1 would give +40: 110, which is above 102" in text


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"master_priority": 90}, "preempts 10.0.0.2, whose priority 90 is below 100, when its down timer"),
        ({"master_priority": 90, "preempt": False}, "(nopreempt)"),
        ({"preempt": False}, "whatever the priorities are (nopreempt)"),
        ({"master_priority": 90, "preempt_delay": 300.0}, "after preempt_delay (300 s)"),
        ({"master_priority": 90, "group": "G"}, "when all of G can"),
        ({"master_priority": 255}, "owns the addresses"),
        ({"operator": {"yields": True, "until": None}}, "the operator has had it resign"),
        ({"operator": {"yields": True, "until": NOW + 9}}, "resign, until "),
        ({"master_address": None, "last_advert": None}, "when no master is heard for 321 ms more"),
        ({"down_deadline": None}, "for its down interval"),
    ],
)
def test_a_backup_that_waits(more: dict[str, Any], text: str) -> None:
    assert text in ahead(made(**more))


def test_a_master_says_who_would_take_it_away() -> None:
    instance = master(
        tracking=[
            tracker(name="CHK-LB", weight=2, contribution=2),
            tracker("interface", "eth1", weight=-30),
            tracker("probe", "gw"),
            tracker("file", "f", weight=1, value=3, contribution=3),
        ]
    )
    text = ahead(instance, TAKEOVER)
    assert "a priority above 100 is heard, or with 100 and a higher address" in text
    assert "10.0.0.2 would take over when our priority drops below its own, last known as 102" in text
    assert "vrrp_script CHK-LB: if it fails, the priority is 98" in text
    assert "interface eth1: if it fails, the priority is 70" in text
    assert "FAULT when one of these fails: interface eth0, vrrp_probe gw" in text
    assert "track_file" not in text


def test_an_owner_stays() -> None:
    assert "owns its addresses" in ahead(master(effective_priority=255, priority=255))


def test_a_fault_ends_when_its_tracker_is_up() -> None:
    instance = made(state="FAULT", tracking=[tracker(contribution="fault", state="down")])
    assert ahead(instance) == "leaves FAULT when vrrp_script chk is up again"
    instance = made(state="FAULT", reason="interface eth0 is down")
    assert ahead(instance) == "leaves FAULT when this is over: interface eth0 is down"


def test_who_else_claims_it_is_counted() -> None:
    base = {"instance": "VI_1", "from": "10.0.0.3"}
    events = [
        base | {"event": "challenged", "time": 1.0, "text": "it is MASTER too"},
        base | {"event": "complaint", "what": "addresses", "time": 2.0, "text": "other addresses"},
        base | {"event": "challenged", "time": 3.0, "text": "it is MASTER too"},
    ]
    found = examine("VI_1", None, [TAKEOVER, *events], now=NOW)
    assert [(each["what"], each["times"], each["last"]) for each in found["claims"]] == [
        ("addresses", 1, 2.0),
        ("challenged", 2, 3.0),
    ]


def test_trackers_are_told_only_if_it_tracks_them() -> None:
    events = [
        {"event": "tracker", "type": "script", "tracker": "chk", "time": 1.0, "new": "down"},
        {"event": "tracker", "type": "script", "tracker": "other", "time": 2.0, "new": "down"},
        {"event": "priority", "instance": "VI_1", "time": 3.0, "old": 100, "new": 70, "sum": "…"},
    ]
    found = examine("VI_1", made(tracking=[tracker()]), events, now=NOW)
    assert [each["time"] for each in found["changes"]] == [3.0, 1.0]


def test_nothing_known() -> None:
    found = examine("VI_1", None, [], now=NOW)
    assert found["state"] is None
    assert found["sentence"] == "VI_1: nothing is known of it."


@pytest.mark.parametrize("width", [40, 80, 120])
def test_the_text_keeps_its_width(width: int) -> None:
    instance = master(
        tracking=[tracker(name="x" * 30, weight=-30, last_result="exit 1"), tracker("interface", "eth1")]
    )
    claim = {"event": "complaint", "instance": "VI_1", "time": 1.0, "text": "other addresses " * 9}
    text = as_text(
        examine("VI_1", instance, [TAKEOVER | {"group": "G", "cut": "too long"}, ENDED, claim], now=NOW),
        width,
        NOW,
    )
    head = f"  2026-09-21 00:00:00.000000  BACKUP -> MASTER  [{TAKEOVER['id']}]"
    assert all(len(line) <= max(width, len(head)) for line in text.splitlines())
    for title in ("What would change that", "Priority 100", "Who else claims it", "Last transitions"):
        assert f"\n{title}\n" in text
    assert "the story is cut short: too" in text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0 µs"),
        (95, "95 µs"),
        (999, "999 µs"),
        (2_300, "2.3 ms"),
        (361_402, "361 ms"),
        (1_000_000, "1 s"),
        (12_500_000, "12.5 s"),
    ],
)
def test_spans(microseconds: float, text: str) -> None:
    assert span(microseconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s ago"), (59, "59 s ago"), (90, "2 min ago"), (7200, "2 h ago"), (864000, "10 days ago")],
)
def test_ago(seconds: float, text: str) -> None:
    assert ago(seconds) == text


@pytest.mark.parametrize("step", TAKEOVER["steps"] + ENDED["steps"], ids=lambda step: step["what"])
def test_every_step_has_words(step: dict[str, Any]) -> None:
    text = step_text(step)
    assert "None" not in text and "_us" not in text
    assert step_text({"what": "something_new"}) == "something new"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (TAKEOVER, "BACKUP -> MASTER: no advert from 10.0.0.2 for 361 ms (3 × 100 ms + skew 61 ms) [k7qd-1]"),
        ({"event": "gap", "from": 1, "to": 9}, "events 1 to 9 are not there any more"),
        (
            {"event": "tracker", "type": "script", "tracker": "chk", "old": "up", "new": "down"}
            | {"result": "exit 1"},
            "script chk is down (was up), exit 1",
        ),
        (
            {"event": "late", "late_us": 7000, "text": "loop held by x"},
            "a tick came 7.0 ms late: loop held by x",
        ),
        ({"event": "reload", "text": "not reloaded", "findings": ["a", "b"]}, "not reloaded; a; b"),
        ({"event": "something", "text": "new"}, "new"),
    ],
)
def test_every_event_has_words(event: dict[str, Any], text: str) -> None:
    assert event_text(event) == text


def test_needles_are_what_json_has() -> None:
    assert needles("VI_1", ["chk"]) == [b'"instance":"VI_1"', b'"tracker":"chk"']
    assert needles('V"ü', []) == ['"instance":"V\\"ü"'.encode()]

"""vrrp_track_process in both forms: which processes it is about, and how many."""

import json
from typing import Any

import pytest

from unit.config.conf.conf_texts import instance_text, loaded, warnings
from vrrpd_fast.config.load import load_text
from vrrpd_fast.model import ConfigError, ProcessCount, Track, TrackKind

ROUTER = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1/24"]}


def told(block: dict[str, Any]) -> tuple[ProcessCount | None, list[str]]:
    """What a block comes to, unless it cannot be used, and what is said about it."""
    document = {
        "vrrp_track_process": {"web": block},
        "vrrp_instance": {"A": {**ROUTER, "track_process": ["web"]}},
    }
    try:
        result = load_text(json.dumps(document), "a.json")
    except ConfigError as error:
        return None, [finding.message for finding in error.findings]
    return result.config.processes["web"], [finding.message for finding in result.findings]


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"process": "haproxy"}, {"command": ("haproxy",)}),
        ({"process": " haproxy  -W "}, {"command": ("haproxy", "-W"), "by_command": True}),
        ({"process": ["a b"]}, {"command": ("a b",)}),
        ({"process": ["a", ""]}, {"command": ("a", ""), "by_command": True}),
        ({"process": "a", "full_command": True}, {"command": ("a",), "by_command": True}),
        (
            {"process": "a", "param_match": "initial"},
            {"command": ("a",), "by_command": True, "match": "initial"},
        ),
        ({"process": "a", "quorum": 2, "quorum_max": 2}, {"command": ("a",), "quorum": 2, "quorum_max": 2}),
        ({"process": "a", "quorum_max": 0}, {"command": ("a",), "quorum": 0, "quorum_max": 0}),
        ({"process": "a", "quorum_max": 0, "quorum": 1}, {"command": ("a",), "quorum": 0, "quorum_max": 0}),
        ({"process": "a", "delay": 2}, {"command": ("a",), "fork_delay": 2, "terminate_delay": 2}),
        (
            {"process": "a", "delay": 2, "fork_delay": 0},
            {"command": ("a",), "fork_delay": 0, "terminate_delay": 2},
        ),
    ],
)
def test_what_a_block_comes_to(block: dict[str, Any], expected: dict[str, Any]) -> None:
    assert told(block) == (ProcessCount(name="web", **expected), [])


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"process": " "}, "process: needs the name of a process"),
        ({"process": [""]}, "process: needs the name of a process"),
        ({"process": ["a", "b\0"]}, "process: needs the name of a process"),
        ({"process": "a", "quorum": 3, "quorum_max": 2}, "quorum_max: is less than the quorum of 3"),
        ({"process": "a", "quorum_max": 0, "quorum": 2}, "quorum_max: is less than the quorum of 2"),
        ({"process": "a", "weight": 255}, "weight: 255 is not in -254..254"),
        ({"process": "a", "quorum": 0}, "quorum: 0 is not in 1..65535"),
        ({"process": "a", "delay": 3601}, "delay: 3601 is not in 0..3600"),
    ],
)
def test_what_cannot_be(block: dict[str, Any], message: str) -> None:
    result, messages = told(block)
    assert result is None
    assert any(f"vrrp_track_process web: {message}" in one for one in messages), messages


@pytest.mark.parametrize(
    ("process", "remedy"),
    [
        ("averylongprogramname", 'write "averylongprogra", or say full_command'),
        ("/usr/sbin/haproxy", "names of processes have no directory; say full_command"),
    ],
)
def test_a_name_that_no_process_has(process: str, remedy: str) -> None:
    result, (message,) = told({"process": process})
    assert result is not None
    assert remedy in message
    assert told({"process": process, "full_command": True})[1] == []


def test_both_forms_and_weights_of_entries() -> None:
    text = (
        "vrrp_track_process web {\n  process /usr/sbin/haproxy -W\n  param_match partial\n"
        "  weight -5 reverse\n}\n"
        "vrrp_track_process db {\n  process db\n}\n"
    )
    config = loaded(text + instance_text("track_process {\n web\n db weight 254 noreverse\n }")).config
    assert config.processes["web"].command == ("/usr/sbin/haproxy", "-W")
    assert config.instances["one"].tracks == (
        Track(kind=TrackKind.PROCESS, name="web", weight=-5, reverse=True),
        Track(kind=TrackKind.PROCESS, name="db", weight=254, reverse=False),
    )


@pytest.mark.parametrize(
    ("lines", "counted"),
    [
        ("quorum 3\n  quorum_max 2", (3, None)),
        ("quorum_max 2\n  quorum 3", (1, 2)),
        ("quorum_max 0\n  quorum 2", (0, 0)),
    ],
)
def test_keepalived_leaves_out_the_later_of_two_that_contradict(
    lines: str, counted: tuple[int, int | None]
) -> None:
    text = f"vrrp_track_process web {{\n  process web\n  {lines}\n}}\n" + instance_text(
        "track_process {\n web\n }"
    )
    (message,) = warnings(text)
    assert message.endswith("left out, as keepalived does: quorum_max is less than quorum")
    web = loaded(text).config.processes["web"]
    assert (web.quorum, web.quorum_max) == counted


def test_nobody_tracks_it() -> None:
    document = {"vrrp_track_process": {"web": {"process": "web"}}, "vrrp_instance": {"A": ROUTER}}
    (finding,) = load_text(json.dumps(document), "a.json").findings
    assert finding.message.startswith("vrrp_track_process web: ")

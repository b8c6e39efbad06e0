import json
import logging
import re

import pytest

from unit.log.records import failing, record
from vrrpd_fast.log.formats import JSONFormatter, PrefixFormatter, TextFormatter

FORMATTERS = (TextFormatter(), PrefixFormatter())


def test_text() -> None:
    line = TextFormatter().format(record("instance %s: %s", 50, "BACKUP -> MASTER (3 × 100 ms)"))
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} info instance 50: BACKUP -> MASTER \(3 × 100 ms\)", line
    )


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_message_cannot_forge_a_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record("name %s", "a\n2026-01-01 error forged\x1b[31m\u2028", failover="k\n1"))
    assert line.endswith(r"name a\n2026-01-01 error forged\x1b[31m\u2028 [k\n1]")


def test_traceback_is_indented() -> None:
    lines = TextFormatter().format(failing()).splitlines()
    assert lines[0].endswith(" error it failed")
    assert lines[1] == "  Traceback (most recent call last):"
    assert lines[-1] == "  KeyError: 'gone'"
    assert all(line.startswith("  ") for line in lines[1:])


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_people_see_the_failover_and_not_twice_the_instance(formatter: logging.Formatter) -> None:
    told = {"instance": "50", "failover": "k3-7", "event": "transition"}
    assert formatter.format(record("instance 50: x", **told)).endswith("instance 50: x [k3-7]")
    assert formatter.format(record("instance 50: x", instance="50", failover=None)).endswith("instance 50: x")


@pytest.mark.parametrize(
    ("level", "prefix"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.ERROR, 3), (logging.CRITICAL, 3)],
)
def test_the_journal_knows_the_time_and_wants_the_priority(level: int, prefix: int) -> None:
    assert PrefixFormatter().format(record("x: %d", 1, level=level)) == f"<{prefix}>x: 1"


def test_every_line_in_the_journal_has_its_priority() -> None:
    lines = PrefixFormatter().format(failing()).splitlines()
    assert len(lines) > 2
    assert all(line.startswith("<3>") for line in lines)


def test_json() -> None:
    told = {"instance": "50", "failover": "k3-7", "event": "transition", "other": "not a field"}
    value = json.loads(JSONFormatter().format(record("a\n%s", "ü", **told)))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d", value.pop("time"))
    assert value == {
        "level": "info",
        "logger": "vrrpd_fast.x",
        "message": "a\nü",
        "instance": "50",
        "failover": "k3-7",
        "event": "transition",
    }
    assert json.loads(JSONFormatter().format(failing()))["exception"].endswith("KeyError: 'gone'")


def test_json_of_anything_that_a_name_may_be() -> None:
    line = JSONFormatter().format(record("%s", 'a"\\\n\x00\x1b\u2028', instance=7))
    assert "\n" not in line
    assert json.loads(line)["message"] == 'a"\\\n\x00\x1b\u2028'
    assert json.loads(line)["instance"] == "7"

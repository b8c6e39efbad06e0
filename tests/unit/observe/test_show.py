import re
from typing import Any

import pytest

from vrrpd_fast.observe.show import as_details, as_table
from vrrpd_fast.observe.text import duration

NOW = 1_800_000_000.0


def instance(name: str = "50", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "interface": "eth0",
        "address_family": "ipv4",
        "virtual_router_id": 50,
        "version": 2,
        "state": "BACKUP",
        "priority": 100,
        "effective_priority": 100,
        "priority_sum": "100 base = 100",
        "advert_int": 1.0,
        "master_advert_int": 1.0,
        "master_address": "192.168.0.2",
        "master_priority": 102,
        "last_transition": NOW - 125,
        "reason": "started",
        "virtual_addresses": ["192.168.0.75/32", "192.168.0.76/32"],
        "tracking": [],
        "statistics": {"master_transitions": 0, "advertisement_rcvd": 1234},
    } | more


def status(*instances: dict[str, Any]) -> dict[str, Any]:
    return {
        "router_id": "haproxy1",
        "version": "0.1.0",
        "pid": 812,
        "uptime": 3600.0 * 5 + 61,
        "condition": "running",
        "written": NOW,
        "instances": list(instances),
    }


DOWN = {"state": "down", "contribution": 0}


def test_table() -> None:
    script = {
        "name": "CHK-LB",
        "type": "script",
        "state": "up",
        "weight": 2,
        "reverse": False,
        "contribution": 2,
        "last_result": "exit 0",
        "last_duration": 0.0042,
    }
    text = as_table(
        status(
            instance(state="MASTER", effective_priority=102, tracking=[script]),
            instance("51", interface="eth1", virtual_router_id=51, tracking=[script | DOWN]),
            instance(
                "lan-six", state="FAULT", reason="eth9 is down", address_family="ipv6", master_address=None
            ),
        ),
        NOW,
    )
    assert text == (
        "vrrpd-fast 0.1.0 on haproxy1, process 812, up 5h1m\n"
        "3 virtual routers: 1 FAULT, 1 MASTER, 1 BACKUP\n"
        "\n"
        "lan-six FAULT: eth9 is down\n"
        "51 BACKUP: priority 100, CHK-LB is down (-2)\n"
        "\n"
        "NAME     INTERFACE  VRID  IP  STATE   PRIO  SINCE  MASTER\n"
        "50       eth0         50  v4  MASTER   102  2m5s   this router\n"
        "51       eth1         51  v4  BACKUP   100  2m5s   192.168.0.2\n"
        "lan-six  eth0         50  v6  FAULT    100  2m5s   -\n"
    )


def test_details() -> None:
    trackers = [
        {
            "name": "CHK-LB",
            "type": "script",
            "state": "down",
            "weight": -20,
            "reverse": False,
            "contribution": -20,
            "last_result": "exit 1",
            "last_duration": 0.0042,
        },
        {
            "name": "eth7",
            "type": "interface",
            "state": "down",
            "weight": 0,
            "reverse": False,
            "contribution": "fault",
        },
    ]
    sum_ = "100 base, -20 CHK-LB down = 80"
    text = as_details(status(instance(effective_priority=80, priority_sum=sum_, tracking=trackers)), NOW)
    assert text == (
        "50\n"
        "  state           BACKUP for 2m5s\n"
        "  reason          started\n"
        "  virtual router  VRID 50 on eth0, VRRPv2 over IPv4\n"
        "  priority        80 (100 base, -20 CHK-LB down)\n"
        "  master          192.168.0.2, priority 102\n"
        "  interval        1 s, the master's 1 s\n"
        "  addresses       192.168.0.75/32\n"
        "                  192.168.0.76/32\n"
        "  tracking        script CHK-LB: down, priority -20 (last: exit 1 in 4 ms)\n"
        "                  interface eth7: down, fault\n"
        "  counters        advertisement_rcvd 1234\n"
    )


def test_details_of_a_quiet_master() -> None:
    text = as_details(
        status(instance(state="MASTER", master_address="10.0.0.1", statistics={"checksum_errors": 0})), NOW
    )
    assert "master          this router (10.0.0.1), priority 102\n" in text
    assert "counters        all zero\n" in text


@pytest.mark.parametrize(
    ("weight", "reverse", "contribution", "expected"),
    [
        (10, False, 10, None),
        (10, False, 0, "x BACKUP: priority 100, t is ? (-10)"),
        (-10, False, 0, None),
        (-10, False, -10, "x BACKUP: priority 100, t is ? (-10)"),
        (10, True, 0, None),
        (10, True, -10, "x BACKUP: priority 100, t is ? (-10)"),
        (-10, True, 10, None),
        (-10, True, 0, "x BACKUP: priority 100, t is ? (-10)"),
        (0, False, 0, None),
        (0, False, "waiting", "x BACKUP: priority 100, t is ? (waiting)"),
    ],
)
def test_only_a_tracker_that_costs_something_is_an_exception(
    weight: int, reverse: bool, contribution: int | str, expected: str | None
) -> None:
    tracker = {"name": "t", "type": "script", "state": "?", "weight": weight, "reverse": reverse}
    lines = as_table(
        status(instance("x", tracking=[tracker | {"contribution": contribution}])), NOW
    ).splitlines()
    assert lines[3].startswith(expected or "NAME  INTERFACE  VRID  IP  STATE   PRIO  SINCE  MASTER")


@pytest.mark.parametrize(
    ("state", "value", "contribution", "expected"),
    [
        ("read", 0, 0, None),
        ("read", 12, 12, None),
        ("missing", 0, 0, None),
        ("read", -30, -30, "x BACKUP: priority 100, load is -30 (-30)"),
        ("read", -300, "fault", "x BACKUP: priority 100, load is -300 (fault)"),
    ],
)
def test_a_file_is_an_exception_when_it_lowers_the_priority(
    state: str, value: int, contribution: int | str, expected: str | None
) -> None:
    tracker = {"name": "load", "type": "file", "state": state, "value": value, "path": "/run/load"}
    tracker |= {"weight": 1, "reverse": False, "contribution": contribution}
    shown = status(instance("x", tracking=[tracker]))
    assert (
        as_table(shown, NOW)
        .splitlines()[3]
        .startswith(expected or "NAME  INTERFACE  VRID  IP  STATE   PRIO  SINCE  MASTER")
    )
    word = str(value) if state == "read" else state
    assert f"file load: {word}, " in as_details(shown, NOW)


def test_orders_are_told() -> None:
    """What an operator has forgotten to take back would puzzle the next one."""
    resigned = instance("a", operator={"priority": None, "yields": True, "until": None})
    lowered = instance("b", operator={"priority": 50, "yields": True, "until": NOW}, effective_priority=50)
    text = as_table(status(resigned, lowered), NOW)
    assert "\na BACKUP: priority 100, resigned by the operator until that is taken back\n" in text
    assert re.search(
        r"\nb BACKUP: priority 50, resigned by the operator until 2027-01-\d\d \d\d:\d\d:\d\d, "
        r"base priority 50 by the operator \(configured 100\)\n",
        text,
    )
    text = as_details(status(lowered), NOW)
    assert "  operator        resigned by the operator until 2027-" in text


def test_exceptions_are_not_endless() -> None:
    many = (instance(str(n), state="FAULT", reason=f"eth{n // 2} is down") for n in range(1000))
    lines = as_table(status(*many), NOW).splitlines()
    assert lines[22:25] == ["19 FAULT: eth9 is down", "… and 980 lines more", ""]


def test_what_is_the_matter_with_many_is_one_line() -> None:
    many = [instance(f"lan{n}", state="FAULT", reason="eth0 is down") for n in range(1000)]
    lines = as_table(status(*many), NOW).splitlines()
    assert lines[3].startswith("1000 FAULT: eth0 is down: lan0, lan1, lan2, ")
    assert len(lines[3]) == 80 and lines[3].endswith("…")
    assert lines[4] == ""


@pytest.mark.parametrize(
    ("condition", "beginning"),
    [
        ("running", "vrrpd-fast 0.1.0 on haproxy1, process 812, up 5h1m"),
        (
            "stuck",
            "STUCK: vrrpd-fast 0.1.0 on haproxy1, process 812, gives no sign of life for 1m5s; this is",
        ),
        ("stopped", "STOPPED: vrrpd-fast 0.1.0 on haproxy1, process 812, ended 1m5s ago, 2"),
    ],
)
def test_a_daemon_that_does_not_run_is_told_first(condition: str, beginning: str) -> None:
    shown = status(instance()) | {"condition": condition, "written": NOW - 65}
    assert as_table(shown, NOW).splitlines()[0].startswith(beginning)
    assert as_details(shown, NOW).startswith("50\n" if condition == "running" else beginning)


def test_part_of_all() -> None:
    assert as_table(status(instance()), NOW, total=9).splitlines()[1] == "1 of 9 virtual routers: 1 BACKUP"


def test_a_wide_terminal_shows_more() -> None:
    shown = status(instance("a-rather-long-name-for-it", group="G1"), instance("51", group=None))
    header, row, _ = as_table(shown, NOW, columns=140).splitlines()[3:]
    assert header.split()[-3:] == ["GROUP", "ADDRESSES", "REASON"]
    assert row.startswith("a-rather-long-name-for-it  eth0")
    assert row.endswith("192.168.0.2  G1     192.168.0.75/32 +1  started")
    for columns in range(60, 200):
        lines = as_table(shown, NOW, columns=columns).splitlines()
        assert max(map(len, lines[3:])) <= max(columns, 74)


def test_thousand_rows_fit_80_columns() -> None:
    many = [
        instance(
            f"vr{n:04}",
            interface=f"vlan{n:04}",
            address_family="ipv6",
            master_address=f"fe80::5054:ff:fe12:{n:x}",
            state="BACKUP" if n % 2 else "MASTER",
            last_transition=NOW - n * 997,
        )
        for n in range(1000)
    ]
    lines = as_table(status(*many), NOW).splitlines()
    assert len(lines) == 1004
    assert max(map(len, lines)) <= 80
    assert lines[1] == "1000 virtual routers: 500 MASTER, 500 BACKUP"


def test_no_instances() -> None:
    assert as_table(status(), NOW).splitlines()[1:] == ["0 virtual routers"]
    assert as_table(status(instance()), NOW).splitlines()[1] == "1 virtual router: 1 BACKUP"


def test_names_cannot_play_with_the_terminal() -> None:
    evil = instance("a\x1b[2J\nb", reason="x\x1b]0;title\x07", state="FAULT")
    for text in (as_table(status(evil), NOW), as_details(status(evil), NOW)):
        assert not any(ord(c) < 32 and c != "\n" for c in text)
        assert r"\x1b" in text


def test_long_and_wide_names_keep_the_columns() -> None:
    text = as_table(status(instance("a" * 40), instance("路由" * 9), instance("ü" * 3)), NOW)
    rows = text.splitlines()[-3:]
    assert rows[0].startswith("a" * 15 + "…  eth0 ")
    assert rows[1].startswith("路由路由路由路…   eth0 ")
    assert rows[2].startswith("ü" * 3 + " " * 13 + "  eth0 ")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (60, "1m0s"),
        (3599, "59m59s"),
        (3600, "1h0m"),
        (86399, "23h59m"),
        (86400, "1d0h"),
        (1e7, "115d17h"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_details_of_processes_and_of_what_flaps() -> None:
    """How many run, and how long what flaps is still to be up."""
    process = {"name": "web", "type": "process", "state": "up", "count": 3, "damped": None}
    check = {"name": "chk", "type": "script", "state": "down", "damped": 41.6, "last_result": None}
    weighted = {"weight": 5, "reverse": False}
    trackers = [process | weighted | {"contribution": 5}, check | weighted | {"contribution": 0}]
    text = as_details(status(instance(tracking=trackers)), NOW)
    assert "process web: up, priority +5 (3 running)\n" in text
    assert "script chk: down, priority +0 (flaps, to be up for 42 s more)\n" in text

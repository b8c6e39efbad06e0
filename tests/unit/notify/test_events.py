"""Lines and arguments to the byte, and which scripts an event runs."""

from ipaddress import ip_address
from typing import Any

import pytest

from unit.samples import instance
from vrrpd_fast.model import Command, Notify, State
from vrrpd_fast.notify.events import Event, Kind, Word, scripts
from vrrpd_fast.story import Story

ALL = Notify(
    master=Command(script="/m"),
    backup=Command(script="/b"),
    fault=Command(script="/f"),
    stop=Command(script="/s"),
    deleted=Command(script="/d"),
    every=Command(script="/e"),
    master_rx_lower_pri=Command(script="/l"),
    tells_deleted=True,
)


def event(word: Word, name: str = "VI 1", **more: Any) -> Event:
    fields: dict[str, Any] = {"priority": 100, "number": 7, "at": 1700000000.25, "old": State.BACKUP} | more
    return Event(name=name, word=word, instance=instance(name), **fields)


def test_a_line() -> None:
    assert event(Word.MASTER).line == b'INSTANCE "VI 1" MASTER 100\n'
    assert event(Word.MASTER_RX_LOWER_PRI, "é").line == 'INSTANCE "é" MASTER_RX_LOWER_PRI 100\n'.encode()
    assert event(Word.BACKUP, 'a"b').line == b'INSTANCE "a"b" BACKUP 100\n'
    # A keepalived.conf need not be UTF-8; its bytes come out as they went in.
    assert event(Word.STOP, b"\xff".decode(errors="surrogateescape")).line == b'INSTANCE "\xff" STOP 100\n'


def test_a_group_s_line_and_environment() -> None:
    group = Event(
        kind=Kind.GROUP, name="G", word=Word.FAULT, priority=0, number=1, at=0.0, old=State.MASTER, reason="x"
    )
    assert group.line == b'GROUP "G" FAULT 0\n'
    assert group.arguments == ("GROUP", "G", "FAULT", "0")
    assert "VRRP_VRID" not in group.environment()


def test_arguments() -> None:
    assert event(Word.FAULT, priority=120).arguments == ("INSTANCE", "VI 1", "FAULT", "120")


def test_environment() -> None:
    told = event(
        Word.BACKUP,
        reason="because",
        master_address=ip_address("fe80::2"),
        master_priority=200,
        story=Story("k7qd-3", "VI 1", 0),
    ).environment()
    assert told == {
        "VRRP_TYPE": "INSTANCE",
        "VRRP_NAME": "VI 1",
        "VRRP_STATE": "BACKUP",
        "VRRP_PREVIOUS_STATE": "BACKUP",
        "VRRP_PRIORITY": "100",
        "VRRP_BASE_PRIORITY": "100",
        "VRRP_REASON": "because",
        "VRRP_EVENT": "7",
        "VRRP_TIME": "1700000000.250000",
        "VRRP_FAILOVER_ID": "k7qd-3",
        "VRRP_MASTER_ADDRESS": "fe80::2",
        "VRRP_MASTER_PRIORITY": "200",
        "VRRP_INTERFACE": "a0",
        "VRRP_VRID": "51",
        "VRRP_FAMILY": "ipv4",
        "VRRP_VERSION": "3",
    }


@pytest.mark.parametrize(
    ("word", "own"),
    [
        (Word.MASTER, "/m"),
        (Word.BACKUP, "/b"),
        (Word.FAULT, "/f"),
        (Word.STOP, "/s"),
    ],
)
def test_a_state_runs_its_own_script_then_notify(word: Word, own: str) -> None:
    found = scripts(ALL, event(word))
    assert [(command.script, more) for _, command, more in found] == [
        (own, ()),
        ("/e", ("INSTANCE", "VI 1", word.value, "100")),
    ]
    assert scripts(Notify(), event(word)) == []


def test_an_advert_of_lower_priority_is_no_state() -> None:
    found = scripts(ALL, event(Word.MASTER_RX_LOWER_PRI))
    assert [(word, command.script, more) for word, command, more in found] == [
        ("notify_master_rx_lower_pri", "/l", ())
    ]


@pytest.mark.parametrize("word", [Word.MASTER_PRIORITY, Word.BACKUP_PRIORITY])
def test_another_priority_runs_nothing(word: Word) -> None:
    assert scripts(ALL, event(word)) == []


@pytest.mark.parametrize("word", [Word.DELETED, Word.FAULT])
def test_a_removal_does_not_run_notify_fault(word: Word) -> None:
    found = scripts(ALL, event(word, is_removal=True))
    assert [(command.script, more[2:3]) for _, command, more in found] == [("/d", ()), ("/e", (word.value,))]

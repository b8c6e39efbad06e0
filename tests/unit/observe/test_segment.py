"""Reading the stats segment: what is in it, in which condition its daemon is, and files that are none."""

import os
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.observe.segment_samples import Sample, instance, script
from vrrpd_fast.observe import layout, segment
from vrrpd_fast.observe.segment import Condition, SegmentError, read, status


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> str:
    return str(tmp_path / "control.sock")


def test_everything_of_a_virtual_router(path: str) -> None:
    wanted = instance(
        "lan",
        state="MASTER",
        effective_priority=102,
        master_advert_int=0.03,
        master_address="fe80::1",
        address_family="ipv6",
        reason="no advert for 3.6 s",
        group="both",
        failover="k3x9a",
        cause="no_advert",
        old_state="BACKUP",
        flaps=7,
        lateness_ns=41_000,
        last_advert=1_800_000_000.5,
        down_deadline=1_800_000_003.5,
        statistics={"advertisement_sent": 2**40, "kernel_absorbed": 5},
    )
    with Sample(path, [wanted]):
        (got,) = read(path).instances
    for each in ("last_advert", "down_deadline"):
        assert got.pop(each) == pytest.approx(wanted.pop(each), abs=0.01)
    assert got == wanted
    assert list(got)[:17] == list(wanted)[:17]  # as the contract lists them


def test_who_heard_no_master(path: str) -> None:
    with Sample(path, [instance("lan", master_address=None, master_priority=0)]):
        (got,) = read(path).instances
    assert got["master_address"] is None and got["lateness_ns"] is None


def test_trackers_are_joined_with_what_is_made_of_them(path: str) -> None:
    tracking = [("script", "check", 5, False, 5), ("probe", "gone", 0, False, "waiting")]
    with Sample(path, [instance("lan", tracking=tracking)], trackers=[script("check")]):
        snapshot = read(path)
    (got,) = snapshot.instances
    assert got["tracking"] == [
        {**script("check"), "weight": 5, "reverse": False, "contribution": 5},
        {
            "name": "gone",
            "type": "probe",
            "state": "unknown",
            "weight": 0,
            "reverse": False,
            "contribution": "waiting",
        },
    ]
    assert snapshot.trackers == [script("check")]


def test_of_the_process(path: str) -> None:
    with Sample(
        path,
        router_id="edge",
        version="9.9",
        pid=77,
        groups=[{"name": "both"}],
        notify={"fifos": [1]},
        engine={"wakeups": 5, "link_overruns": 2},
        unattributed={"vrid_errors": 3},
        lateness={1024: 8},
        takeover={"advert": {65536: 1}, "announced": {1 << 39: 2}},
    ):
        snapshot = read(path)
    assert (snapshot.router_id, snapshot.version, snapshot.pid) == ("edge", "9.9", 77)
    assert snapshot.groups == [{"name": "both"}]
    assert snapshot.engine["wakeups"] == 5 and snapshot.engine["link_overruns"] == 2
    assert snapshot.unattributed["vrid_errors"] == 3 and len(snapshot.unattributed) == 15
    assert snapshot.lateness == {1024: 8}
    assert snapshot.takeover == {"advert": {65536: 1}, "addresses": {}, "announced": {1 << 39: 2}}
    assert snapshot.uptime == pytest.approx(60, abs=5)
    told = status(snapshot)
    assert told["engine"]["lateness_ns"] == {"1024": 8}
    assert told["condition"] == "running" and told["notify"] == {"fifos": [1]}


def test_conditions(path: str) -> None:
    with Sample(path) as sample:
        assert read(path).condition is Condition.RUNNING
        sample.live(beat_age=4.0)
        stuck = read(path)
        assert stuck.condition is Condition.STUCK
        assert stuck.uptime == pytest.approx(56, abs=5)
        sample.live(stopped=True)
        assert read(path).condition is Condition.STOPPED
        sample.live(stopped=False, beat_age=0)
    assert read(path).condition is Condition.STOPPED  # nobody holds its lock


def test_only_those_that_are_named(path: str) -> None:
    with Sample(path, [instance("a"), instance("b"), instance("c")]):
        assert [each["name"] for each in read(path, ["c", "a", "x"]).instances] == ["a", "c"]


def test_order_is_that_of_coming_into_being(path: str) -> None:
    with Sample(path, [instance("a"), instance("b")]) as sample:
        sample.put(0, instance("later"))
        assert [each["name"] for each in read(path).instances] == ["b", "later"]


def test_who_comes_or_goes_is_left_out(path: str) -> None:
    with Sample(path, [instance("a"), instance("b"), instance("c")]) as sample:
        sample.row(0, instance("x"), serial=99)
        sample.text(1, b"", serial=0)
        assert [each["name"] for each in read(path).instances] == ["c"]


def test_reason_until_the_card_has_followed(path: str) -> None:
    with Sample(path, [instance("a")]) as sample:
        serial = 1
        wanted = instance("a", state="MASTER", flaps=2, cause="no_advert", last_transition=1_900_000_000.5)
        sample.row(0, wanted, serial)
        (got,) = read(path).instances
        assert (got["reason"], got["last_transition"]) == ("no advert", 1_900_000_000.5)


@pytest.fixture(name="impatient")
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segment, "TRIES", 2)


@pytest.mark.usefixtures("impatient")
def test_a_writer_that_was_stopped_in_the_middle(path: str) -> None:
    with Sample(path, [instance("a"), instance("b", state="MASTER")]) as sample:
        sample.row(1, instance("b", state="FAULT"), 2, sequence=3)
        sample.live(sequence=5)
        assert [each["state"] for each in read(path).instances] == ["BACKUP", "FAULT"]


def test_a_row_that_changes_while_it_is_read(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sample(path, [instance("a"), instance("b")]) as sample:
        take = segment._File.take

        def interfere(file: Any, at: int, length: int) -> bytes:
            data = take(file, at, length)
            if at == layout.ROWS_AT and length > layout.ROW_SIZE:
                sample.row(1, instance("b", state="FAULT"), 2, sequence=4)
            return data

        monkeypatch.setattr(segment._File, "take", interfere)
        assert [each["state"] for each in read(path).instances] == ["BACKUP", "FAULT"]


def test_a_card_that_is_replaced_while_it_is_read(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sample(path, [instance("a"), instance("b")]) as sample:
        take = segment._File.take
        overwritten = []

        def interfere(file: Any, at: int, length: int) -> bytes:
            if at == layout.HEAP_AT and not overwritten:
                overwritten.append(True)
                os.pwrite(sample.fd, b"{" * 64, layout.HEAP_AT)
                sample.card(0, instance("a", reason="other"), 1)
            return take(file, at, length)

        monkeypatch.setattr(segment._File, "take", interfere)
        monkeypatch.setattr(segment, "_cards", _only_rows(segment._cards))
        assert [each["reason"] for each in read(path).instances] == ["other", "started"]
        assert overwritten


def _only_rows(cards: Any) -> Any:
    """The other cards are not what is interfered with."""
    return lambda file, first, count, kind: cards(file, first, count, kind) if first == 0 else []


def broken(path: str, words: str) -> None:
    with pytest.raises(SegmentError, match=words) as caught:
        read(path)
    assert f"{path}.stats" in str(caught.value)


def test_no_segment(path: str, tmp_path: Path) -> None:
    broken(path, "not there")
    (tmp_path / "control.sock.stats").mkdir()
    broken(path, "not a regular file")
    (tmp_path / "control.sock.stats").rmdir()
    os.mkfifo(tmp_path / "control.sock.stats")
    broken(path, "not a regular file")
    os.unlink(tmp_path / "control.sock.stats")
    (tmp_path / "control.sock.stats").symlink_to("control.sock.stats")
    broken(path, "symbolic links")


def test_foreign_files(path: str, tmp_path: Path) -> None:
    file = tmp_path / "control.sock.stats"
    file.write_bytes(b"")
    broken(path, "too short")
    file.write_bytes(bytes(5000))
    broken(path, "not a stats segment")
    with Sample(path) as sample:
        sample.fixed(number=2)
        broken(path, "layout 2, and only 1")
        sample.fixed()
        os.pwrite(sample.fd, struct.pack("=I", 191), 20)
        broken(path, "sizes in its header")
        sample.fixed()
        read(path)
        os.ftruncate(sample.fd, layout.ROWS_AT)
        broken(path, "ends early")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b"[]", "not what it should be"),
        (b"{},{}", "damaged"),
        (b"{}", "lacks something"),
        (b'{"name":"\xff"}', "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"flaps":1,"name":"a","tracking":[[]]}', "lacks something"),
        (b'{"flaps":1,"name":"a","tracking":7}', "lacks something"),
    ],
)
def test_damaged_cards(path: str, text: bytes, words: str) -> None:
    with Sample(path, [instance("a"), instance("b")]) as sample:
        sample.text(0, text, serial=1)
        broken(path, words)


@pytest.mark.usefixtures("impatient")
def test_entries_that_lead_astray(path: str) -> None:
    with Sample(path, [instance("a")]) as sample:
        for unit, length, words in (
            (1 << 31, 10, "further away than any"),
            (0, 1 << 31, "further away than any"),
            (5000, 10, "damaged"),
            (0, 10, "damaged"),
        ):
            entry = layout.ENTRY.pack(unit, length, zlib.crc32(b"x"), 1)
            os.pwrite(sample.fd, entry, layout.ENTRIES_AT)
            broken(path, words)
        sample.live(rows=layout.SLOTS + 1)
        broken(path, "it claims 131073 rows")


@given(
    blows=st.lists(
        st.tuples(st.integers(0, 6000), st.binary(min_size=1, max_size=40)), min_size=1, max_size=6
    )
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@pytest.mark.usefixtures("impatient")
def test_any_damage_is_an_error_or_a_snapshot(path: str, blows: list[tuple[int, bytes]]) -> None:
    """Bytes changed anywhere that matters: header, sequences, rows, entries, cards."""
    regions = (
        *(range(layout.HEADER_SIZE), range(layout.SEQUENCES_AT, layout.SEQUENCES_AT + 16)),
        *(range(layout.ROWS_AT, layout.ROWS_AT + 400), range(layout.ENTRIES_AT, layout.ENTRIES_AT + 40)),
        range(layout.HEAP_AT, layout.HEAP_AT + 2000),
    )
    places = [at for region in regions for at in region]
    with Sample(path, [instance("a"), instance("b")], trackers=[script("s")]) as sample:
        for number, data in blows:
            os.pwrite(sample.fd, data, places[number % len(places)])
        try:
            snapshot = read(path)
        except SegmentError:
            return
        status(snapshot)


def test_it_is_light() -> None:
    """What shows must not pay for the daemon, nor for much else."""
    import subprocess

    program = "import sys, vrrpd_fast.observe.segment; print('\\n'.join(sys.modules))"
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(output.stdout.split())
    assert not loaded & {"asyncio", "ipaddress", "json", "uvloop", "vrrpd_fast.engine", "vrrpd_fast.model"}

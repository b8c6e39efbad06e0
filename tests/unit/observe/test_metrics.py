import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from unit.observe.segment_samples import Sample, instance, script
from vrrpd_fast.observe.exposition import Dialect, escape
from vrrpd_fast.observe.metrics import ERRORS, render
from vrrpd_fast.observe.segment import Snapshot, read

DOC = Path(__file__).parents[3] / "docs" / "METRICS.md"
HOSTILE = 'a"b\\c\nd\x1b[31m\u2028ü'

NOTIFY = {
    "scripts": {"run": 7, "failed": 1, "running": 2, "waiting": 3, "dropped": 4},
    "fifos": [{"path": "/run/fifo", "written": 9, "waiting": 1, "dropped": 2, "script_restarts": 0}],
}
INSTANCES = [
    instance(
        "lan",
        state="MASTER",
        effective_priority=72,
        tracking=[("script", "CHK", 2, False, 2), ("interface", "eth1", -30, False, -30)],
        statistics={
            "master_transitions": 3,
            "advertisement_sent": 1_000_000,
            "checksum_errors": 5,
            "peer_errors": 1,
        },
        flaps=8,
        lateness_ns=250_000,
        group="both",
    ),
    instance(
        "wan",
        interface="eth1",
        virtual_router_id=7,
        address_family="ipv6",
        state="FAULT",
        virtual_addresses=["fe80::7/64", "2001:db8::7/64"],
        tracking=[("file", "number", 0, False, "fault"), ("script", "SLOW", 0, False, "waiting")],
    ),
    instance(HOSTILE, virtual_router_id=8, virtual_addresses=[]),
]
TRACKERS = [
    script("CHK"),
    script("SLOW", "unknown", runs=0, last_duration=None),
    {"type": "interface", "name": "eth1", "state": "down"},
    {"type": "file", "name": "number", "state": "read", "path": "/n", "value": 4},
    {"type": "process", "name": "haproxy", "state": "down", "count": 0, "quorum": 1},
    {"type": "bfd", "name": "peer", "state": "admin down"},
]


@contextmanager
def snapshot(path: Path, **more: Any) -> Iterator[Snapshot]:
    facts: dict[str, Any] = {
        "trackers": TRACKERS,
        "notify": NOTIFY,
        "lateness": {1 << 10: 4, 1 << 20: 3, 1 << 39: 1},
        "takeover": {"advert": {1 << 18: 2}},
        "engine": {"wakeups": 12, "kernel_filter": 1},
        "unattributed": {"vrid_errors": 6},
    }
    with Sample(str(path / "control.sock"), more.pop("instances", INSTANCES), **{**facts, **more}):
        yield read(str(path / "control.sock"))


def families(text: str) -> dict[str, Metric]:
    found = list(parse_openmetrics(text))
    assert len({each.name for each in found}) == len(found)
    return {each.name: each for each in found}


def value(metric: Metric, sample: str = "", /, **labels: str) -> float:
    """Of the one sample that has these labels."""
    (found,) = [
        each
        for each in metric.samples
        if each.name == metric.name + sample and labels.items() <= each.labels.items()
    ]
    return float(found.value)


def test_what_the_parsers_read_is_what_the_segment_says(tmp_path: Path) -> None:
    with snapshot(tmp_path) as taken:
        text = render(taken)
        older = render(taken, Dialect.TEXT)
    found = families(text)
    lan = {"name": "lan", "interface": "eth0", "vrid": "51"}
    assert value(found["vrrp_state"], **lan) == 2
    assert value(found["vrrp_state"], name="wan") == 3
    assert value(found["vrrp_effective_priority"], **lan) == 72
    assert value(found["vrrp_advertisements_sent"], "_total", **lan) == 1_000_000
    assert value(found["vrrp_transitions"], "_total", **lan) == 8
    assert value(found["vrrp_errors"], "_total", kind="checksum", **lan) == 5
    assert value(found["vrrp_errors"], "_total", kind="peer", **lan) == 1
    assert value(found["vrrp_errors"], "_total", kind="ttl", **lan) == 0
    assert value(found["vrrp_errors"], "_total", kind="checksum", name="wan") == 0
    assert len(found["vrrp_errors"].samples) == 3 * len(ERRORS)
    assert value(found["vrrp_last_takeover_lateness_seconds"], **lan) == 0.00025
    assert len(found["vrrp_last_takeover_lateness_seconds"].samples) == 1
    about = {"family": "ipv6", "address": "fe80::7", "group": "", "version": "3"}
    assert value(found["vrrp_virtual_router_info"], name="wan", **about) == 1
    assert value(found["vrrp_virtual_router_info"], group="both", address="192.0.2.1", **lan) == 1
    assert value(found["vrrp_virtual_routers"], state="MASTER") == 1
    assert value(found["vrrp_virtual_routers"], state="INIT") == 0
    assert value(found["vrrp_tracking_contribution"], tracker="eth1", type="interface", **lan) == -30
    assert value(found["vrrp_tracking_fault"], tracker="number", name="wan") == 1
    assert value(found["vrrp_tracking_fault"], tracker="SLOW", name="wan") == 0
    assert {each.labels["tracker"]: each.value for each in found["vrrp_tracker_up"].samples} == {
        "CHK": 1,
        "eth1": 0,
        "number": 1,
        "haproxy": 0,
        "peer": 0,
    }
    assert value(found["vrrp_tracker_processes"], tracker="haproxy") == 0
    assert value(found["vrrp_tracker_value"], tracker="number") == 4
    assert value(found["vrrp_tracker_runs"], "_total", tracker="CHK") == 3
    assert value(found["vrrpd_fast_up"]) == 1
    assert value(found["vrrpd_fast_wakeups"], "_total") == 12
    assert value(found["vrrpd_fast_kernel_filter"]) == 1
    assert value(found["vrrpd_fast_unattributed_errors"], "_total", kind="vrid") == 6
    assert value(found["vrrpd_fast_notify_fifo_written"], "_total", path="/run/fifo") == 9
    assert value(found["vrrpd_fast_notify_scripts_failed"], "_total") == 1
    # The name that is hostile comes back as its escapes, and in one piece.
    assert {each.labels["name"] for each in found["vrrp_state"].samples} == {
        "lan",
        "wan",
        'a"b\\c\nd\\x1b[31m\\u2028ü',
    }
    assert text.count("\n") == len(text.splitlines())
    assert found["vrrp_advert_interval_seconds"].unit == "seconds"
    # The older dialect has the same samples, but for the counts of histograms.
    samples = {(s.name, tuple(sorted(s.labels.items())), s.value) for f in found.values() for s in f.samples}
    others = {
        (s.name, tuple(sorted(s.labels.items())), s.value) for f in parse_text(older) for s in f.samples
    }
    assert {name for name, _, _ in others - samples} == {
        "vrrpd_fast_lateness_seconds_count",
        "vrrpd_fast_takeover_seconds_count",
    }
    assert samples <= others


def test_histograms_always_have_the_same_bounds(tmp_path: Path) -> None:
    def buckets(text: str) -> dict[str, float]:
        found = families(text)["vrrpd_fast_lateness_seconds"]
        return {each.labels["le"]: each.value for each in found.samples}

    with snapshot(tmp_path) as taken:
        full = buckets(render(taken))
        steps = families(render(taken))["vrrpd_fast_takeover_seconds"]
    with snapshot(tmp_path, lateness={}) as taken:
        empty = buckets(render(taken))
    assert full.keys() == empty.keys()
    assert set(empty.values()) == {0}
    assert full["8.192e-06"] == 4  # what was earlier counts there
    assert full["0.000524288"] == 4
    assert full["0.001048576"] == 7
    assert full["8.589934592"] == 7
    assert full["+Inf"] == 8
    assert {each.labels["step"] for each in steps.samples} == {"advert", "addresses", "announced"}


@pytest.mark.parametrize("keepalived", [False, True])
def test_promtool_finds_nothing(tmp_path: Path, keepalived: bool) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is missing (package prometheus)")
    with snapshot(tmp_path) as taken:
        text = render(taken, Dialect.TEXT, keepalived=keepalived)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    found = done.stdout + done.stderr
    if keepalived:  # two of its own names are against the conventions
        found = "".join(line for line in found.splitlines() if "keepalived_" not in line)
    assert found == ""


@pytest.mark.parametrize(
    ("beat_age", "ended", "condition", "up"),
    [(0.0, False, "running", 1), (10.0, False, "stuck", 0), (0.0, True, "stopped", 0)],
)
def test_condition(tmp_path: Path, beat_age: float, ended: bool, condition: str, up: int) -> None:
    path = str(tmp_path / "control.sock")
    sample = Sample(path, INSTANCES, trackers=TRACKERS, beat_age=beat_age)
    if ended:
        sample.close()
    found = families(render(read(path)))
    if not ended:
        sample.close()
    assert value(found["vrrpd_fast_up"]) == up
    assert {each.labels["condition"]: each.value for each in found["vrrpd_fast_condition"].samples} == {
        each: int(each == condition) for each in ("running", "stuck", "stopped")
    }
    assert "vrrp_state" in found  # what was last known


def test_without_a_daemon() -> None:
    found = families(render(None, keepalived=True))
    assert set(found) == {"vrrpd_fast_up", "vrrpd_fast_condition", "keepalived_up"}
    assert {each.value for family in found.values() for each in family.samples} == {0}


def test_without_virtual_routers(tmp_path: Path) -> None:
    with snapshot(tmp_path, instances=[], trackers=[]) as taken:
        found = families(render(taken, keepalived=True))
    assert "vrrp_state" not in found
    assert value(found["vrrp_virtual_routers"], state="MASTER") == 0


def test_keepalived_names(tmp_path: Path) -> None:
    with snapshot(tmp_path) as taken:
        found = families(render(taken, keepalived=True))
    lan = {"iname": "lan", "intf": "eth0", "vrid": "51"}
    assert value(found["keepalived_up"]) == 1
    assert value(found["keepalived_become_master"], "_total", state="MASTER", **lan) == 3
    assert value(found["keepalived_release_master"], "_total", **lan) == 2
    assert value(found["keepalived_advertisements_sent"], "_total", **lan) == 1_000_000
    assert value(found["keepalived_vrrp_state"], ip_address="192.0.2.1", **lan) == 2
    assert value(found["keepalived_vrrp_state"], ip_address="2001:db8::7", iname="wan") == 3
    assert {each.labels["name"]: each.value for each in found["keepalived_script_status"].samples} == {
        "CHK": 1
    }


def test_the_document_has_every_name_and_no_other(tmp_path: Path) -> None:
    with snapshot(tmp_path) as taken:
        found = families(render(taken, keepalived=True))
    given = {
        f"{each.name}_total" if each.type == "counter" else each.name: each.type for each in found.values()
    }
    documented: dict[str, str] = {}
    for line in DOC.read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and (names := re.findall(r"`((?:vrrp|keepalived)[a-z_]+)`", cells[1])):
            for name in names:
                assert name not in documented, name
                documented[name] = cells[2] if cells[2] in ("gauge", "counter", "histogram") else given[name]
    assert documented == given
    for kind in ERRORS.values():
        assert f"`{kind}`" in DOC.read_text()


def test_escaping() -> None:
    assert escape("plain ü") == "plain ü"
    assert escape(HOSTILE) == 'a\\"b\\\\c\\nd\\\\x1b[31m\\\\u2028ü'


def test_ten_thousand_virtual_routers_take_no_second(tmp_path: Path) -> None:
    many = [instance(f"VI_{n}", virtual_router_id=n % 255 + 1) for n in range(10_000)]
    with snapshot(tmp_path, instances=many, trackers=[]) as taken:
        begin = time.process_time()
        text = render(taken)
        took = time.process_time() - begin
    assert text.count("\nvrrp_state{") == 10_000
    assert took < 1.0


PROGRAM = "import sys; from vrrpd_fast.cli.ctl import main; sys.exit(main())"


def vrrpctl(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=20)


def test_the_command_prints_or_replaces_a_file(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    file = tmp_path / "vrrp.prom"
    with Sample(path, INSTANCES, trackers=TRACKERS, beat_age=-60):  # a busy machine starts commands slowly
        shown = vrrpctl("--socket", path, "metrics")
        written = vrrpctl("--socket", path, "metrics", "--output", str(file), "--keepalived-names")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert value(families(shown.stdout)["vrrp_state"], name="lan") == 2
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert "keepalived_up 1\n" in file.read_text()
    assert "# EOF" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.glob("*prom*")) == [file]
    before = file.read_text()
    stopped = vrrpctl("--socket", path, "metrics", "--output", str(file))
    assert (stopped.returncode, stopped.stderr) == (3, "vrrpctl: the daemon is stopped\n")
    assert file.read_text() != before
    assert "vrrpd_fast_up 0\n" in file.read_text()


def test_the_command_without_a_daemon_or_a_place(tmp_path: Path) -> None:
    path = str(tmp_path / "control.sock")
    shown = vrrpctl("--socket", path, "metrics")
    assert shown.returncode == 3
    assert "vrrpd_fast_up 0\n" in shown.stdout
    assert "not there" in shown.stderr
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for place, why in (("link", "something else than a regular file"), ("no/dir", "No such file")):
        done = vrrpctl("--socket", path, "metrics", "--output", str(tmp_path / place))
        assert done.returncode == 1
        assert why in done.stderr
    assert not (tmp_path / "elsewhere").exists()

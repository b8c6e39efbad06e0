"""What a configuration runs, judged on this machine: told with its place, and taken out when insecure."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from unit.samples import on_script
from vrrpd_fast.config import programs
from vrrpd_fast.config.load import Loaded, load
from vrrpd_fast.model import ConfigError

BLOCK = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1"]}


def loaded(directory: Path, *, defs: Any = None, scripts: Any = None, **keys: Any) -> Loaded:
    path = directory / "vips.json"
    document = {
        "global_defs": defs or {},
        "vrrp_script": scripts or {},
        "vrrp_instance": {"one": BLOCK | keys},
    }
    path.write_text(json.dumps(document))
    return load(path)


def told(found: Loaded) -> list[str]:
    return [f"{finding.severity}: {finding.message}" for finding in found.findings]


def refused(directory: Path, **more: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(directory, **more)
    return [finding.message for finding in caught.value.findings]


def test_what_is_right_is_silent(tmp_path: Path) -> None:
    defs = {"notify_fifo": f"{tmp_path}/fifo", "notify_fifo_script": "sh", "startup_script": "/bin/sh x"}
    found = loaded(
        tmp_path, defs=defs, notify="/bin/sh 'a b'", notify_master={"script": "sh", "user": "nobody"}
    )
    assert [line for line in told(found) if "enable_script_security" not in line] == []
    assert found.config.instances["one"].notify.every is not None


def test_what_is_not_there_is_a_warning(tmp_path: Path) -> None:
    found = loaded(
        tmp_path, notify_master="/nowhere/x a", notify="/nowhere/x b", notify_stop="no-such-program"
    )
    assert told(found) == [
        "warning: vrrp_instance one: notify_master: cannot run: /nowhere/x: No such file or directory "
        "(and in 1 more places)",
        "warning: vrrp_instance one: notify_stop: cannot run: no-such-program is not in PATH",
    ]
    assert found.config.instances["one"].notify.master is not None  # it may come yet


def test_an_unknown_user_is_an_error(tmp_path: Path) -> None:
    mine = {"script": "/bin/true", "user": "nobody-of-that-name"}
    assert refused(tmp_path, notify_fault=mine) == [
        "vrrp_instance one: notify_fault: there is no user 'nobody-of-that-name'"
    ]
    assert "there is no group" in refused(tmp_path, notify={"script": "/x", "user": "root no-such-group"})[0]
    fifo = {"path": f"{tmp_path}/fifo", "user": "nobody-of-that-name"}
    assert refused(tmp_path, defs={"vrrp_notify_fifo": fifo}) == [
        "global_defs: vrrp_notify_fifo: there is no user 'nobody-of-that-name'"
    ]


def test_a_fifo_s_place(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "fifo")
    assert loaded(tmp_path, defs={"notify_fifo": f"{tmp_path}/fifo"}).findings == []
    assert refused(tmp_path, defs={"notify_fifo": f"{tmp_path}/file"}) == [
        f"global_defs: notify_fifo: {tmp_path}/file exists and is not a FIFO; take another name, or remove it"
    ]
    assert refused(tmp_path, defs={"notify_fifo": f"{tmp_path}/nowhere/fifo"}) == [
        f"global_defs: notify_fifo: there is no directory {tmp_path}/nowhere"
    ]


def test_what_security_refuses_is_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str, identity: Any) -> str | None:
        return "/weak is writable by everybody" if name == "/weak" else None

    monkeypatch.setattr(programs, "find_weakness", find)
    monkeypatch.setattr(programs, "find_obstacle", lambda name, identity: None)
    scripts = {"bad": {"script": "/weak a"}, "good": {"script": "/fine"}}
    defs = {
        "enable_script_security": True,
        "startup_script": "/weak b",
        "shutdown_script": "/fine",
        "notify_fifo": f"{tmp_path}/fifo",
        "notify_fifo_script": "/weak",
    }
    keys = {"track_script": ["bad", "good"], "notify": "/weak c", "notify_stop": "/fine"}
    found = loaded(tmp_path, defs=defs, scripts=scripts, **keys)
    assert told(found) == [
        "warning: vrrp_script bad: script: is not run: /weak is writable by everybody, and it would run as "
        "root (enable_script_security) (and in 3 more places)"
    ]
    config = found.config
    one = config.instances["one"]
    assert list(config.scripts) == ["good"]
    assert one.tracks == (on_script("good"),)
    assert (one.notify.every, one.notify.stop is None) == (None, False)
    assert (config.process.startup_script, config.process.shutdown_script is None) == (None, False)
    assert config.notify_fifo is not None and config.notify_fifo.script is None
    del defs["enable_script_security"]
    found = loaded(tmp_path, defs=defs, scripts=scripts, **keys)
    assert told(found) == [
        "warning: vrrp_script bad: script: /weak is writable by everybody: others can have it run as root "
        "what they like; enable_script_security refuses that (and in 3 more places)"
    ]
    assert found.config.instances["one"].notify.every is not None


def test_what_only_a_shell_understands_is_not_looked_for(tmp_path: Path) -> None:
    scripts = {"s": {"script": "exit 1"}, "t": {"script": "test -e /x | cat"}}
    assert loaded(tmp_path, scripts=scripts, track_script=["s", "t"]).findings == []


def test_other_errors_come_first(tmp_path: Path) -> None:
    (finding,) = refused(tmp_path, notify="/nowhere/x", priority=300)
    assert "priority" in finding

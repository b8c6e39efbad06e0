"""Who runs what: script users, notify words, FIFOs."""

import pwd

import pytest

from unit.config.loading import config, instance, load
from vrrpd_fast.config import commands
from vrrpd_fast.model import Command, Fifo, Notify


@pytest.fixture(autouse=True)
def no_keepalived_script_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "keepalived_script_user", lambda: None)


def test_script_users(monkeypatch: pytest.MonkeyPatch) -> None:
    scripts = {"S": {"script": "true"}, "T": {"script": "true", "user": "nobody"}}
    loaded = load({"global_defs": {"script_user": "check checkers"}, "vrrp_script": scripts}).config.scripts
    assert (loaded["S"].user, loaded["S"].group) == ("check", "checkers")
    assert (loaded["T"].user, loaded["T"].group) == ("nobody", None)
    monkeypatch.setattr(commands, "keepalived_script_user", lambda: "keepalived_script")
    assert load({"vrrp_script": scripts}).config.scripts["S"].user == "keepalived_script"


def test_keepalived_script_user_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert commands.keepalived_script_user() in (None, "keepalived_script")
    monkeypatch.setattr(pwd, "getpwnam", lambda name: pwd.struct_passwd((name, "", 9, 9, "", "", "")))
    assert commands.keepalived_script_user() == "keepalived_script"


def test_notify_words() -> None:
    words = {
        "notify_master": '/m.sh "a b"',
        "notify_backup": {"script": "/b.sh", "user": "nobody nogroup"},
        "notify_fault": "/f.sh",
        "notify_stop": "/s.sh",
        "notify_deleted": "/d.sh",
        "notify": {"script": "/n.sh"},
        "notify_master_rx_lower_pri": "/l.sh",
        "notify_priority_changes": True,
    }
    one = instance(global_defs={"script_user": "check checkers"}, **words)

    def by(script: str, user: str = "check", group: str = "checkers") -> Command:
        return Command(script=script, user=user, group=group)

    assert one.notify == Notify(
        master=by('/m.sh "a b"'),
        backup=by("/b.sh", "nobody", "nogroup"),
        fault=by("/f.sh"),
        stop=by("/s.sh"),
        deleted=by("/d.sh"),
        every=by("/n.sh"),
        master_rx_lower_pri=by("/l.sh"),
        tells_deleted=True,
        priority_changes=True,
    )


def test_notify_defaults() -> None:
    assert instance().notify == Notify()
    assert instance(notify_deleted=True).notify == Notify(tells_deleted=True)
    told = {"vrrp_notify_priority_changes": True}
    assert instance(global_defs=told).notify == Notify(priority_changes=True)
    assert instance(global_defs=told, notify_priority_changes=False).notify == Notify()


def test_fifos() -> None:
    assert (config().notify_fifo, config().vrrp_notify_fifo) == (None, None)
    loaded = config(
        global_defs={
            "notify_fifo": "/run/all",
            "vrrp_notify_fifo": {"path": "/run/vrrp", "user": "nobody nogroup"},
            "vrrp_notify_fifo_script": {"script": "/read.sh", "user": "reader"},
            "fifo_write_vrrp_states_on_reload": True,
            "enable_script_security": True,
        }
    )
    assert loaded.notify_fifo == Fifo(path="/run/all")
    assert loaded.vrrp_notify_fifo == Fifo(
        path="/run/vrrp", user="nobody", group="nogroup", script=Command(script="/read.sh", user="reader")
    )
    assert loaded.fifo_states_on_reload and loaded.script_security

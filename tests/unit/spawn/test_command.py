import grp
import os
import pwd
from pathlib import Path

import pytest

from vrrpd_fast.spawn import command as module
from vrrpd_fast.spawn.command import Identity, arguments, command, program, resolve_user


@pytest.mark.parametrize(
    ("script", "argv"),
    [
        ("killall -0 haproxy", ["killall", "-0", "haproxy"]),
        ("/usr/bin/test -f '/a b'", ["/usr/bin/test", "-f", "/a b"]),
        ('check --url "http://10.0.0.1/"  x', ["check", "--url", "http://10.0.0.1/", "x"]),
        (r"check a\ b", ["check", "a b"]),
        ("check --limit=5", ["check", "--limit=5"]),
    ],
)
def test_plain_commands_need_no_shell(script: str, argv: list[str]) -> None:
    assert command(script) == argv


@pytest.mark.parametrize(
    "script",
    [
        "a | b",
        "a && b",
        "a; b",
        "a > /dev/null",
        "a $HOME",
        "a `b`",
        "ls *.c",
        "[ -f /x ]",
        "exit 1",
        "LANG=C a",
        "a\nb",
        "cd /tmp",
    ],
)
def test_what_only_a_shell_understands_goes_to_sh(script: str) -> None:
    assert command(script) == ["/bin/sh", "-c", script]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("''", "empty"),
        ("check 'a", "no closing quotation"),
        ("a\0b", "NUL"),
    ],
)
def test_unusable_scripts_are_errors(script: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        command(script)


def test_user_and_group_are_resolved_by_name_and_number() -> None:
    nobody = pwd.getpwnam("nobody")
    assert resolve_user("nobody") == Identity("nobody", nobody.pw_uid, nobody.pw_gid)
    assert resolve_user(str(nobody.pw_uid)) == Identity("nobody", nobody.pw_uid, nobody.pw_gid)
    daemon = grp.getgrnam("daemon").gr_gid
    assert resolve_user("nobody", "daemon") == Identity("nobody", nobody.pw_uid, daemon)
    assert resolve_user("nobody", str(daemon)) == Identity("nobody", nobody.pw_uid, daemon)


def test_own_user_changes_nothing() -> None:
    assert resolve_user(pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name) is None


@pytest.mark.parametrize(
    ("user", "group", "message"),
    [
        ("no-such-user", None, "no user 'no-such-user'"),
        ("99999999999999999999", None, "no user"),
        ("nobody", "no-such-group", "no group 'no-such-group'"),
        (None, "daemon", "group 'daemon' needs a user"),
    ],
)
def test_unknown_names_are_errors(user: str | None, group: str | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_user(user, group)


def test_default_is_the_script_user_where_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFAULT_USER", "no-such-user")
    assert resolve_user(None) is None
    monkeypatch.setattr(module, "DEFAULT_USER", "nobody")
    expected = resolve_user("nobody") if os.geteuid() == 0 else None
    assert resolve_user(None) == expected


def test_default_does_not_apply_without_the_right_to_change_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFAULT_USER", "nobody")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert resolve_user(None) is None


def test_default_does_not_apply_where_the_user_namespace_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DEFAULT_USER", "nobody")
    monkeypatch.setattr(module, "_is_mapped", lambda kind, number: False)
    assert resolve_user(None) is None


@pytest.mark.parametrize(
    ("script", "argv"),
    [
        ("/x a 'b c' \"d e\" f\\ g", ["/x", "a", "b c", "d e", "f g"]),
        ("/x $HOME > /y; z | *", ["/x", "$HOME", ">", "/y;", "z", "|", "*"]),
        ("no-such-program a", ["no-such-program", "a"]),
        ("dir/x", ["dir/x"]),
    ],
)
def test_arguments_know_no_shell(script: str, argv: list[str]) -> None:
    found = arguments(script)
    assert found[1:] == argv[1:]
    assert found[0].endswith(argv[0])


@pytest.mark.parametrize("script", ["", "''", "/x 'a", "/x\0"])
def test_unusable_arguments_are_errors(script: str) -> None:
    with pytest.raises(ValueError):
        arguments(script)


def test_links_are_followed_but_for_one_beside_its_target(tmp_path: Path) -> None:
    """As keepalived does it (tests/lab/test_notify.py): programs of many names go by theirs."""
    here = tmp_path / "here"
    (tmp_path / "real").mkdir()
    here.symlink_to("real")
    target = tmp_path / "real" / "many"
    target.touch(0o755)
    (tmp_path / "real" / "one").symlink_to("many")
    (tmp_path / "real" / "two").symlink_to("one")
    (tmp_path / "far").symlink_to("real/one")
    assert program(str(here / "many")) == str(target)
    assert program(str(here / "one")) == str(tmp_path / "real" / "one")
    assert program(str(here / "two")) == str(tmp_path / "real" / "two")
    assert program(str(tmp_path / "far")) == str(target)


def test_a_bare_word_is_found_in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tool").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert arguments("tool a") == [str(tmp_path / "tool"), "a"]

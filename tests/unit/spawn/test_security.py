"""What would not start, and what others could replace. Ownership is made up: a test need not be root."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vrrpd_fast.spawn import security
from vrrpd_fast.spawn.command import Identity
from vrrpd_fast.spawn.security import find_obstacle, find_weakness

NOBODY = Identity("nobody", 65534, 65534)
ROOT = Identity("root", 0, 0)
Own = Callable[..., None]


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Own:
    """Makes paths look as if they were somebody's; everything else is root's and closed to others."""
    owners: dict[str, tuple[int, int]] = {}
    real = os.stat

    def stat(path: Any, *more: Any, **named: Any) -> os.stat_result:
        found = list(real(path, *more, **named))
        found[4], found[5] = owners.get(os.fspath(path), (0, 0))
        if tmp_path not in (Path(path), *Path(path).parents):
            found[0] &= ~0o022
        return os.stat_result(found)

    def belongs(path: Path, uid: int, gid: int = 0) -> None:
        owners[os.fspath(path)] = (uid, gid)

    monkeypatch.setattr(security.os, "stat", stat)
    monkeypatch.setattr(security.os, "geteuid", lambda: 0)
    tmp_path.chmod(0o755)
    return belongs


def script(path: Path, mode: int = 0o755) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return str(path)


def test_sound(own: Own, tmp_path: Path) -> None:
    made = script(tmp_path / "d" / "x")
    assert find_weakness(made, None) is None
    assert find_weakness(made, ROOT) is None
    assert find_weakness(script(tmp_path / "d" / "y", 0o775), ROOT) is None  # the group is root's


@pytest.mark.parametrize("weak", ["d", "d/x"])
def test_each_element_counts(own: Own, tmp_path: Path, weak: str) -> None:
    made = script(tmp_path / "d" / "x")
    path = tmp_path / weak
    path.chmod(0o757)
    assert find_weakness(made, ROOT) == f"{path} is writable by everybody"
    path.chmod(0o775)
    own(path, 0, 42)
    assert find_weakness(made, ROOT) == f"{path} is writable by gid 42"
    path.chmod(0o755)
    assert find_weakness(made, ROOT) is None
    own(path, 7)
    assert find_weakness(made, ROOT) == f"{path} belongs to uid 7, not to root"
    assert find_weakness(made, NOBODY) is None  # it does not run as root


def test_a_sticky_directory_may_be_writable(own: Own, tmp_path: Path) -> None:
    """As /tmp: others cannot replace what is root's in there. On a file the bit means nothing."""
    made = script(tmp_path / "d" / "x")
    (tmp_path / "d").chmod(0o1777)
    own(tmp_path / "d", 0, 42)
    assert find_weakness(made, ROOT) is None
    own(tmp_path / "d", 7, 42)
    assert find_weakness(made, ROOT) == f"{tmp_path / 'd'} belongs to uid 7, not to root"
    own(tmp_path / "d", 0)
    Path(made).chmod(0o1757)
    assert find_weakness(made, ROOT) == f"{made} is writable by everybody"


def test_both_ends_of_a_link_count(own: Own, tmp_path: Path) -> None:
    target = script(tmp_path / "target" / "x")
    link = tmp_path / "links" / "l"
    link.parent.mkdir()
    link.symlink_to(target)
    assert find_weakness(str(link), ROOT) is None
    link.parent.chmod(0o777)
    assert find_weakness(str(link), ROOT) == f"{link.parent} is writable by everybody"
    link.parent.chmod(0o755)
    (tmp_path / "target").chmod(0o777)
    assert find_weakness(str(link), ROOT) == f"{tmp_path / 'target'} is writable by everybody"


def test_what_is_not_there_is_no_weakness(own: Own, tmp_path: Path) -> None:
    assert find_weakness(str(tmp_path / "nowhere"), ROOT) is None
    assert find_weakness("no-such-program", ROOT) is None


def test_obstacles(own: Own, tmp_path: Path) -> None:
    assert find_obstacle("/bin/sh", None) is None
    assert find_obstacle("sh", NOBODY) is None
    assert find_obstacle("no-such-program", None) == "no-such-program is not in PATH"
    nowhere = tmp_path / "nowhere"
    assert find_obstacle(str(nowhere), None) == f"{nowhere}: No such file or directory"
    assert find_obstacle(str(tmp_path), None) == f"{tmp_path} is not a file"
    plain = script(tmp_path / "plain", 0o644)
    assert find_obstacle(plain, None) == f"{plain} is not executable for this daemon"


@pytest.mark.parametrize(
    ("mode", "owner", "identity", "may"),
    [
        (0o100, (1, 1), ROOT, True),
        (0o644, (0, 0), ROOT, False),
        (0o100, (65534, 0), NOBODY, True),
        (0o011, (65534, 0), NOBODY, False),  # the owner's bits count for the owner
        (0o010, (0, 65534), NOBODY, True),
        (0o101, (0, 65534), NOBODY, False),
        (0o001, (0, 0), NOBODY, True),
        (0o110, (0, 0), NOBODY, False),
    ],
)
def test_who_may_execute(
    own: Own, tmp_path: Path, mode: int, owner: tuple[int, int], identity: Identity, may: bool
) -> None:
    made = Path(script(tmp_path / "x", mode))
    own(made, *owner)
    assert (find_obstacle(str(made), identity) is None) is may

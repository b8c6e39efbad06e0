import os
import stat
from pathlib import Path

import pytest

from vrrpd_fast.replace import replace


def test_new_and_old(tmp_path: Path) -> None:
    path = tmp_path / "file"
    replace(str(path), b"one", 0o600)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"one", 0o600)
    with path.open("rb") as reader:
        replace(str(path), b"two" * 100_000, 0o644)
        assert reader.read() == b"one"  # whoever has it open has the old one in full
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert os.listdir(tmp_path) == ["file"]


def test_what_is_no_file_of_ours_stays(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "link").symlink_to(target)
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    before = sorted(os.listdir(tmp_path))
    for name in ("link", "fifo", "directory", "missing/file"):
        with pytest.raises(OSError):
            replace(str(tmp_path / name), b"x", 0o600)
    assert target.read_text() == "precious"
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path)) == before


def test_a_hard_link_elsewhere_keeps_what_it_has(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    other.write_text("theirs")
    os.link(other, path)
    replace(str(path), b"ours", 0o600)
    assert other.read_text() == "theirs"

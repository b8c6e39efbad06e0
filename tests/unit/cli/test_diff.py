"""`vrrpctl diff` as a command: what it prints, as what, and its exit status."""

import json
from pathlib import Path

import pytest

from vrrpd_fast.cli import ctl

TEXT = """\
vrrp_instance lan {
  interface eth0
  virtual_router_id 50
  @gw1 priority 200
  @gw2 priority 100
  @odd priority 100
  @odd advert_int 3
  virtual_ipaddress {
    192.0.2.75/24
  }
}
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "keepalived.conf"
    file.write_text(TEXT)
    return str(file)


def test_one_file_of_two_routers(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["diff", path, path, "--config-id", "gw1", "--config-id", "gw2"]) == 0
    assert capsys.readouterr().out == "1 virtual router in both: they fit together\n"


def test_what_breaks_it(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["diff", path, path, "--config-id", "gw1", "--config-id", "odd"]
    assert ctl.main(arguments) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith(f"error: lan: advert_int: 1 s ({path}:") and f" and 3 s ({path}:7): " in out[0]
    assert out[1] == "1 virtual router in both: 1 error"
    assert ctl.main([*arguments, "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["both"], value["only_first"], value["only_second"]) == (1, 0, 0)
    (found,) = value["differences"]
    assert (found["severity"], found["what"], found["values"]) == ("error", "advert_int", ["1 s", "3 s"])
    assert found["places"][1] == {"file": path, "line": 7, "column": 19}


def test_warnings_break_nothing(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ctl.main(["diff", path, path, "--config-id", "gw1"]) == 0
    assert capsys.readouterr().out.startswith("warning: lan: priority: 200 ")


def test_files_that_cannot_be_used(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "b.json"
    other.write_text('{"vrrp_instance": {"lan": {"prioritee": 3}}}')
    assert ctl.main(["diff", str(tmp_path / "none"), str(other)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert f"{tmp_path}/none" in lines[0] and str(other) in lines[1]
    assert lines[-1] == "vrrpctl: nothing was compared"

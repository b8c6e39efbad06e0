"""vrrpctl as a process, against a service on a real socket."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vrrpd_fast.cli import ctl, daemon

# A daemon as far as vrrpctl's requests can tell: its configuration is sometimes broken.
DAEMON = """
import asyncio, sys
from vrrpd_fast.control.service import Service

class Unusable(Exception):
    findings = ["vips.json:3:7: error: unknown key 'prioritee', did you mean 'priority'?"]

class Target:
    reloads = 0
    def status(self, names):
        raise AssertionError("status does not ask the daemon")
    def reload(self):
        self.reloads += 1
        if self.reloads == 3:
            raise Unusable
        if self.reloads > 3:
            return {"changed": ["a"], "unchanged": 5, "failed": {"b": "No buffer space available"}}
        return {"added": ["a", "b"], "removed": [], "unchanged": 998}

async def main():
    service = Service(Target())
    await service.start(sys.argv[1])
    print("ready", flush=True)
    await asyncio.sleep(120)

asyncio.run(main())
"""

PROGRAM = "import sys; from vrrpd_fast.cli.ctl import main; sys.exit(main())"
Result = subprocess.CompletedProcess[str]


def vrrpctl(*arguments: str) -> Result:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Result]]:
    path = tmp_path_factory.mktemp("ctl") / "socket"
    with subprocess.Popen([sys.executable, "-c", DAEMON, str(path)], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == b"ready\n"
        yield lambda *arguments: vrrpctl("--socket", str(path), *arguments)
        daemon.kill()


def test_reload(ask: Callable[..., Result]) -> None:
    result = ask("reload")
    assert (result.returncode, result.stdout) == (
        0,
        "reloaded: 2 added, 0 removed, 998 unchanged\n  added: a, b\n",
    )
    result = ask("reload", "--json")
    assert json.loads(result.stdout) == {"added": ["a", "b"], "removed": [], "unchanged": 998}
    result = ask("reload")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "vips.json:3:7: error: unknown key 'prioritee', did you mean 'priority'?\n"
        "vrrpctl: nothing was changed\n"
    )
    result = ask("reload")
    assert (result.returncode, result.stdout) == (
        1,
        "reloaded: 1 changed, 5 unchanged, 1 failed\n  changed: a\n",
    )
    assert result.stderr == "vrrpctl: instance b does not run now: No buffer space available\n"


def test_no_daemon(tmp_path: Path) -> None:
    result = vrrpctl("--socket", str(tmp_path / "none"), "reload")
    assert result.returncode == 3
    assert result.stderr == f"vrrpctl: no vrrpd-fast answers on {tmp_path}/none: is it running?\n"


@pytest.mark.parametrize("arguments", [(), ("dance",), ("status", "--xml"), ("reload", "now")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = vrrpctl(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: vrrpctl")


CONF = """\
vrrp_instance lan {
  interface eth0
  virtual_router_id 51
  advert_int 1.5
  @b priority 150
  @c prioritty 150
  smtp_alert
  virtual_ipaddress {
    10.9.9.9/24
  }
}
"""


def test_convert(tmp_path: Path) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(CONF)
    result = vrrpctl("convert", "--config-id", "b", str(path))
    assert result.returncode == 0
    block = json.loads(result.stdout)["vrrp_instance"]["lan"]
    assert (block["priority"], block["advert_int"]) == (150, 2)
    told = [line.removeprefix(f"{path}:").split(":")[0] for line in result.stderr.splitlines()]
    assert told == ["4", "7"]


@pytest.mark.parametrize(
    ("options", "place"), [(["--config-id", "c"], "6:6"), (["--config-id", "b", "--strict-config"], "7:3")]
)
def test_convert_of_what_cannot_be_used(tmp_path: Path, options: list[str], place: str) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(CONF)
    result = vrrpctl("convert", *options, str(path))
    assert (result.returncode, result.stdout) == (2, "")
    *told, last = result.stderr.splitlines()
    assert any(one.startswith(f"{path}:{place}: error: ") for one in told)
    assert last == "vrrpctl: nothing was converted"


def test_convert_of_no_file(tmp_path: Path) -> None:
    result = vrrpctl("convert", str(tmp_path / "none"))
    assert (result.returncode, result.stdout) == (2, "")
    assert "cannot be read: No such file or directory" in result.stderr


def test_check_is_the_daemon_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(CONF)
    for options in ([], ["--strict-config"], ["--config-id", "c"], ["--config-id", "b", "--strict-config"]):
        expected = daemon.main(["--check", "--config", str(path), *options])
        text = capsys.readouterr().out
        assert ctl.main(["check", str(path), *options]) == expected
        assert capsys.readouterr().out == text
        assert ctl.main(["check", "--json", str(path), *options]) == expected
        found = json.loads(capsys.readouterr().out)
        shown = [
            f"{each['file']}:{each['line']}:{each['column']}: {each['severity']}: {each['message']}\n"
            for each in found
        ]
        assert "".join(shown) == text != ""


def test_schema_is_the_daemon_s(capfd: pytest.CaptureFixture[str]) -> None:
    assert daemon.main(["--schema"]) == 0
    sys.stdout.flush()
    expected = capfd.readouterr().out
    assert ctl.main(["schema"]) == 0
    assert capfd.readouterr().out == expected


@pytest.mark.parametrize("name", ctl.COMMANDS)
def test_starts_light(name: str) -> None:
    """A command imports no other one, nothing of the daemon and nothing slow: it should be there at once."""
    program = (
        "import contextlib, io, sys; from vrrpd_fast.cli.ctl import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        f"  main([{name!r}, '-h'])\n"
        "print(*sorted(sys.modules), sep='\\n')"
    )
    modules = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    ours = {name for name in modules if name.startswith("vrrpd_fast.")}
    commands = {each for each in ours if each.startswith("vrrpd_fast.cli.commands.")}
    assert commands == {f"vrrpd_fast.cli.commands.{name.replace('-', '_')}"}
    if name == "lab":  # has a daemon of its own to start
        return
    assert {each.split(".")[1] for each in ours} <= {"cli", "control", "observe"}
    slow = {"asyncio", "uvloop", "pyroute2", "msgspec", "rich", "importlib.metadata", "logging", "subprocess"}
    assert not slow & set(modules)

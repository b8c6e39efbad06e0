"""The command vrrpd-fast: what it prints, and with which status it ends."""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

import vrrpd_fast
from lab.kit.netns import in_new_namespace, ip, show
from lab.kit.vrrpd import DAEMON, environment
from lab.kit.waiting import wait_until
from vrrpd_fast.cli.daemon import main

FINDING = re.compile(r"(?P<file>.+):(?P<line>\d+):(?P<column>\d+): (?P<severity>error|warning): .+")
INSTANCE = {
    "version": 3,
    "interface": "a0",
    "virtual_router_id": 51,
    "priority": 100,
    "advert_int": 0.1,
    "virtual_ipaddress": ["10.9.9.9/24"],
}
# The command of a user who may nothing: without capabilities (capset(2)), whatever the user id.
UNPRIVILEGED = """
import ctypes, sys
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)()) == 0
from vrrpd_fast.cli.daemon import main
sys.exit(main(sys.argv[1:]))
"""


def document(**instances: dict[str, Any]) -> str:
    blocks = {name: INSTANCE | each for name, each in instances.items()}
    return json.dumps({"vrrp_instance": blocks}, indent=1)


def write(directory: Path, text: str) -> str:
    path = directory / "vips.json"
    path.write_text(text)
    return str(path)


def run(*words: str, program: str | None = None) -> subprocess.CompletedProcess[str]:
    code = ["-c", program] if program is not None else ["-m", DAEMON]
    return subprocess.run(
        [sys.executable, *code, *words], capture_output=True, text=True, timeout=30, env=environment()
    )


# -- without a network


def test_check_of_a_good_file_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--config", write(tmp_path, document(VI={}))]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_prints_a_line_for_each_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = document(VI_1={"prioritee": 1}, VI_2={"virtual_router_id": 0, "priority": 256})
    path = write(tmp_path, text)
    assert main(["--check", "--config", path]) == 2
    out, err = capsys.readouterr()
    assert err == ""
    found = [match for line in out.splitlines() if (match := FINDING.fullmatch(line))]
    assert len(found) == len(out.splitlines()) >= 3
    assert {match["file"] for match in found} == {path}
    lines = text.splitlines()
    places = [lines[int(match["line"]) - 1][int(match["column"]) - 1 :] for match in found]
    assert any(place.startswith('"prioritee"') for place in places)
    assert any(place.startswith("256") for place in places)


def test_a_warning_is_printed_and_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, document(VI={"track_interface": ["a0"]}))
    assert main(["--check", "--config", path]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    match = FINDING.fullmatch(line)
    assert match is not None and match["severity"] == "warning"


def test_expand_prints_every_block_of_a_range(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    each = {"range": {"n": [1, 3]}, "interface": "a{n}", "virtual_router_id": "{n}"}
    path = write(tmp_path, document(**{"lan{n}": each}))
    assert main(["--check", "--expand", "--config", path]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    blocks = json.loads(printed.out)["vrrp_instance"]
    assert [(name, one["virtual_router_id"]) for name, one in blocks.items()] == [
        ("lan1", 1),
        ("lan2", 2),
        ("lan3", 3),
    ]


def test_expand_of_a_bad_file_prints_findings_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, document(VI={"priority": 300}))
    assert main(["--check", "--expand", "--config", path]) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert FINDING.fullmatch(line)


def test_expand_keeps_doubts_out_of_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path, document(VI={"debug": 1}))
    assert main(["--check", "--expand", "--config", path]) == 0
    printed = capsys.readouterr()
    assert "debug" in json.loads(printed.out)["vrrp_instance"]["VI"]
    (line,) = printed.err.splitlines()
    assert FINDING.fullmatch(line)


def test_check_of_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "none.json")
    assert main(["--check", "--config", path]) == 2
    assert capsys.readouterr().out == f"{path}:0:0: error: cannot be read: No such file or directory\n"


CONF = """\
global_defs {
  smtp_server 10.0.0.1
}
vrrp_instance VI {
  interface a0
  virtual_router_id 51
  @first priority 300
  virtual_ipaddress {
    10.9.9.9/24
  }
}
"""


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        (
            ["--config-id", "second"],
            0,
            ["2:3: warning: global_defs: smtp_server: not served: no mail is sent"],
        ),
        (
            ["--config-id", "second", "--strict-config"],
            2,
            ["2:3: error: global_defs: smtp_server: not served: no mail is sent"],
        ),
        (
            ["--config-id", "first"],
            2,
            [
                "2:3: warning: global_defs: smtp_server: not served: no mail is sent",
                "7:19: error: vrrp_instance VI: priority: 300 is not in 1..255",
            ],
        ),
    ],
)
def test_check_of_a_keepalived_conf(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    status: int,
    told: list[str],
) -> None:
    path = tmp_path / "keepalived.conf"
    path.write_text(CONF)
    assert main(["--check", *options, "--config", str(path)]) == status
    printed = capsys.readouterr().out.splitlines()
    assert [line.removeprefix(f"{path}:").split(";")[0] for line in printed] == told


def test_schema_is_json(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["--schema"]) == 0
    schema = json.loads(capfdbinary.readouterr().out)
    assert "vrrp_instance" in json.dumps(schema)
    assert schema["$schema"].startswith("https://json-schema.org/")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"vrrpd-fast {vrrpd_fast.__version__}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--config FILE is required"),
        (["--check"], "--config FILE is required"),
        (["--expand", "--config", "f"], "--expand goes with --check"),
        (["--config"], "expected one argument"),
        (["--config", "x", "--log-level", "loud"], "invalid choice: 'loud'"),
        (["--cnofig", "x"], "unrecognized arguments: --cnofig x"),
    ],
)
def test_bad_usage(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    err = capsys.readouterr().err
    assert err.startswith("usage: vrrpd-fast ")
    assert told in err


def test_a_file_that_cannot_be_used_is_no_start(tmp_path: Path) -> None:
    path = write(tmp_path, document(VI={"priority": 0}))
    result = run("--config", path, "--socket", str(tmp_path / "control.sock"))
    assert result.returncode == 2
    assert re.search(rf"{re.escape(path)}:\d+:\d+: error: .*priority", result.stderr)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["vips.json"]


# -- without privileges


@pytest.mark.lab
def test_without_privileges_it_says_what_it_needs(tmp_path: Path) -> None:
    path, sock = write(tmp_path, document(VI={})), str(tmp_path / "control.sock")
    result = run("--config", path, "--socket", sock, program=UNPRIVILEGED)
    assert result.returncode == 1
    assert "Operation not permitted; vrrpd-fast needs CAP_NET_ADMIN and CAP_NET_RAW" in result.stderr
    assert "Traceback" not in result.stderr
    assert not Path(sock).exists()


@pytest.mark.lab
def test_a_socket_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Privileges for the network would not help."""
    path = write(tmp_path, document(VI={}))
    result = run("--config", path, "--socket", "/proc/nowhere/control.sock", program=UNPRIVILEGED)
    assert result.returncode == 1
    assert "/proc/nowhere" in result.stderr
    assert "CAP_NET" not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.lab
def test_check_needs_no_privileges(tmp_path: Path) -> None:
    path = write(tmp_path, document(VI={"priority": 0}))
    result = run("--check", "--config", path, program=UNPRIVILEGED)
    assert result.returncode == 2
    assert FINDING.fullmatch(result.stdout.strip())


@pytest.mark.lab
@in_new_namespace
def test_withdraw_without_privileges() -> None:
    held_by_a_killed_one()
    result = run("--withdraw", program=UNPRIVILEGED)
    assert result.returncode == 1
    assert result.stderr.startswith("vrrpd-fast: cannot withdraw: ")
    assert "Operation not permitted" in result.stderr
    assert "Traceback" not in result.stderr


# -- in a namespace


def start(directory: Path, owners: int, *words: str) -> "subprocess.Popen[str]":
    """A daemon that owns some addresses on a0."""
    instances = {
        f"VI_{vrid}": {
            "priority": 255,
            "virtual_router_id": vrid,
            "virtual_ipaddress": [f"10.9.{vrid}.1/32", f"10.9.{vrid}.2/32"],
        }
        for vrid in range(1, owners + 1)
    }
    path, sock = write(directory, document(**instances)), str(directory / "control.sock")
    return subprocess.Popen(
        [sys.executable, "-m", DAEMON, "--config", path, "--socket", sock, *words],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def links() -> None:
    ip("link add a0 type veth peer name b0", "link set a0 up", "link set b0 up")
    ip("addr add 10.0.0.1/24 dev a0")


def addresses() -> set[str]:
    """IPv4 addresses of a0 besides its own."""
    found = json.loads(show("-j", "-4", "addr", "show", "a0"))[0]["addr_info"]
    return {entry["local"] for entry in found} - {"10.0.0.1"}


def held_by_a_killed_one() -> None:
    links()
    with tempfile.TemporaryDirectory() as directory:
        process = start(Path(directory), 1)
        wait_until(lambda: len(addresses()) == 2, 10, "the owner has its addresses")
        process.kill()
        process.communicate()
    assert len(addresses()) == 2


@pytest.mark.lab
@in_new_namespace
def test_withdraw_removes_what_is_ours_and_counts() -> None:
    held_by_a_killed_one()
    ip("addr add 10.7.7.7/24 dev a0")
    result = run("--withdraw")
    assert (result.returncode, result.stdout, result.stderr) == (0, "2 addresses removed\n", "")
    assert addresses() == {"10.7.7.7"}
    result = run("--withdraw")
    assert (result.returncode, result.stdout) == (0, "0 addresses removed\n")


@pytest.mark.lab
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@in_new_namespace
def test_a_signal_during_the_start_is_an_orderly_end(tmp_path: Path, number: signal.Signals) -> None:
    links()
    process = start(tmp_path, 200)
    wait_until(lambda: (tmp_path / "control.sock").exists(), 10, "it has begun", pause=0.001)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert addresses() == set()
    assert not (tmp_path / "control.sock").exists()


@pytest.mark.lab
@in_new_namespace
def test_hangup_with_a_broken_file_is_told_and_survived(tmp_path: Path) -> None:
    """In JSON, one object a line."""
    links()
    process = start(tmp_path, 1, "--log-format", "json")
    wait_until(lambda: len(addresses()) == 2, 10, "the owner has its addresses")
    time.sleep(0.05)
    path = write(tmp_path, "{}}")
    process.send_signal(signal.SIGHUP)
    assert process.stderr is not None
    lines: list[str] = []
    while not any(path in line for line in lines):
        line = process.stderr.readline()
        assert line, "it has ended"
        lines.append(line)
    assert process.poll() is None
    assert len(addresses()) == 2
    process.terminate()
    rest, _ = process.communicate(timeout=10)[::-1]
    assert process.returncode == 0
    records = [json.loads(line) for line in [*lines, *rest.splitlines()]]
    (finding,) = [each for each in records if path in each["message"]]
    assert FINDING.fullmatch(finding["message"])
    assert finding["level"] == "error"
    assert addresses() == set()


@pytest.mark.lab
@in_new_namespace
def test_a_second_copy_ends_at_once_and_touches_nothing(tmp_path: Path) -> None:
    links()
    process = start(tmp_path, 1)
    wait_until(lambda: len(addresses()) == 2, 10, "the owner has its addresses")
    path, sock = str(tmp_path / "vips.json"), str(tmp_path / "control.sock")
    second = run("--config", path, "--socket", sock)
    assert second.returncode == 1
    assert sock in second.stderr
    assert str(process.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert len(addresses()) == 2
    process.terminate()
    process.communicate(timeout=10)
    assert process.returncode == 0

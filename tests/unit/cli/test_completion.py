"""`vrrpctl completion`: what can come next, and real shells that ask for it and type it."""

import argparse
import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from unit.observe.segment_samples import Sample, instance
from vrrpd_fast.cli import ctl
from vrrpd_fast.cli.candidates import NAMES, TRAITS, WORDS, candidates
from vrrpd_fast.cli.commands.completion import _escaped, _of_line

ODD = 'it\'s a $(name) [1] "no" é'.replace('"', "")


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "socket")
    many = [
        instance("lan1", interface="eth0:1", group="G1"),
        instance("lan22", interface="eth0:22", state="MASTER"),
        instance(ODD, interface="wan"),
        instance("evil\x1b[2J", interface="evil\n"),
    ]
    with Sample(path, many, beat_age=-60):
        yield path


def words(line: str, socket: str) -> list[str]:
    return [each.word for each in candidates(ctl.parser(), ["--socket", socket, *line.split(" ")])]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sta", ["status", "stats"]),
        ("--h", ["--help"]),
        ("status lan", ["lan1", "lan22"]),
        ("status lan1 lan", ["lan22"]),
        ("status --state ", ["INIT", "BACKUP", "MASTER", "FAULT"]),
        ("status --expect M", ["MASTER"]),
        ("status --interface eth0:2", ["eth0:22"]),
        ("status --interface", ["--interface"]),
        ("status --group ", ["G1"]),
        ("status --group G1 --group ", ["G1"]),
        ("status --vrid ", []),
        ("status --json --js", []),
        ("status --state MASTER --sta", ["--state"]),
        ("status --json lan2", ["lan22"]),
        ("top --sort s", ["state", "since", "sent"]),
        ("check ", []),
        ("check vips.json ", []),
        ("diff a.json ", []),
        ("completion z", ["zsh"]),
        ("nothing ", []),
    ],
)
def test_candidates(socket: str, line: str, expected: list[str]) -> None:
    assert words(line, socket) == expected


def test_commands_come_first(socket: str) -> None:
    assert words("", socket) == list(ctl.COMMANDS)


def test_names_tell_what_they_are(socket: str) -> None:
    found = dict(candidates(ctl.parser(), ["--socket", socket, "stats", "lan2"]))
    assert found == {"lan22": "MASTER on eth0:22"}


def test_without_a_daemon_there_are_no_names(tmp_path: Path) -> None:
    assert words("status ", str(tmp_path / "none")) == []
    assert words("status --js", str(tmp_path / "none")) == ["--json"]


def test_every_value_is_known() -> None:
    """Of each option and argument either its values are completed, or it is clear that they cannot be."""
    known = {*NAMES, *TRAITS, *WORDS}
    files = {"file", "first", "second", "output", "socket"}
    free = {"vrid", "interval", "seconds", "priority", "config_id", "words", "listen", "last", "since"}
    root = ctl.parser()
    (action,) = (one for one in root._actions if isinstance(one, argparse._SubParsersAction))
    for parser in action.choices.values():
        parser.load()
        for one in parser._actions:
            assert one.nargs == 0 or one.choices or one.dest in known | files | free, (parser.prog, one.dest)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("vrrpctl ", ([""], "")),
        ("vrrpctl", ([""], "vrrpctl")),
        ("vrrpctl st", (["st"], "st")),
        ("A=1 B='x y' vrrpctl  st  ", (["st", ""], "")),
        (r"vrrpctl a\ b c\'d", (["a b", "c'd"], r"c\'d")),
        ("vrrpctl 'a b", (["a b"], "'a b")),
        ("vrrpctl 'a'\"b\"c", (["abc"], "'a'\"b\"c")),
        (r'vrrpctl "a\"b', (['a"b'], r'"a\"b')),
        ("vrrpctl a\\", (["a"], "a\\")),
        ("vrrpctl '' x", (["", "x"], "x")),
    ],
)
def test_words_of_a_line(line: str, expected: tuple[list[str], str]) -> None:
    assert _of_line(line) == expected


def test_escaping_is_the_shell_s() -> None:
    for word in (ODD, "plain-1.2:3/4", "a;b|c&d>e<f", "*?[x]{a,b}", "~", "a\\b", "#x", "!x"):
        script = f"printf %s {_escaped(word)}"
        assert subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout == word


# -- real shells ------------------------------------------------------------------------------------------

START = {
    "bash": ["bash", "--noprofile", "--norc", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config", "-i"],
}
SETUP = {
    "bash": 'PS1="> "; eval "$(vrrpctl completion bash)"\n',
    "zsh": 'PS1="> "; autoload -U compinit; compinit -u -D; eval "$(vrrpctl completion zsh)"\n',
    "fish": "vrrpctl completion fish | source\n",
}
# What the shell makes of the line, word for word; completion itself is asked of the real program.
PROGRAM = """#!{python}
import sys
if sys.argv[1:2] == ["completion"]:
    from vrrpd_fast.cli.ctl import main
    sys.exit(main())
import json
with open({out!r}, "w") as file:
    json.dump(sys.argv[1:], file)
"""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("rel\t", ["reload"]),
        ("--socket SOCKET status lan2\t", ["status", "lan22"]),
        ("--socket SOCKET status --exp\tMAS\tlan1\t", ["status", "--expect", "MASTER", "lan1"]),
        ("--socket SOCKET status it\t", ["status", ODD]),
        ("--socket SOCKET status 'lan2\t", ["status", "lan22"]),
        ("--socket SOCKET status --interface eth0:2\t", ["status", "--interface", "eth0:22"]),
        ("check FIL\t", ["check", "FILE.json"]),
    ],
)
@pytest.mark.parametrize("shell", START)
def test_a_shell(shell: str, typed: str, expected: list[str], tmp_path: Path, socket: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is missing")
    out = tmp_path / "out"
    program = tmp_path / "bin" / "vrrpctl"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable, out=str(out)))
    program.chmod(0o755)
    (tmp_path / "FILE.json").touch()
    environment = os.environ | {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "TERM": "dumb" if shell == "bash" else "xterm",
        "LC_ALL": "C.UTF-8",
    }
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execvpe(START[shell][0], START[shell], environment)
    try:
        talk(terminal, SETUP[shell])
        talk(terminal, f"vrrpctl {typed.replace('SOCKET', socket)}\n")
        deadline = time.monotonic() + 20
        while not out.exists() or not out.read_text():
            assert time.monotonic() < deadline
            drain(terminal, 0.1)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(terminal)
    typed_words = json.loads(out.read_text())
    assert typed_words[-len(expected) :] == expected


def talk(terminal: int, text: str) -> None:
    """Type, and let the shell answer to each tab before going on."""
    for piece in text.replace("\t", "\t\0").split("\0"):
        os.write(terminal, piece.encode())
        drain(terminal, 0.2 if piece.endswith(("\t", "\n")) else 0.05)


def drain(terminal: int, quiet: float) -> None:
    """What the shell says until it has been quiet for so many seconds; fish asks terminals who they are."""
    while select.select([terminal], [], [], quiet)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if b"\x1b[c" in piece or b"\x1b[0c" in piece:
            os.write(terminal, b"\x1b[?1;2c")
        if b"\x1b[6n" in piece:
            os.write(terminal, b"\x1b[1;1R")

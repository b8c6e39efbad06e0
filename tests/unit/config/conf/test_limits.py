"""Hostile files: every budget ends in a finding that names the place, soon, and without an exception."""

import time
from pathlib import Path

import pytest

from unit.config.conf.statements import read_text
from vrrpd_fast.config.conf import limits

SMALL = {
    "MOST_LINES": 1000,
    "MOST_WORDS": 3000,
    "MOST_CHARACTERS": 400_000,
    "MOST_FINDINGS": 20,
    "MOST_FILES": 10,
    "MOST_BYTES": 200_000,
    "LARGEST_FILE": 150_000,
    "MOST_DIRECTORY_ENTRIES": 50,
    "MOST_ALTERNATIVES": 10,
}
DOUBLING = "".join(f"$A{i}=${{A{i + 1}}}${{A{i + 1}}}\n" for i in range(40))
LINES = "".join(f"$A{i}= \\\n${{A{i + 1}}} \\\n${{A{i + 1}}}\n" for i in range(40))


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SMALL.items():
        monkeypatch.setattr(limits, name, value)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a\n" * 1001, "1:1", "has more than 1000 lines"),
        ("a b c\n" * 999 + "a b c d", "1000:1", "makes more than 3000 words"),
        ("~SEQ(A,1,100) ~SEQ(B,1,100) x", "1:29", "makes more than 1000 lines"),
        ("~SEQ(A,1,100) ~SEQ(B,1,100) @other x", "1:29", "makes more than 1000 lines"),
        ("~SEQ(A,1,1001) x", "1:1", "~SEQ would repeat this 1001 times, the most is 1000"),
        (f"{DOUBLING}$A40=x\n${{A0}}", "42:1", "definitions make too much text here"),
        (f"{DOUBLING}$A40=\n${{A0}}", "42:1", "definitions make too much text here"),
        (f"{LINES}$A40=x\n${{A0}}", "122:1", "makes more than 1000 lines"),
        (f"$A={'x' * 60000}\n$B=${{A}}${{A}}\n$B", "3:1", "definitions make this line longer than 65536"),
        ("a {" * 33, "1:99", "blocks are nested more than 32 deep"),
        ("~SEQ(A,1,1) " * 60 + "x", "1:577", "definitions, repetitions and include are nested more than 48"),
        ("x" * 65537, "1:1", "this line is longer than 65536 characters"),
        ("}\n" * 30, "21:1", "and more; the rest of the file is not looked at"),
        ("include {1,2,3,4,5,6,7,8,9,10,11}", "1:9", "its braces make more than 10 names"),
        ("include many/*\n" * 5, "4:9", "more than 10 files are included"),
        ("include all/*", "1:9", "all include lines look at more than 50 files"),
        ("include big\n" * 3, "2:9", "all files together are larger than 0 MiB"),
        ("include huge", "1:9", "is larger than 0 MiB"),
        ("include down0\n", "down31:1:9", "files include one another more than 32 deep"),
    ],
)
@pytest.mark.usefixtures("small_limits")
def test_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, place: str, message: str
) -> None:
    if "down" in text:
        monkeypatch.setattr(limits, "MOST_FILES", 100)
    for directory, count in (("many", 3), ("all", 60)):
        (tmp_path / directory).mkdir()
        for index in range(count):
            (tmp_path / directory / f"f{index}").touch()
    (tmp_path / "big").write_text("# " + "x" * 140_000)
    (tmp_path / "huge").write_text("# " + "x" * 150_000)
    for index in range(40):
        (tmp_path / f"down{index}").write_text(f"include down{index + 1}\n")
    _, findings = read_text(tmp_path, text)
    told, _, said = findings[-1].removeprefix(f"{tmp_path}/").partition(": error: ")
    assert told == place
    assert message in said


def test_a_long_line_stays_one_and_is_told(tmp_path: Path) -> None:
    statements, findings = read_text(tmp_path, "a " + "b " * 600)
    assert statements == ["a" + " b" * 600]
    assert len(findings) == 1
    assert findings[0].startswith("1:1: warning: keepalived cuts a line after 1023 bytes")
    assert read_text(tmp_path, "a # " + "b" * 2000) == (["a"], [])


@pytest.mark.usefixtures("small_limits")
def test_what_was_read_before_a_limit_is_there(tmp_path: Path) -> None:
    statements, _ = read_text(tmp_path, "a b c d\n" * 800)
    assert statements == ["a b c d"] * 750


NAMES = "".join(f"$A{index}=1\n" for index in range(20_000))
LONG = "A" * 60_000
TRAPS = {
    "long names alike": f"${LONG}1=1\n" * 20 + f"a ${LONG}2\n" * 20,
    "many names, many uses": NAMES + "a $A1.b\n" * 20_000,
    "many names, many unknown": NAMES + "".join(f"a $B{index}\n" for index in range(20_000)),
    "a long chain": "".join(f"$A{index}=${{A{index + 1}}}\n" for index in range(50_000)) + "a ${A0}",
    "an endless file": "include /dev/zero",
    "alternatives for ever": f"~SEQ(N,1,400000) include {'{a,b}' * 10}",
    "too many alternatives for ever": f"~SEQ(N,1,400000) include {'{a,b}' * 20}",
    "the same file for ever": "~SEQ(N,1,400000) include /dev/null",
    "braces in braces": f"include {'{a,' * 300}",
    "a pattern with many stars": f"include /usr/bin/{'*a' * 200}",
    "directories of directories": "include /proc/*/*/*/*/*",
    "lines of nothing": "\n" * 5_000_000,
    "escapes": "notify " + r"\x41" * 16_000 + "\n",
    "quotes": "notify " + "\"a\"'b'" * 8_000 + "\n",
    "undefined": "a " + "${" * 30_000 + "\n",
    "dollars": "a " + "$a" * 30_000 + "\n",
    "conditions": "@^a " * 16_000,
    "groups": "~LST({A}," + "{1}," * 15_000 + "1) a",
    "groups without end": "~LST(" + "{" * 30_000 + ") a",
    "definitions of nothing": DOUBLING + "$A40=\n${A0}",
    "lines of definitions": "$A= \\\n" * 50_000,
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_ends_soon_and_says_little(tmp_path: Path, name: str) -> None:
    begun = time.process_time()
    _, findings = read_text(tmp_path, TRAPS[name])
    assert time.process_time() - begun < 5
    assert len(findings) <= limits.MOST_FINDINGS + 1
    assert all(len(finding) < 1200 for finding in findings)

"""$NAME and ${NAME}, definitions of several lines, what is predefined (tried with 2.2.7)."""

import random
from pathlib import Path

import pytest

from unit.config.conf.statements import read_text

HEAD = "$A=3\n$B=${A}x\n$E=\n$LATE=${SUB}z\n$M= \\\n m1 \\\n m2 ${A} \\\n m3\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("i${A} $A\nx$A y$A", ["i3 3", "x3 y3"]),
        ("$A", ["3"]),
        ("$B ${B}y", ["3x 3xy"]),
        ("a ${B}${B} ${A}${B}${A}", ["a 3x3x 33x3"]),
        ("a $E b${E}c", ["a bc"]),
        ("$E", []),
        ('a "${A} b" "$A b"', ["a 3 b 3 b"]),
        ("$SUB=1\n$LATE\n$SUB=2\n$LATE", ["1z", "2z"]),
        ("$A=4\n$B", ["4x"]),
        ("  $A= 5 \n$B", ["5x"]),
        ('$A="a b"\n$A', ["a b"]),
        ("$A=f # g\n${A}h", ["fh"]),
        ('$A="f # g"\na $A h', ["a f # g h"]),
        ("$K=priority\n$K 5", ["priority 5"]),
        ("$C=@main\n$C y\n$D=@other\n$D z", ["y"]),
        ("@main $P=1\n@other $P=2\n$P", ["1"]),
        ("$O={\na $O\nb\n}", ["a", ["b"]]),
        ("$M", ["m1", "m2 3", "m3"]),
        ("pre $M\npost$M", ["pre m1", "m2 3", "m3", "postm1", "m2 3", "m3"]),
        ("${M}", ["m1", "m2 3", "m3"]),
        ("x { y $M\n}", ["x", ["y m1", "m2 3", "m3"]]),
        ("$N= \\\n n { \\\n $A=9 \\\n n${A} \\\n }\n$N", ["n", ["n9"]]),
        ("$I= \\\n i${A} { \\\n $M \\\n }\n$A=7\n$I", ["i7", ["m1", "m2 7", "m3"]]),
        ("$N= \\\n @main a \\\n @other b # c \\\n c\n$N", ["a", "c"]),
        ("$N=a \\\n b\n$N", ["a", "b"]),
        ("@other $N= \\\n a \\\n b\nc", ["c"]),  # keepalived takes the lines of what is left out for its own
        ("$N= \\\n a \\\n\nb\n$N", ["b", "a"]),
        ("$N= \\", []),
        ("_ ${_HASH}a${_BANG} b", ["_ #a! b"]),
        ("_ ${_INSTANCE} $_INSTANCE", ["_ main main"]),
        ("_ ${_RANDOM 5 5} ${_RANDOM 40000 40000}", ["_ 5 40000"]),
        ("_ ${_ENV FUZZY_BUNNY}x", ["_ hopsx"]),
        ('notify_master "$HOME ${HOME} $"', ["notify_master $HOME ${HOME} $"]),
        ("$ a$ $$", ["$ a$ $$"]),
        ("a pa$$word", ["a pa$$word"]),
    ],
)
def test_what_is_put_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[object]
) -> None:
    monkeypatch.setenv("FUZZY_BUNNY", "hops")
    assert read_text(tmp_path, HEAD + text) == (expected, [])


def test_the_directory_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_text("b ${_PWD}/x\n")
    statements, findings = read_text(tmp_path, "a ${_PWD}\ninclude deep/file\nc $_PWD\n")
    assert statements == [f"a {tmp_path}", f"b {tmp_path}/deep/x", f"c {tmp_path}"]
    assert not findings


def test_random_numbers_are_in_range_and_repeat_with_a_seed(tmp_path: Path) -> None:
    draw = "~SEQ(N,1,200) ${_RANDOM 10 12}\n${_RANDOM}\n"
    seeded = f"global_defs {{\nrandom_seed 7\n}}\n{draw}"
    drawn, _ = read_text(tmp_path, draw)
    assert set(drawn[:200]) == {"10", "11", "12"}
    assert 0 <= int(str(drawn[200])) <= 32767
    state = random.getstate()
    assert read_text(tmp_path, seeded) == read_text(tmp_path, seeded)
    assert random.getstate() == state


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a $UNKNOWN", ["a $UNKNOWN"]),
        ("a $A.1", ["a $A.1"]),
        ('a "$A.1"', ["a $A.1"]),
    ],
)
def test_what_stays_is_told(tmp_path: Path, text: str, expected: list[object]) -> None:
    statements, findings = read_text(tmp_path, HEAD + text)
    assert statements == expected
    assert len(findings) == 1
    assert ":3: warning: " in findings[0]


@pytest.mark.parametrize(
    "text", ["$A", "@main @other a", "$A1x$=b", "a ${A", "$X=${Y}\n$Y=${X}\na ${X}", "$M a"]
)
def test_a_line_with_an_error_leaves_the_others_alone(tmp_path: Path, text: str) -> None:
    head = "$M= \\\n1 \\\n2\n"
    statements, _ = read_text(tmp_path, f"{head}before\n{text}\nafter\n")
    assert statements[0] == "before"
    assert "after" in str(statements[-1])

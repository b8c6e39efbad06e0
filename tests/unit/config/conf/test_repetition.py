"""~SEQ, ~SEQx, ~LST: keepalived's examples, and sequences as Python counts them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.config.conf.statements import read_text
from vrrpd_fast.config.conf import limits
from vrrpd_fast.config.conf.repetition import RepetitionError, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~SEQ(S, 0, 3) ip 10.0.${S}.1", ["ip 10.0.0.1", "ip 10.0.1.1", "ip 10.0.2.1", "ip 10.0.3.1"]),
        ("~SEQx(S, 0x90, 0x10, 0xc0) fe80::${S}:1", ["fe80::90:1", "fe80::a0:1", "fe80::b0:1", "fe80::c0:1"]),
        ("~SEQ(S, 144, 16, 192) $S", ["144", "160", "176", "192"]),
        ("~SEQ(S,2) $S", ["1", "2"]),
        ("~SEQ(S,-2) $S", ["-1", "-2"]),
        ("~SEQ(S,0) $S", ["1", "0"]),
        ("~SEQ(S,3,1) $S", ["3", "2", "1"]),
        ("~SEQ (S , 1,2)a$S", ["a1", "a2"]),
        ("~SEQ(X,1,2) ~SEQ(Y,${X},2) $X$Y", ["$X1", "$X2", "$X2"]),
        ("~SEQ(X,1,2) ~SEQ(Y,$X,2) ${X}$Y", ["11", "12", "22"]),
        ("~SEQ(X,1,2) a { b${X} }", ["a", ["b1"], "a", ["b2"]]),
        ("~SEQ(X,1,2) @main a$X", ["a1", "a2"]),
        ("@other ~SEQ(X,1,2) a$X", []),
        ("~SEQ(X,1,2) $B=${X}\na $B $X", ["a 2 2"]),
        ("~SEQ(X,1,2)", []),
        (
            "~LST(IP, 1, 2) ~LST(IP1, 5,6) 192.169.${IP}.${IP1}",
            [*(f"192.169.{n}" for n in ("1.5", "1.6", "2.5", "2.6"))],
        ),
        ("~LST({A, B}, {10,1} , {20,4}) ${A}.${B}", ["10.1", "20.4"]),
        ("~LST(A,,b) x${A}", ["x", "xb"]),
        ("~LST({A},1,{2}) x${A}", ["x1", "x2"]),
        ("$V=7\n~LST({A,B}, {$V,${V}8}) ${A}.${B}", ["7.78"]),
    ],
)
def test_repeated(tmp_path: Path, text: str, expected: list[object]) -> None:
    statements, findings = read_text(tmp_path, text)
    assert statements == expected
    assert not [finding for finding in findings if "error" in finding]


numbers = st.integers(-2000, 2000)


@given(numbers, numbers, numbers)
def test_a_sequence_is_a_range(start: int, step: int, end: int) -> None:
    values = range(start, end + (1 if step > 0 else -1), step) if step else range(0)
    if step == 0 or not values:
        with pytest.raises(RepetitionError):
            parse("SEQ", f"N,{start},{step},{end}")
        return
    found = parse("SEQ", f"N, {start}, {step}, {end}")
    assert found.names == ["N"]
    assert list(found.rows) == [(str(value),) for value in values]


def test_a_sequence_too_long_is_refused_before_it_begins() -> None:
    assert len(list(parse("SEQ", f"N,1,{limits.MOST_LINES}").rows)) == limits.MOST_LINES
    with pytest.raises(RepetitionError, match=r"the most is"):
        parse("SEQ", f"N,0,{limits.MOST_LINES}")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        *(
            ("SEQ", text)
            for text in ("", "N", "N,", "N,1,2,3,4", "N,a,b", "N,1.5", "1N,1,2", "N,0x,2", "N,08,9")
        ),
        *(("SEQx", text) for text in ("N,-1,3", "N,-3", "N,g")),
        *(
            ("LST", text)
            for text in ("", "N", "1N,a", "{A,B},{1}", "{A,B},{1,2,3}", "{A,B},1", "N,a b", "{A", "N,{1}x")
        ),
    ],
)
def test_what_cannot_be_repeated(kind: str, arguments: str) -> None:
    with pytest.raises(RepetitionError):
        parse(kind, arguments)

"""Words: quotes, escapes and comments, in the two ways keepalived has (tried with 2.2.7)."""

import pytest

from vrrpd_fast.config.conf.quoting import scan, without_comment


def words(text: str) -> list[str]:
    found = scan(text, comments=True)
    assert not [fault for fault in found.faults if fault.is_error]
    return [token.text for token in found.tokens]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\tc", ["a", "b", "c"]),
        ('a "b c" ""', ["a", "b c", ""]),
        ('a "b # ! { } c"', ["a", "b # ! { } c"]),
        (r'a "b\n\"', ["a", "b\\n\\"]),
        ('a b"c d"e', ["a", "b", "c d", "e"]),
        ("a 'b c'", ["a", "'b", "c'"]),
        ("a b# c", ["a", "b"]),
        ("a !b", ["a"]),
        (r"a b\#c\!d", ["a", "b#c!d"]),
        (r"a \\b", ["a", r"\\b"]),
        ("a${B}c d${ e", ["a${B}c", "d$", "{", "e"]),
        ("a{b}c", ["a", "{", "b", "}", "c"]),
        ("a $ b$ $$", ["a", "$", "b$", "$$"]),
    ],
)
def test_plain_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/x a b", ["/x", "a", "b"]),
        ('"/x a b" c d', ["/x a b", "c", "d"]),
        (r'"/x \"a b\" c"', ['/x "a b" c']),
        (r'"/x \"a # b\" c" # d', ['/x "a # b" c']),
        ("'/x \"a b\" c'", ['/x "a b" c']),
        ("'/x # { a'", ["/x # { a"]),
        (r"'/x\ta\'b'", ["/x\ta'b"]),
        ("/x\"a b\"'c d'e", ["/xa bc de"]),
        (r"/x\ y\"z", ['/x y"z']),
        (r'"/x a\\nb"', ["/x 'a\nb'"]),  # escapes count once more when the command is split
        (r'"/x \\x41 \"b\\tc\" \\\\"', ["/x A 'b\tc' '\\'"]),
        (r'"/x" a\\nb', ["/x", r"a\nb"]),
        (r"\x41\x4142\101\1019\cA\n\E\e\q\\", ["ABAA9\x01\n\x1beq\\"]),
        (r"\a\b\f\r\t\v", ["\a\b\f\r\t\v"]),
        (r"é\xc3\xa9", ["éé"]),
        (r"\xZ\9", ["xZ9"]),
        (r"/x\#y", ["/x#y"]),
        ("/x{", ["/x", "{"]),
        ('"" b', ["", "b"]),
        ("'$HOME' ${HOME}", ["$HOME", "${HOME}"]),
    ],
)
def test_words_of_a_script(text: str, expected: list[str]) -> None:
    assert words(f"notify_master {text}") == ["notify_master", *expected]


def test_the_way_of_quoting_ends_with_the_statement() -> None:
    assert words("script 'a b' { router_id 'a b' } script 'c d'") == [
        *("script", "a b", "{", "router_id", "'a", "b'", "}", "script", "c d")
    ]


def test_a_mark_is_text_once_comments_are_gone() -> None:
    found = scan('a b#c !d "e#"', comments=False)
    assert [token.text for token in found.tokens] == ["a", "b#c", "!d", "e#"]


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ('a "#" # b', 6),
        (r'@main notify "\"#" # b', 19),
        (r'~SEQ(a, 1, 2) notify "\"#" # b', 27),
        (r'$N=notify "\"#" # b', 16),
        (r'a "\" # b', 6),
        ("~LST({a,b},{1,2}) c # d", 20),
        ("a b", 3),
    ],
)
def test_where_a_comment_begins(text: str, end: int) -> None:
    assert without_comment(text).end == end


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ('a "b', 2),
        ("notify 'b", 7),
        ('notify "b', 7),
        (r"notify \xff", 7),
        (r'notify "a\0"', 7),
        ('a b "', 4),
    ],
)
def test_errors(text: str, offset: int) -> None:
    assert [fault.offset for fault in scan(text, comments=True).faults if fault.is_error] == [offset]


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("a b#c", 3),
        ("a b!", 3),
        ("a b##", None),
        ("a b# c", None),
        ("a {#c", None),
        ('a "b"#c', None),
        ("#c", None),
    ],
)
def test_a_comment_in_a_word_is_doubtful(text: str, offset: int | None) -> None:
    comment = without_comment(text).comment
    assert (comment and comment.offset) == offset

"""A line to words and braces: quotes, escapes, comments, in keepalived's two ways.

Most keywords: "..." makes one word of what stands in it, nothing is escaped. Keywords whose argument is a
command line: as in a shell, '...' and "..." and \\ may stand in the middle of a word (man keepalived.conf,
Quoted strings).
"""

import re
import shlex

from msgspec import Struct, field
from msgspec.structs import replace

# Keywords with words as in a shell: what they run is a command line.
_SCRIPT_WORDS = """
    script notify notify_master notify_backup notify_fault notify_stop notify_deleted
    notify_master_rx_lower_pri notify_fifo_script vrrp_notify_fifo_script lvs_notify_fifo_script
    startup_script shutdown_script notify_up notify_down quorum_up quorum_down misc_path
"""
SCRIPT_WORDS = frozenset(_SCRIPT_WORDS.split())

# All that makes a line more than words and blanks.
SPECIAL = re.compile(r"[\"'\\{}#!$@~\x00]|[^\x00-\x7f]")
WORD = re.compile(r"[^ \t\r\v\f]+")

_BLANK = re.compile(r"[ \t\r\v\f]+")
# What stands before the first keyword of a line: a condition, repetitions, the name of a definition.
_BEFORE_KEYWORD = re.compile(
    r"(?:[ \t\r\v\f]*(?:@[^ \t\r\v\f]*|~[A-Za-z]+[ \t]*\([^)]*\)|\$[A-Za-z_][A-Za-z0-9_]*=))*"
)
# A comment, a brace or a quote ends it; ${NAME} of a definition that does not exist is part of it.
_PLAIN = re.compile(r'(?:[^ \t\r\v\f"{}#!\\$]|\$\{[^{}]*\}|\$|\\[#!]|\\)+')
_PLAIN_WITH_MARKS = re.compile(r'(?:[^ \t\r\v\f"{}\\$]|\$\{[^{}]*\}|\$|\\[#!]|\\)+')
_DOUBLE = re.compile(r'"([^"]*)"')
_SHELL_BARE = re.compile(r"(?:[^ \t\r\v\f\"'{}#!\\$]|\$\{[^{}]*\}|\$)+")
_SHELL_BARE_WITH_MARKS = re.compile(r"(?:[^ \t\r\v\f\"'{}\\$]|\$\{[^{}]*\}|\$)+")
_COMMAND_BLANK = re.compile(r"[ \t\r\n\v\f]+")
_COMMAND_BARE = re.compile(r"[^ \t\r\n\v\f\"'\\]+")
_SHELL_DOUBLE = re.compile(r'[^"\\]+')
_SHELL_SINGLE = re.compile(r"[^'\\]+")
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]+)|([0-7]{1,3})|c(.)|(.))", re.DOTALL)
_COMMENT_ESCAPE = re.compile(r"\\([#!])")
_NAMED_ESCAPES = {
    "a": 7,
    "b": 8,
    "E": 27,
    "f": 12,
    "n": 10,
    "r": 13,
    "t": 9,
    "v": 11,
}


class Fault(Struct, frozen=True):
    """Something wrong at an offset of the text."""

    offset: int
    message: str
    is_error: bool = True


class Token(Struct, frozen=True, gc=False):
    """A word, or a brace that opens or closes a block (`is_brace`).

    The command of a script is one word, to be split into its arguments as a shell does.
    """

    offset: int
    text: str
    is_quoted: bool = False
    is_brace: bool = False


class Scan(Struct):
    """What scan() found; `end` is where the text ends or a comment begins."""

    tokens: list[Token]
    faults: list[Fault]
    end: int
    comment: Fault | None = None  # what is doubtful about where the comment begins
    undefined: list[int] = field(default_factory=list)  # offsets of ${NAME} outside quotes


def without_comment(text: str) -> Scan:
    """Where the comment of a line begins whose definitions are not filled in yet: only `end`, `comment`."""
    start = _BEFORE_KEYWORD.match(text)
    return scan(text, comments=True, start=start.end() if start else 0)


def scan(text: str, *, comments: bool, start: int = 0) -> Scan:
    """Words and braces of a line. Without `comments`, # and ! are characters like others."""
    found = Scan([], [], len(text))
    position = start
    begins = True  # the next word is a keyword
    is_script = is_command = False  # the word after the keyword is the command
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            continue
        char = text[position]
        if char in "{}":
            found.tokens.append(Token(position, char, is_brace=True))
            position += 1
            begins, is_script = True, False
            continue
        if comments and char in "#!":
            _note_comment(text, position, found)
            break
        if is_script:
            bare = _SHELL_BARE if comments else _SHELL_BARE_WITH_MARKS
            word, position = _script_word(text, position, bare, found)
            if is_command:
                word = replace(word, text=_command_line(word.text))
            is_command = False
        else:
            word, position = _plain_word(text, position, comments, found)
        found.tokens.append(word)
        if begins:
            begins = False
            is_script = is_command = word.text in SCRIPT_WORDS
    return found


def _note_comment(text: str, position: int, found: Scan) -> None:
    """A comment begins; right behind a word it may be meant as part of it."""
    found.end = position
    touches = position > 0 and text[position - 1] not in ' \t\r\v\f{}"'
    follows = text[position + 1 : position + 2]
    if touches and follows not in (" ", "\t", text[position]):
        char = text[position]
        found.comment = Fault(
            position,
            f"{char} begins a comment here, in the middle of a word; write the word in double quotes "
            f"if it has a {char} in it, or a blank before the comment",
            is_error=False,
        )


def _plain_word(text: str, start: int, comments: bool, found: Scan) -> tuple[Token, int]:
    if text[start] == '"':
        if quoted := _DOUBLE.match(text, start):
            after = text[quoted.end() : quoted.end() + 1]
            if after and after not in ' \t\r\v\f{}#!"':
                found.faults.append(
                    Fault(
                        quoted.end(),
                        "the closing quote is followed by more text, which is a word of its own; "
                        "put a blank between them, or all of it into the quotes",
                        is_error=False,
                    )
                )
            return Token(start, quoted[1], is_quoted=True), quoted.end()
        found.faults.append(
            Fault(start, 'this double quote has no second one on the line; add the closing "')
        )
        return Token(start, text[start + 1 :], is_quoted=True), len(text)
    pattern = _PLAIN if comments else _PLAIN_WITH_MARKS
    word = pattern.match(text, start)
    assert word is not None  # neither blank, quote, brace nor comment
    raw, end = word[0], word.end()
    if "\\" in raw:
        for escape in _COMMENT_ESCAPE.finditer(raw):
            found.faults.append(
                Fault(
                    start + escape.start(),
                    f"keepalived before 2.3 takes {escape[1]} for a comment here all the same; "
                    "write the word in double quotes",
                    is_error=False,
                )
            )
        raw = _COMMENT_ESCAPE.sub(r"\1", raw)
    if "${" in raw:
        found.undefined.append(start + word[0].index("${"))
    if raw[0] == "'":
        found.faults.append(
            Fault(start, "single quotes hold nothing together here; write double quotes", is_error=False)
        )
    if text[end : end + 1] == '"':
        found.faults.append(
            Fault(
                end,
                "a quote in the middle of a word begins a word of its own; put a blank before it, "
                "or all of it into the quotes",
                is_error=False,
            )
        )
    return Token(start, raw), end


def _script_word(text: str, start: int, bare: re.Pattern[str], found: Scan) -> tuple[Token, int]:
    parts: list[bytes] = []
    quote = ""
    opened = start
    is_quoted = False
    position = start
    while position < len(text):
        char = text[position]
        if char == "\\":
            escape = _ESCAPE.match(text, position)
            if escape is None:
                break  # at the end of the line, where the reader says so
            parts.append(_escaped(escape))
            position = escape.end()
        elif quote:
            if char == quote:
                quote = ""
                position += 1
                continue
            run = (_SHELL_DOUBLE if quote == '"' else _SHELL_SINGLE).match(text, position)
            assert run is not None
            parts.append(run[0].encode(errors="surrogateescape"))
            position = run.end()
        elif char in "\"'":
            quote, opened, is_quoted = char, position, True
            position += 1
        elif run := bare.match(text, position):
            parts.append(run[0].encode(errors="surrogateescape"))
            if "${" in run[0]:
                found.undefined.append(position + run[0].index("${"))
            position = run.end()
        else:
            break
    if quote:
        found.faults.append(
            Fault(opened, f"this quote has no second one on the line; add the closing {quote}")
        )
    raw = b"".join(parts)
    try:
        word = raw.decode()
    except UnicodeDecodeError:
        word = raw.decode(errors="replace")
        found.faults.append(Fault(start, "a byte of this word is not UTF-8"))
    if "\0" in word:
        found.faults.append(Fault(start, "an escape makes a NUL here, which no command line can hold"))
        word = word.replace("\0", "")
    return Token(start, word, is_quoted), max(position, start + 1)


def _command_line(text: str) -> str:
    """A command as a shell reads it: keepalived reads escapes once more when it splits it into words."""
    if "\\" not in text:
        return text
    found = Scan([], [], len(text))
    words: list[str] = []
    position = 0
    while position < len(text):
        if blank := _COMMAND_BLANK.match(text, position):
            position = blank.end()
            continue
        word, position = _script_word(text, position, _COMMAND_BARE, found)
        words.append(word.text)
    # What is wrong with its quotes, or escapes nothing at its end, is told where the command is used.
    escapes_nothing = (len(text) - len(text.rstrip("\\"))) % 2 == 1
    return text if found.faults or escapes_nothing else shlex.join(words)


def _escaped(escape: re.Match[str]) -> bytes:
    r"""The byte of \xHH, \NNN, \cC or a named escape; any other character is itself."""
    hexadecimal, octal, control, other = escape.groups()
    if hexadecimal is not None:
        return bytes([int(hexadecimal[-2:], 16)])
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if control is not None:
        return bytes([ord(control) & 0x1F])
    if other in _NAMED_ESCAPES:
        return bytes([_NAMED_ESCAPES[other]])
    return str(other).encode(errors="surrogateescape")

"""JSON with places: reads a text again to say where everything stands, or what keeps it from being JSON.

The standard library and msgspec know no line of a key and give no advice. This reader is only used when there
is something to tell.
"""

import json
import re
from bisect import bisect_right
from math import isinf
from typing import Any

from vrrpd_fast.config.problems import Path, quoted

# The file form is five levels deep; whoever goes further gets an error instead of our stack.
_DEEPEST = 32
_LONGEST_NUMBER = 40

_BLANK = r"[ \t\r\n]*"
_STRING_BODY = r'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*'
_SPACE = re.compile(_BLANK)
_STRING = re.compile(f'"({_STRING_BODY})"')
_KEY = re.compile(f'"({_STRING_BODY})"{_BLANK}:{_BLANK}')
_MARK = re.compile(f"{_BLANK}([,}}\\]]){_BLANK}")
_ESCAPE = re.compile(r'["\\/bfnrt]|u[0-9a-fA-F]{4}')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[^\s,:{}\[\]\"]+")
_CONSTANTS = {"true": True, "false": False, "null": None}
_HINTS = {
    "'": "strings stand in double quotes",
    "/": "JSON knows no comments",
    "#": "JSON knows no comments",
    "!": "JSON knows no comments",
    ";": "values are separated by commas",
    "=": 'a key and its value are separated by ":"',
}
_A_KEY = "a key in double quotes"
_A_VALUE = "a value"
_FLAGS = {"yes": "true", "on": "true", "no": "false", "off": "false", "none": "null"}


class SyntaxProblem(Exception):
    """The text is not JSON; `offset` is where that shows."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


class Source:
    """A JSON text, its value, and where every key and value of it begins (offsets in characters)."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self.duplicates: list[tuple[Path, int]] = []  # the path, and where it is stated once more
        self.value: Any = None

    def read(self) -> None:
        """Read the text; raises SyntaxProblem."""
        try:
            self.value, end = self._value((), self._skip(0), 0)
            end = self._skip(end)
            if end < len(self._text):
                raise SyntaxProblem(end, self._unexpected(end, "the end of the file after the closing brace"))
        except SyntaxProblem as problem:
            # What is missing at the end belongs behind the last thing there is, not onto an empty line.
            problem.offset = min(problem.offset, len(self._text.rstrip(" \t\r\n")))
            raise

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def find(self, path: Path, *, key: bool = False) -> int:
        """Offset of a value or its key; that of the nearest thing around it where it is not stated."""
        first, second = (self._keys, self._values) if key else (self._values, self._keys)
        while path:
            if path in first:
                return first[path]
            if path in second:
                return second[path]
            path, first, second = path[:-1], self._keys, self._values
        return self._values.get((), 0)

    def _skip(self, offset: int) -> int:
        match = _SPACE.match(self._text, offset)
        return match.end() if match else offset

    def _value(self, path: Path, offset: int, depth: int) -> tuple[Any, int]:
        self._values[path] = offset
        match self._text[offset : offset + 1]:
            case "{" | "[" if depth >= _DEEPEST:
                raise SyntaxProblem(offset, f"nested more than {_DEEPEST} levels deep")
            case "{":
                return self._object(path, offset, depth)
            case "[":
                return self._array(path, offset, depth)
            case '"':
                return self._string(offset)
            case _:
                return self._scalar(offset)

    def _object(self, path: Path, start: int, depth: int) -> tuple[dict[str, Any], int]:
        members: dict[str, Any] = {}
        offset = self._skip(start + 1)
        if self._text.startswith("}", offset):
            return members, offset + 1
        while True:
            key, after = self._key(offset, start)
            inner = (*path, key)
            if key in members:
                self.duplicates.append((inner, offset))
                inner = (*path, key, -1 - offset)  # a place of its own: the first one keeps the name
            else:
                self._keys[inner] = offset
            value, offset = self._value(inner, after, depth + 1)
            members.setdefault(key, value)
            offset, ended = self._next(offset, start, "}")
            if ended:
                return members, offset

    def _key(self, offset: int, opened: int) -> tuple[str, int]:
        """A key, and where its value begins."""
        match = _KEY.match(self._text, offset)
        if match is not None and "\\" not in match[1]:
            return match[1], match.end()
        if not self._text.startswith('"', offset):
            raise SyntaxProblem(offset, self._unexpected(offset, _A_KEY, opened))
        key, after = self._string(offset)
        colon = self._skip(after)
        if not self._text.startswith(":", colon):
            raise SyntaxProblem(
                colon, self._unexpected(colon, f'":" and a value after the key {quoted(key)}')
            )
        return key, self._skip(colon + 1)

    def _array(self, path: Path, start: int, depth: int) -> tuple[list[Any], int]:
        items: list[Any] = []
        offset = self._skip(start + 1)
        if self._text.startswith("]", offset):
            return items, offset + 1
        while True:
            value, offset = self._value((*path, len(items)), offset, depth + 1)
            items.append(value)
            offset, ended = self._next(offset, start, "]")
            if ended:
                return items, offset

    def _next(self, after: int, opened: int, closing: str) -> tuple[int, bool]:
        """Past the comma to the next member, or past the closing bracket."""
        match = _MARK.match(self._text, after)
        if match is None or match[1] not in (",", closing):
            raise self._no_comma(after, opened, closing)
        if match[1] == closing:
            return match.end(1), True
        following = match.end()
        if self._text.startswith(("}", "]"), following):
            raise SyntaxProblem(
                match.start(1),
                f'a comma before "{self._text[following]}": the last one has none, take it away',
            )
        return following, False

    def _no_comma(self, after: int, opened: int, closing: str) -> SyntaxProblem:
        offset = self._skip(after)
        message = self._unexpected(offset, f'"," or "{closing}"', opened)
        mark = self._text[offset : offset + 1]
        if mark and mark not in _HINTS and mark not in "}]:":
            message += f"; is a comma missing at the end of line {self.place(after - 1)[0]}?"
        return SyntaxProblem(offset, message)

    def _string(self, offset: int) -> tuple[str, int]:
        match = _STRING.match(self._text, offset)
        if match is None:
            raise self._bad_string(offset)
        body = match[1]
        if "\\" not in body:
            return body, match.end()
        decoded: str = json.loads(match[0])
        if any("\ud800" <= c <= "\udfff" for c in decoded):
            raise SyntaxProblem(offset, "half of a surrogate pair in a string: no such character exists")
        return decoded, match.end()

    def _bad_string(self, start: int) -> SyntaxProblem:
        """Why no string begins at `start`, where there is a double quote."""
        offset = start + 1
        while offset < len(self._text):
            char = self._text[offset]
            if char == "\n":
                break
            if char < " ":
                name = "tab" if char == "\t" else "control character"
                return SyntaxProblem(offset, f"a {name} in a string; write it as {json.dumps(char)[1:-1]}")
            if char == "\\":
                if not _ESCAPE.match(self._text, offset + 1):
                    return SyntaxProblem(offset, r"not an escape of JSON; a backslash itself is written \\")
                offset += 1
            offset += 1
        return SyntaxProblem(start, "the string that begins here is not closed on its line")

    def _scalar(self, offset: int) -> tuple[Any, int]:
        match = _WORD.match(self._text, offset)
        if match is None:
            raise SyntaxProblem(offset, self._unexpected(offset, _A_VALUE))
        word = match[0]
        if word in _CONSTANTS:
            return _CONSTANTS[word], match.end()
        if not _NUMBER.fullmatch(word):
            raise SyntaxProblem(offset, self._unexpected(offset, _A_VALUE))
        if len(word) > _LONGEST_NUMBER:
            raise SyntaxProblem(offset, f"a number of {len(word)} characters")
        if word.lstrip("-").isdigit():
            return int(word), match.end()
        value = float(word)
        if isinf(value):
            raise SyntaxProblem(offset, f"{word} is out of every range")
        return value, match.end()

    def _unexpected(self, offset: int, expected: str, opened: int | None = None) -> str:
        """A sentence on what stands at `offset` instead of `expected`, with advice for known habits."""
        if offset >= len(self._text):
            where = "" if opened is None else f"; line {self.place(opened)[0]} opened what is not closed"
            return f"the file ends where {expected} should stand{where}"
        char = self._text[offset]
        match = _WORD.match(self._text, offset)
        word = match[0] if match else char
        found = "a string" if char == '"' else quoted(word)
        advice = ""
        if char in _HINTS:
            advice = f": {_HINTS[char]}"
        elif match and expected in (_A_KEY, _A_VALUE):
            advice = f": {_advice(word)}"
        return f"found {found} instead of {expected}{advice}"


def _advice(word: str) -> str:
    """How to write in JSON what someone wrote without quotes."""
    flag = word.lower()
    if flag in _CONSTANTS:
        return f"JSON writes {flag}"
    if flag in _FLAGS:
        return f"JSON writes {_FLAGS[flag]}"
    if re.fullmatch(r"[-+]?(nan|inf|infinity)", flag):
        return "there is no such number in JSON"
    if re.match(r"[-+.]?[0-9]", word):
        return "numbers are plain decimals without unit, like 1 or 0.25"
    return "strings stand in double quotes"

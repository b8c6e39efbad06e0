"""What the words after a keyword of keepalived.conf come to: values of the native document.

Every function takes these words and returns the value, or raises WordError. Ranges are the schema's business,
so that both forms of a file have the same.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

from vrrpd_fast.config.conf.statement import Place, Word
from vrrpd_fast.config.problems import quoted

Words = Sequence[Word]
Convert = Callable[[Words], Any]

_WHOLE = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?(?:[0-9]{1,18}(?:\.[0-9]*)?|\.[0-9]+)")
_BOOLEANS = {"true": True, "on": True, "yes": True, "false": False, "off": False, "no": False}
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
_ESCAPED = {"r": "\r", "n": "\n", "t": "\t", "\\": "\\"}
_BLANKS = re.compile(r"\s")


class WordError(ValueError):
    """Words that are no such value; `place` is where the faulty one stands, None where one is missing."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.place = place


def text(words: Words) -> str:
    """One word."""
    return _only(words, "a value").text


def escaped(words: Words) -> str:
    """One word in which backslash r, n, t and backslash stand for what they do in JSON."""
    word = _only(words, "a value")

    def meant(escape: re.Match[str]) -> str:
        if escape[1] not in _ESCAPED:
            known = " ".join(f"\\{letter}" for letter in _ESCAPED)
            raise WordError(f"{quoted(escape[0])} is not one of {known}", word.place)
        return _ESCAPED[escape[1]]

    return _ESCAPE.sub(meant, word.text)


def whole(words: Words) -> int:
    """A whole number, in decimal as keepalived reads it."""
    word = _only(words, "a whole number")
    if not _WHOLE.fullmatch(word.text):
        raise WordError(f"{quoted(word.text)} is not a whole number{_advice(word.text)}", word.place)
    return int(word.text)


def decimal(words: Words) -> int | float:
    """A number that may have decimals."""
    word = _only(words, "a number")
    if _WHOLE.fullmatch(word.text):
        return int(word.text)
    if not _DECIMAL.fullmatch(word.text):
        raise WordError(f"{quoted(word.text)} is not a number{_advice(word.text)}", word.place)
    return float(word.text)


def boolean(words: Words) -> bool:
    """true, on, yes, false, off or no; nothing means true."""
    if not words:
        return True
    word = _only(words, "true or false")
    value = _BOOLEANS.get(word.text)
    if value is None:
        advice = f"; write {word.text.lower()}" if word.text.lower() in _BOOLEANS else ""
        raise WordError(f"{quoted(word.text)} is not one of {', '.join(_BOOLEANS)}{advice}", word.place)
    return value


def constant(value: Any) -> Convert:
    """A keyword that stands alone, and what it says."""

    def convert(words: Words) -> Any:
        _no_more(words, "this keyword stands alone, and holds by being there")
        return value

    return convert


flag = constant(True)


def optional(convert: Convert, otherwise: Any) -> Convert:
    """`otherwise` where nothing follows the keyword."""
    return lambda words: convert(words) if words else otherwise


def whole_or_text(words: Words) -> int | str:
    """A number where it is one, else the word."""
    word = _only(words, "a value")
    return int(word.text) if _WHOLE.fullmatch(word.text) else word.text


def numbers(words: Words) -> list[int]:
    """Whole numbers, at least one."""
    if not words:
        raise WordError("needs a whole number")
    return [whole([word]) for word in words]


def line(words: Words) -> str:
    """The rest of the line, at least one word."""
    if not words:
        raise WordError("needs a value")
    return joined(words)


def joined(words: Words) -> str:
    """Words as the one line that an entry of the native form is; a blank inside a word would be lost."""
    for word in words:
        if not word.text:
            raise WordError("a pair of quotes with nothing between them is no value", word.place)
        if _BLANKS.search(word.text):
            raise WordError(f"{quoted(word.text)}: a blank inside this word is not served", word.place)
    return " ".join([word.text for word in words])


def address(words: Words) -> str:
    """One word, an address."""
    return _only(words, "an address").text


def user(words: Words) -> str:
    """`user [group]`, with a colon between them or without."""
    if not words:
        raise WordError("needs a user")
    names = joined(words).replace(":", " ").split()
    if not 1 <= len(names) <= 2:
        raise WordError(f"{quoted(joined(words))} is not a user and perhaps a group", words[0].place)
    return " ".join(names)


def words_of_command(words: Words) -> str | list[str]:
    """The name of a process and parameters of it, where every word, in quotes or not, is one of them."""
    if not words or not words[0].text:
        raise WordError("needs the name of a process")
    texts = [word.text for word in words]
    return texts[0] if len(texts) == 1 and not _BLANKS.search(texts[0]) else texts


def script(words: Words) -> str:
    """A command line; its arguments may stand in one (quoted) word with it."""
    _no_more(words[1:], "the command and its arguments stand in double quotes together")
    return _only(words, "a command").text


def command(words: Words) -> str | dict[str, str]:
    """A script with its arguments in one (quoted) word, then who runs it: `SCRIPT [user [group]]`."""
    return _owned(words, "script", "a script")


def fifo(words: Words) -> str | dict[str, str]:
    """`PATH [user [group]]`."""
    return _owned(words, "path", "a file name")


def _owned(words: Words, key: str, wanted: str) -> str | dict[str, str]:
    if not words or not words[0].text:
        raise WordError(f"needs {wanted}")
    if len(words) == 1:
        return words[0].text
    if len(words) > 3:
        raise WordError(
            f"{quoted(words[3].text)} is one word too many: a user and a group may follow, "
            f"arguments of the script stand with it in double quotes",
            words[3].place,
        )
    return {key: words[0].text, "user": user(words[1:])}


def extra_interfaces(words: Words) -> int | str:
    """`[all] SECONDS`."""
    if words and words[0].text == "all":
        return f"all {whole(words[1:])}"
    return whole(words)


def umask(words: Words) -> int | str:
    """A number as C writes it (0x12, 022, 18), or names of bits with `|` between them."""
    bits = "".join([word.text for word in words])
    if not bits:
        raise WordError("needs a number or names of bits, like IWGRP|IWOTH")
    if not bits[0].isdigit():
        return bits
    try:
        return int(bits, 8 if re.fullmatch("0[0-7]+", bits) else 0)
    except ValueError as error:
        raise WordError(f"{quoted(bits)} is not a number", words[0].place) from error


def delays(words: Words) -> list[int | float]:
    """`DOWN [UP]` seconds. What is left out for up is 0 in keepalived 2.2.7, whatever its manual says."""
    _no_more(words[2:])
    return [decimal(words[:1]), decimal(words[1:]) if len(words) > 1 else 0]


def initial(words: Words) -> int | str:
    """`[VALUE] [overwrite]`; the value is 0 where there is none."""
    overwrites = bool(words) and words[-1].text == "overwrite"
    given = words[:-1] if overwrites else words
    value = whole(given) if given else 0
    return f"{value} overwrite" if overwrites else value


def tracked(words: Words) -> str | dict[str, Any]:
    """An entry of track_script and the like; one whose name has a blank needs the object form."""
    return _tracked(words, "name")


def tracked_interface(words: Words) -> str | dict[str, Any]:
    """An entry of track_interface."""
    return _tracked(words, "interface")


def _tracked(words: Words, key: str) -> str | dict[str, Any]:
    name = words[0].text
    if not _BLANKS.search(name):
        return joined(words)
    entry: dict[str, Any] = {key: name}
    rest = list(words[1:])
    if rest and rest[0].text == "weight":
        entry["weight"] = whole(rest[1:2])
        rest = rest[2:]
    if rest and rest[0].text in ("reverse", "noreverse"):
        entry["reverse"] = rest.pop(0).text == "reverse"
    _no_more(rest)
    return entry


def _only(words: Words, wanted: str) -> Word:
    if not words:
        raise WordError(f"needs {wanted}")
    if len(words) > 1:
        if words[0].text == "=":
            raise WordError("a keyword and its value have a blank between them and no =", words[0].place)
        _no_more(words[1:])
    return words[0]


def _no_more(words: Words, why: str = "every keyword has a line of its own") -> None:
    if words:
        raise WordError(f"{quoted(words[0].text)} is one word too many: {why}", words[0].place)


def _advice(word: str) -> str:
    """What someone meant who wrote a number like this."""
    if re.fullmatch(r"[-+]?[0-9.]+[;,]", word):
        return f"; take the {word[-1]} away"
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", word):
        return "; decimals are written with a point"
    if re.fullmatch(r"[-+]?[0-9.]+[a-zA-Z]+", word):
        return "; numbers have no unit here"
    if re.fullmatch(r"[0-9]+\.[0-9]+", word):
        return "; decimals are not possible here"
    return ""

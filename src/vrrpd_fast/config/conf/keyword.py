"""What a keyword of keepalived.conf can be: the kinds of entries in the tables of keywords_*.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from vrrpd_fast.config.conf.values import Convert


def last(_: Any, new: Any) -> Any:
    """Of a keyword that stands twice keepalived takes the last …"""
    return new


def first(old: Any, _: Any) -> Any:
    """… or the first, which it does for scripts and FIFOs."""
    return old


class Value(Struct, frozen=True):
    """A keyword with one value, which goes under `key` of the native document or under its own name.

    `keeps` chooses between two values where it stands twice.
    """

    convert: Convert
    key: str | None = None
    keeps: Callable[[Any, Any], Any] = last


class Weight(Struct, frozen=True):
    """`weight N [reverse|noreverse]`: two keys of the native document."""


class Block(Struct, frozen=True):
    """A block of keywords. Several of a kind are one."""

    table: Table


class Named(Struct, frozen=True):
    """A block with a name; the native document has them by name, under `key` or the keyword itself."""

    table: Table
    key: str | None = None


class Repeated(Struct, frozen=True):
    """A block without a name that may stand several times; the native document has a list of them."""

    table: Table


class Lines(Struct, frozen=True):
    """A block with one entry a line; a list in the native document. `words`: every word is an entry."""

    convert: Convert
    words: bool = False


class Pairs(Struct, frozen=True):
    """A block of lines that begin with a key of their own; an object in the native document."""

    convert: Convert


class Grammar(Struct, frozen=True):
    """A word that steers how the file is read; the reader of the grammar has done that."""


class Unserved(Struct, frozen=True):
    """Known to keepalived, left out here with a warning: VRRP does without. `consequence` in plain words."""

    consequence: str


class Refused(Struct, frozen=True):
    """Known to keepalived and an error here: without it the virtual router would do something else."""

    consequence: str


Entry = Value | Weight | Block | Named | Repeated | Lines | Pairs | Grammar | Unserved | Refused
Table = dict[str, Entry]

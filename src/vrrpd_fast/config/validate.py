"""The shape of a file judged key by key, so that every fault is told at once and with its place.

The Structs of schema/ are the only authority: their types are walked here, and what comes out converts into
them. msgspec itself would stop at the first fault.
"""

from typing import Any

import msgspec
from msgspec import inspect

from vrrpd_fast.config import schema
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.words import meaning, words_of

_FILE = inspect.type_info(schema.File)
# Which members of a union a JSON value may be.
_KINDS_OF: dict[type, tuple[type, ...]] = {
    dict: (inspect.StructType,),
    list: (inspect.ListType,),
    str: (inspect.StrType, inspect.LiteralType),
    bool: (inspect.BoolType,),
    int: (inspect.IntType, inspect.FloatType),
    float: (inspect.FloatType,),
}


def to_file(value: object, problems: Problems) -> schema.File:
    """The file as Structs. Faulty values are noted and left out: the rest is good for further checks."""
    return msgspec.convert(_clean(value, _FILE, (), problems), schema.File)


def _clean(value: object, kind: inspect.Type, path: Path, problems: Problems) -> Any:
    """The value without its faults; UNSET when nothing is left of it."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind:
        case inspect.StructType():
            if isinstance(value, dict):
                return _clean_struct(value, kind, path, problems)
        case inspect.DictType():
            if isinstance(value, dict):
                return _clean_blocks(value, kind, path, problems)
        case inspect.ListType():
            if isinstance(value, list):
                return _clean_list(value, kind, path, problems)
        case inspect.UnionType():
            return _clean_union(value, kind, path, problems)
        case _:
            fault = _fault(value, kind, problems)
            if fault is None:
                return value
            problems.malformed(path, fault)
            return msgspec.UNSET
    problems.malformed(path, _expected(value, kind))
    return msgspec.UNSET


def _clean_struct(
    value: dict[str, object], kind: inspect.StructType, path: Path, problems: Problems
) -> dict[str, Any]:
    fields = {field.encode_name: field for field in kind.fields}
    clean = {}
    for key, item in value.items():
        field = fields.get(key)
        if field is None:
            problems.malformed((*path, key), _unknown(key, kind, problems), at_key=True)
            continue
        kept = _clean(item, field.type, (*path, key), problems)
        if kept is not msgspec.UNSET:
            clean[key] = kept
    for key, field in fields.items():
        if field.required and key not in clean:
            if key not in value:
                problems.malformed((*path, key), "is missing", at_key=True)
            clean[key] = _placeholder(field.type)
    return clean


def _clean_blocks(
    value: dict[str, object], kind: inspect.DictType, path: Path, problems: Problems
) -> dict[str, Any]:
    blocks = {}
    for name, item in value.items():
        kept = _clean(item, kind.value_type, (*path, name), problems)
        # A block that is none keeps its name: others may refer to it.
        blocks[name] = _placeholder(kind.value_type) if kept is msgspec.UNSET else kept
    return blocks


def _clean_list(value: list[object], kind: inspect.ListType, path: Path, problems: Problems) -> list[Any]:
    items = []
    for index, item in enumerate(value):
        kept = _clean(item, kind.item_type, (*path, index), problems)
        # Keeps its place, so that the next ones are found at theirs.
        items.append(_placeholder(kind.item_type) if kept is msgspec.UNSET else kept)
    return items


def _clean_union(value: object, kind: inspect.UnionType, path: Path, problems: Problems) -> Any:
    for one in kind.types:
        plain = one.type if isinstance(one, inspect.Metadata) else one
        if not isinstance(plain, _KINDS_OF.get(type(value), ())):
            continue
        if not isinstance(plain, inspect.LiteralType) or value in plain.values:
            return _clean(value, plain, path, problems)
    problems.malformed(path, f"{_shown(value)} is not {' or '.join(_wanted(one) for one in kind.types)}")
    return msgspec.UNSET


def _placeholder(kind: inspect.Type) -> Any:
    """Something of the right shape where a required value is missing or faulty (noted already)."""
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind:
        case inspect.StructType():
            return {field.encode_name: _placeholder(field.type) for field in kind.fields if field.required}
        case inspect.UnionType():
            return _placeholder(kind.types[0])
        case inspect.ListType():
            return []
        case inspect.StrType():
            return "?"
        case inspect.LiteralType():
            return kind.values[0]
        case inspect.IntType() | inspect.FloatType():
            return kind.ge
    raise AssertionError(f"no placeholder for {kind}")


def _fault(value: object, kind: inspect.Type, problems: Problems) -> str | None:
    """What is wrong with a single value, or None."""
    match kind:
        case inspect.BoolType():
            return None if isinstance(value, bool) else _expected(value, kind)
        case inspect.StrType():
            if not isinstance(value, str):
                return _expected(value, kind)
            return "is empty" if len(value) < (kind.min_length or 0) else None
        case inspect.LiteralType():
            if any(type(value) is type(known) and value == known for known in kind.values):
                return None
            nearest = ""
            if isinstance(value, str):
                nearest = problems.suggestion(value, [str(known) for known in kind.values])
            return f"{_shown(value)} is not {_wanted(kind)}{nearest}"
        case inspect.IntType() | inspect.FloatType():
            if isinstance(value, bool) or not isinstance(value, int | float):
                return _expected(value, kind)
            if isinstance(value, float) and isinstance(kind, inspect.IntType):
                return _expected(value, kind)
            assert kind.ge is not None and kind.le is not None  # every number of the schema has its range
            if kind.ge <= value <= kind.le:
                return None
            return f"{_shown(value)} is not in {kind.ge:.10g}..{kind.le:.10g}"
    raise AssertionError(f"no check for {kind}")


def _expected(value: object, kind: inspect.Type) -> str:
    """A sentence on a value of the wrong type, with the remedy where it is plain."""
    fault = f"{_shown(value)} is not {_wanted(kind)}"
    if value is None:
        return f"{fault}; leave the key out to get the default"
    if isinstance(kind, inspect.BoolType):
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return f"{fault}; write {value.lower()} without quotes"
        if value in ("on", "yes", 1):
            return f"{fault}; write true"
        if value in ("off", "no", 0):
            return f"{fault}; write false"
    if isinstance(kind, inspect.IntType | inspect.FloatType) and isinstance(value, str):
        try:
            return f"{fault}; write {float(value):.10g} without quotes"
        except ValueError:
            return fault
    if isinstance(kind, inspect.ListType) and not isinstance(value, list | dict):
        return f"{fault}; put it in [ ]"
    return fault


def _wanted(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind:
        case inspect.StructType() | inspect.DictType():
            return "an object { }"
        case inspect.ListType():
            return "a list [ ]"
        case inspect.StrType():
            return "a string"
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return "a whole number"
        case inspect.FloatType():
            return "a number"
        case inspect.LiteralType():
            return " or ".join(sorted(_shown(value) for value in kind.values))
    raise AssertionError(f"no name for {kind}")


def _shown(value: object) -> str:
    match value:
        case str():
            return quoted(value)
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case dict():
            return "an object"
        case list():
            return "a list"
    return str(value)


def _unknown(key: str, kind: inspect.StructType, problems: Problems) -> str:
    if (told := meaning(kind.cls, key)) is not None:
        return told
    known = [field.encode_name for field in kind.fields]
    return f"unknown key{problems.suggestion(key, {*known, *words_of(kind.cls)})}"

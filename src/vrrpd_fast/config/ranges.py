"""Blocks that stand for many: `range` and what its variables come to in the block's name and texts.

    "lan{n}": {"range": {"n": [1, 200]}, "interface": "eth{n}", "virtual_ipaddress": ["10.0.{n}.1/24"]}

`{…}` is whole arithmetic over the variables with + - * / % and brackets, `{n:x}` and `{n:03}` are hexadecimal
and filled with zeros, `{{` and `}}` are braces. Where a number belongs, a text that is one `{…}` and nothing
else becomes one. Several variables make every combination, the last one changing fastest.
"""

import ast
import itertools
import operator
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from msgspec import Struct, inspect

from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.schema import IN_RANGES

RANGED = ("vrrp_script", "vrrp_probe", "track_file", "vrrp_track_process", "bfd_instance", "vrrp_instance")

_KEY = "range"
_MOST_BLOCKS = 100_000
_LONGEST_EXPRESSION = 100
_VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,15}")
_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_FORMAT = re.compile(r"(?:0[1-9])?x?")
_OPERATORS: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_LARGEST_NUMBER = 2**32

Values = dict[str, int]
Maker = Callable[[Values], Any]
Number = Callable[[Values], int]


class Expansion(Struct, frozen=True):
    """A document without ranges, and for each block that came from one, by section and name, whose it is."""

    document: dict[str, Any]
    origins: dict[tuple[str, str], str]

    def origin(self, path: Path) -> Path:
        """The path in the file as it was written."""
        name = self.origins.get((str(path[0]), str(path[1]))) if len(path) > 1 else None
        return path if name is None else (path[0], name, *path[2:])


class _Fault(ValueError):
    """What is wrong with a text or a range."""


class _TooLarge(ArithmeticError):
    """A value that no key has a use for."""


def has_range(document: object) -> bool:
    """Whether there is anything to expand."""
    return any(True for _ in _ranged(document))


def _ranged(document: object) -> Iterator[tuple[str, str, dict[str, Any]]]:
    if not isinstance(document, dict):
        return
    for section in RANGED:
        blocks = document.get(section)
        if isinstance(blocks, dict):
            for name, block in blocks.items():
                if isinstance(block, dict) and _KEY in block:
                    yield section, name, block


def expand(document: dict[str, Any], problems: Problems) -> Expansion:
    """The document with every range written out. A block that cannot be is noted and left out."""
    written = dict(document)
    origins: dict[tuple[str, str], str] = {}
    for section in RANGED:
        if any(where == section for where, _, _ in _ranged(document)):
            written[section] = _section(section, document[section], origins, problems)
    return Expansion(written, origins)


def _section(
    section: str, blocks: dict[str, Any], origins: dict[tuple[str, str], str], problems: Problems
) -> dict[str, Any]:
    """The blocks of a section, ranges written out where they stand."""
    written: dict[str, Any] = {}
    plain = {name for name, block in blocks.items() if not (isinstance(block, dict) and _KEY in block)}
    for name, block in blocks.items():
        if name in plain:
            written[name] = block
            continue
        path = (section, name)
        try:
            variables = _variables(block[_KEY], _MOST_BLOCKS - len(written))
            many = _written_out(name, block, variables, path, problems)
            for each in many:
                if each in written or each in plain:
                    raise _Fault(f"comes to {quoted(each)}, and there is a {section} of that name already")
        except _Fault as fault:
            problems.malformed((*path, _KEY), str(fault))
            problems.incomplete((section,))
            continue
        written |= many
        origins |= {(section, each): name for each in many}
    return written


def _written_out(
    name: str, block: dict[str, Any], variables: dict[str, range], path: Path, problems: Problems
) -> dict[str, Any]:
    """The blocks that one comes to. What is wrong with a text is noted, anything else raises _Fault."""
    known = list(variables)
    noted = len(problems.items)
    make_name = _template(name, known, path, problems, at_key=True)
    make_block = _maker({key: item for key, item in block.items() if key != _KEY}, known, path, problems)
    if len(problems.items) > noted:
        problems.incomplete(path[:1])
        return {}
    many: dict[str, Any] = {}
    for numbers in itertools.product(*variables.values()):
        values = dict(zip(variables, numbers, strict=True))
        try:
            each = str(make_name(values))
            if each in many:
                raise _Fault(f"comes to {quoted(each)} twice; have every variable in the name")
            many[each] = make_block(values)
        except ZeroDivisionError:
            raise _Fault(f"divides by zero with {_shown(values)}") from None
        except _TooLarge:
            raise _Fault(f"comes to a number above {_LARGEST_NUMBER} with {_shown(values)}") from None
    return many


def _shown(values: Values) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _variables(value: object, most: int) -> dict[str, range]:
    """The numbers of each variable, which make at most so many blocks; raises _Fault."""
    if not isinstance(value, dict) or not value:
        raise _Fault('is an object of variables, like {"n": [1, 500]}')
    variables = {}
    blocks = 1
    for name, bounds in value.items():
        if not _VARIABLE.fullmatch(name):
            raise _Fault(f"{quoted(name)} is not a name of small letters, digits and _")
        if not isinstance(bounds, list) or len(bounds) not in (2, 3) or not all(map(_is_bound, bounds)):
            raise _Fault(f"{name} is [first, last] or [first, last, step], of whole numbers")
        first, last, step = (*bounds, 1)[:3]
        if step < 1 or first > last:
            raise _Fault(f"{name} goes upwards: [1, 500], or [1, 499, 2] for every other")
        variables[name] = range(first, last + 1, step)
        blocks *= len(variables[name])
        if blocks > most:
            raise _Fault(f"comes to more than {_MOST_BLOCKS} blocks in all")
    return variables


def _is_bound(value: object) -> bool:
    return type(value) is int and abs(value) <= _LARGEST_NUMBER


def _maker(value: Any, known: list[str], path: Path, problems: Problems) -> Maker:
    """What makes a value anew for each combination."""
    if isinstance(value, str):
        return _template(value, known, path, problems)
    if isinstance(value, dict):
        members = [(key, _maker(item, known, (*path, key), problems)) for key, item in value.items()]
        return lambda values: {key: make(values) for key, make in members}
    if isinstance(value, list):
        items = [_maker(item, known, (*path, index), problems) for index, item in enumerate(value)]
        return lambda values: [make(values) for make in items]
    return lambda values: value


@cache
def _number_keys() -> frozenset[str]:
    """The keys of such blocks that have numbers."""
    structs = (inspect.type_info(block) for block in IN_RANGES)
    fields = (
        field for struct in structs if isinstance(struct, inspect.StructType) for field in struct.fields
    )
    return frozenset(field.encode_name for field in fields if _is_number(field.type))


def _is_number(kind: inspect.Type) -> bool:
    match kind:
        case inspect.Metadata(type=inner):
            return _is_number(inner)
        case inspect.UnionType(types=kinds):
            return any(map(_is_number, kinds))
        case inspect.LiteralType(values=values):
            return all(isinstance(value, int) for value in values)
    return isinstance(kind, inspect.IntType | inspect.FloatType)


def _template(text: str, known: list[str], path: Path, problems: Problems, *, at_key: bool = False) -> Maker:
    """A text with its `{…}`; what is wrong with it is noted, and it stays as it is."""
    if "{" not in text and "}" not in text:
        return lambda values: text
    parts: list[str | tuple[Number, str]] = []
    end = 0
    try:
        for piece in _PIECE.finditer(text):
            parts.append(text[end : piece.start()])
            end = piece.end()
            match piece[0]:
                case "{{" | "}}":
                    parts.append(piece[0][0])
                case "{" | "}":
                    raise _Fault(f"{quoted(text)} has a single {piece[0]}; a brace itself is {piece[0] * 2}")
                case _:
                    parts.append(_expression(piece[1], known))
    except _Fault as fault:
        problems.malformed(path, str(fault), at_key=at_key)
        return lambda values: text
    parts = [part for part in (*parts, text[end:]) if part]
    if len(parts) == 1 and isinstance(parts[0], tuple) and not parts[0][1] and path[-1] in _number_keys():
        return parts[0][0]
    return lambda values: "".join(
        part if isinstance(part, str) else format(part[0](values), part[1]) for part in parts
    )


def _expression(text: str, known: list[str]) -> tuple[Number, str]:
    """The inside of `{…}`, and how to write its value; raises _Fault."""
    arithmetic, _, form = text.partition(":")
    if len(arithmetic) > _LONGEST_EXPRESSION or not _FORMAT.fullmatch(form):
        raise _Fault(f"{quoted('{' + text + '}')} is not like {{n}}, {{n+1}}, {{n:x}} or {{n:03}}")
    try:
        tree = ast.parse(arithmetic.strip().replace("/", "//"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _Fault(f"{quoted('{' + text + '}')} is no arithmetic; a brace itself is {{{{") from None
    number = _arithmetic(tree.body, known)

    def bounded(values: Values) -> int:
        value = number(values)
        if abs(value) > _LARGEST_NUMBER:
            raise _TooLarge
        return value

    return bounded, form


def _arithmetic(node: ast.expr, known: list[str]) -> Number:
    """What computes it; raises _Fault for anything but numbers, variables and whole arithmetic."""
    match node:
        case ast.Constant(value=number) if type(number) is int:
            return lambda values: number
        case ast.Name(id=name):
            if name not in known:
                raise _Fault(f"{quoted(name)} is not a variable of its range ({', '.join(known)})")
            return operator.itemgetter(name)
        case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _OPERATORS:
            one, other = _arithmetic(left, known), _arithmetic(right, known)
            apply = _OPERATORS[type(symbol)]
            return lambda values: apply(one(values), other(values))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            positive = _arithmetic(operand, known)
            return lambda values: -positive(values)
    raise _Fault("{…} has whole numbers, variables, + - * / % and brackets only")

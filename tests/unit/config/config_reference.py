"""The reference tables of docs/CONFIG.md, made from the Structs of schema.py.

`python tests/unit/config/config_reference.py` writes them into the document; test_config_schema.py compares.
"""

from pathlib import Path

from msgspec import NODEFAULT, inspect

from vrrpd_fast.config import schema

DOCUMENT = Path(__file__).parents[3] / "docs" / "CONFIG.md"
BLOCKS = {
    "global_defs": schema.GlobalDefs,
    "vrrp_script": schema.VrrpScript,
    "vrrp_instance": schema.VrrpInstance,
    "virtual_ipaddress": schema.AddressEntry,
    "track_script": schema.TrackScriptEntry,
    "track_interface": schema.TrackInterfaceEntry,
}


def begin(block: str) -> str:
    return f"<!-- reference: {block} -->"


def end(block: str) -> str:
    return f"<!-- end of {block} -->"


def table(block: str) -> str:
    """One row per key."""
    rows = ["| key | value | default | |", "|---|---|---|---|"]
    kind = inspect.type_info(BLOCKS[block])
    assert isinstance(kind, inspect.StructType)
    for field in kind.fields:
        assert isinstance(field.type, inspect.Metadata)
        description = (field.type.extra_json_schema or {})["description"]
        rows.append(
            f"| `{field.encode_name}` | {_values(field.type.type)} | {_default(field)} | {description} |"
        )
    return "\n".join(rows)


def _values(kind: inspect.Type) -> str:
    match kind:
        case inspect.BoolType():
            return "flag"
        case inspect.StrType():
            return "text"
        case inspect.IntType(ge=low, le=high):
            return f"{low}..{high}"
        case inspect.FloatType(ge=low, le=high):
            return f"{low:g}..{high:g}, decimals"
        case inspect.LiteralType(values=values):
            return ", ".join(str(value) for value in sorted(values, key=str))
        case inspect.ListType(item_type=item):
            return "list of texts or objects" if isinstance(item, inspect.UnionType) else "list of texts"
        case inspect.UnionType(types=kinds):
            return " or ".join(_values(one) for one in kinds)
    raise AssertionError(kind)


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default_factory is list:
        return "none"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"{field.default:g}" if isinstance(field.default, float) else _text(field.default)


def _text(default: object) -> str:
    return "" if default is NODEFAULT else str(default)


def write() -> None:
    text = DOCUMENT.read_text()
    for block in BLOCKS:
        before, rest = text.split(begin(block), 1)
        after = rest.split(end(block), 1)[1]
        text = f"{before}{begin(block)}\n\n{table(block)}\n\n{end(block)}{after}"
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    write()

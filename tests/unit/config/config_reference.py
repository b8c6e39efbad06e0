"""The reference in docs/CONFIG.md and in vrrpd-fast.json(5), made from the Structs of schema/.

`python tests/unit/config/config_reference.py` writes both; test_config_schema.py and test_docs.py compare.
"""

from collections.abc import Iterator
from pathlib import Path

from msgspec import NODEFAULT, inspect

from vrrpd_fast.config import schema

DOCUMENT = Path(__file__).parents[3] / "docs" / "CONFIG.md"
MANUAL = DOCUMENT.parent / "man" / "vrrpd-fast.json.5"
BLOCKS = {
    "file": schema.File,
    "global_defs": schema.GlobalDefs,
    "fifo": schema.FifoEntry,
    "garp_group": schema.GarpGroup,
    "vrrp_script": schema.VrrpScript,
    "vrrp_probe": schema.VrrpProbe,
    **{f"{word} of vrrp_probe": block for word, block in schema.PROBE_KINDS.items()},
    "track_file block": schema.TrackFile,
    "vrrp_instance": schema.VrrpInstance,
    "virtual_ipaddress": schema.AddressEntry,
    "unicast_peer": schema.PeerEntry,
    "authentication": schema.Authentication,
    "notify": schema.CommandEntry,
    "track_script": schema.TrackScriptEntry,
    "track_interface": schema.TrackInterfaceEntry,
    "track_probe": schema.TrackProbeEntry,
    "track_file": schema.TrackFileEntry,
    "vrrp_track_process": schema.VrrpTrackProcess,
    "track_process": schema.TrackProcessEntry,
    "bfd_instance": schema.BfdInstance,
    "track_bfd": schema.TrackBfdEntry,
    "vrrp_sync_group": schema.VrrpSyncGroup,
}


def begin(block: str) -> str:
    return f"<!-- reference: {block} -->"


def end(block: str) -> str:
    return f"<!-- end of {block} -->"


def begin_in_manual(block: str) -> str:
    return f'.\\" reference: {block}'


def end_in_manual(block: str) -> str:
    return f'.\\" end of {block}'


def table(block: str) -> str:
    """One row per key."""
    rows = ["| key | value | default | |", "|---|---|---|---|"]
    rows += [
        f"| `{key}` | {values} | {default} | {description} |"
        for key, values, default, description in _keys(block)
    ]
    return "\n".join(rows)


def manual(block: str) -> str:
    """One paragraph per key, in the macros of man(7)."""
    lines = []
    for key, values, default, description in _keys(block):
        meaning = f"{values}; {default}" if default == "required" else f"{values}; default {default}"
        lines += [".TP", f"\\fB{key}\\fR ({_roff(meaning if default else values)})", f"{_roff(description)}."]
    return "\n".join(lines)


def _keys(block: str) -> Iterator[tuple[str, str, str, str]]:
    """Key, values, default and description."""
    kind = inspect.type_info(BLOCKS[block])
    assert isinstance(kind, inspect.StructType)
    for field in kind.fields:
        assert isinstance(field.type, inspect.Metadata)
        description = (field.type.extra_json_schema or {})["description"]
        yield field.encode_name, _values(field.type.type), _default(field), description


def _roff(text: str) -> str:
    return text.replace("\\", "\\e").replace("-", "\\-")


def _values(kind: inspect.Type) -> str:
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    match kind:
        case inspect.BoolType():
            return "flag"
        case inspect.StrType():
            return "text"
        case inspect.StructType():
            return "object"
        case inspect.DictType():
            return "object by name"
        case inspect.IntType(ge=low, le=high):
            return f"{low}..{high}"
        case inspect.FloatType(ge=low, le=high):
            return f"{low:g}..{high:g}, decimals"
        case inspect.LiteralType(values=values):
            return ", ".join(str(value) for value in sorted(values, key=str))
        case inspect.ListType(item_type=item):
            return f"list of {_several(item)}"
        case inspect.UnionType(types=kinds):
            return " or ".join(_values(one) for one in kinds)
    raise AssertionError(kind)


def _several(item: inspect.Type) -> str:
    if isinstance(item, inspect.Metadata):
        item = item.type
    match item:
        case inspect.StructType():
            return "objects"
        case inspect.StrType():
            return "texts"
        case inspect.UnionType(types=kinds):
            return " or ".join(_several(one) for one in kinds)
    return "numbers"


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    if field.default_factory is not NODEFAULT:
        return "none"
    if isinstance(field.default, bool):
        return str(field.default).lower()
    return f"{field.default:g}" if isinstance(field.default, float) else _text(field.default)


def _text(default: object) -> str:
    return "" if default is NODEFAULT else str(default)


def write() -> None:
    text, page = DOCUMENT.read_text(), MANUAL.read_text()
    for block in BLOCKS:
        text = _replace(text, begin(block), f"\n\n{table(block)}\n\n", end(block))
        page = _replace(page, begin_in_manual(block), f"\n{manual(block)}\n", end_in_manual(block))
    DOCUMENT.write_text(text)
    MANUAL.write_text(page)


def _replace(text: str, start: str, between: str, stop: str) -> str:
    before, rest = text.split(start, 1)
    return f"{before}{start}{between}{stop}{rest.split(stop, 1)[1]}"


if __name__ == "__main__":
    write()

"""What a file says as JSON that behaves the same: `vrrpctl convert` and `vrrpd-fast --check --expand`."""

import json
from typing import Any

from msgspec import Struct

from vrrpd_fast.config.conf.form import ConfForm
from vrrpd_fast.config.conf.statement import Place
from vrrpd_fast.config.form import Form, config_error, read_file
from vrrpd_fast.config.load import form_of, resolved
from vrrpd_fast.model import Finding

_WIDTH = 100
# The order at the top; inside of a block keys stand as in the file.
_TOP = (
    "net_namespace",
    "global_defs",
    "garp_group",
    "interface_up_down_delays",
    "vrrp_script",
    "vrrp_probe",
    "track_file",
    "vrrp_track_process",
    "bfd_instance",
    "vrrp_sync_group",
    "vrrp_instance",
)
_BROKEN_DEPTH = 2  # down to the names of virtual routers everything has a line of its own


class Converted(Struct, frozen=True):
    """The JSON, and what was lost or rewritten on the way."""

    text: str
    findings: list[Finding]


def convert(name: str, *, config_id: str | None = None, strict: bool = False) -> Converted:
    """The JSON form of a keepalived.conf; raises ConfigError where the daemon cannot use it either."""
    form = form_of(read_file(name), name, config_id=config_id, strict=strict)
    if not isinstance(form, ConfForm):
        raise config_error(Place(name, 1, 1), "is JSON already, there is nothing to convert")
    return _converted(form)


def expand(name: str, *, config_id: str | None = None, strict: bool = False) -> Converted:
    """A file of either form as JSON, ranges written out; raises ConfigError as load() does."""
    return _converted(form_of(read_file(name), name, config_id=config_id, strict=strict))


def _converted(form: Form) -> Converted:
    findings = resolved(form).findings
    document = {key: form.document[key] for key in _TOP if form.document.get(key)}
    return Converted(_json(document, "", 0) + "\n", findings)


def _json(value: Any, indent: str, depth: int) -> str:
    """JSON for people: what fits into a line stands in one."""
    flat = json.dumps(value, ensure_ascii=False)
    is_long = len(indent) + len(flat) > _WIDTH or depth < _BROKEN_DEPTH
    if not value or not is_long or not isinstance(value, dict | list):
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        lines = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {_json(item, inner, depth + 1)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    lines = [inner + _json(item, inner, depth + 1) for item in value]
    return "[\n" + ",\n".join(lines) + f"\n{indent}]"

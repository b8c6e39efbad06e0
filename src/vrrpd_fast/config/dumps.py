"""Where the dumps go that keepalived's signals ask for."""

import os

from vrrpd_fast import model
from vrrpd_fast.config.problems import Problems, quoted
from vrrpd_fast.config.schema import File
from vrrpd_fast.config.schema.base import stated


def dumps(file: File, problems: Problems) -> model.Dumps:
    """A directory (it ends in /) stands for the usual name in it."""
    block = file.global_defs
    data = _path(block.state_dump_file, "state_dump_file", "keepalived.data", problems)
    namespace = stated(file.net_namespace, None)
    if block.data_use_instance and namespace is not None:
        stem, suffix = os.path.splitext(data)
        data = f"{stem}.{namespace}{suffix}"
    return model.Dumps(
        data=data,
        stats=_path(block.stats_dump_file, "stats_dump_file", "keepalived.stats", problems),
        json=_path(block.json_dump_file, "json_dump_file", "keepalived.json", problems),
        json_version=block.json_version,
    )


def _path(value: str, key: str, usual: str, problems: Problems) -> str:
    if not value.startswith("/") or "\0" in value:
        problems.error(("global_defs", key), f"{quoted(value)} is not an absolute path")
    return value + usual if value.endswith("/") else value

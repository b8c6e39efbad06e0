"""Files made of Python values, for the tests of what a right one comes to."""

import json
from typing import Any

from vrrpd_fast.config.load import Loaded, load_text
from vrrpd_fast.model import Config, Instance


def load(value: Any) -> Loaded:
    return load_text(json.dumps(value), "test.json")


def config(**blocks: Any) -> Config:
    """The configuration of a file with these blocks and one instance, without any finding."""
    block = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1"]}
    loaded = load({"vrrp_instance": {"one": block}} | blocks)
    assert loaded.findings == []
    return loaded.config


def instance(**keys: Any) -> Instance:
    """The one instance of a file without any finding; `global_defs` and `scripts` are blocks beside it."""
    blocks = {"global_defs": keys.pop("global_defs", {}), "vrrp_script": keys.pop("scripts", {})}
    block = {"interface": "eth0", "virtual_router_id": 1, "virtual_ipaddress": ["10.0.0.1"]} | keys
    kept = {key: value for key, value in block.items() if value is not None}
    return config(vrrp_instance={"one": kept}, **blocks).instances["one"]

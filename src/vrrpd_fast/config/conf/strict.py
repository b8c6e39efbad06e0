"""What keepalived leaves out in strict mode."""

from typing import Any

from vrrpd_fast.config.check_strict import FORCED
from vrrpd_fast.config.conf.teller import Teller
from vrrpd_fast.config.problems import Path


def drop_forced(block: dict[str, Any], prefix: str, path: Path, tell: Teller) -> None:
    """Words of an instance, or with a prefix of global_defs, that have one value only in strict mode."""
    for word, only, reason in FORCED:
        key = prefix + word
        if block.get(key, only) != only:
            tell.dropped(block, (*path, key), f"not in strict mode, {reason}")

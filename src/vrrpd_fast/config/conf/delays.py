"""interface_up_down_delays must end before other routers take over."""

from typing import Any

from vrrpd_fast.config.conf.teller import Teller

_STEP = 0.01  # seconds that a delay stays below the limit
_LONGEST = 255  # what is longer is refused


def shorten_delays(document: dict[str, Any], tell: Teller) -> None:
    """Cut delays that last as long as others wait for adverts of an instance on the interface."""
    defaults = document.get("global_defs", {})
    shortest: dict[str, float] = {}
    for block in document.get("vrrp_instance", {}).values():
        strict = block.get("strict_mode", defaults.get("vrrp_strict", False))
        adverts = block.get("down_timer_adverts", defaults.get("vrrp_down_timer_adverts", 3))
        silence = ((3 if strict else adverts) - 1) * block.get("advert_int", 1)
        interface = block.get("interface", "")
        shortest[interface] = min(silence, shortest.get(interface, silence))
    delays = document["interface_up_down_delays"]
    for name, value in delays.items():
        limit = shortest.get(name)
        if limit is None:
            continue
        stated = value if isinstance(value, list) else [value]
        longest = max(0, round(limit - _STEP, 2))
        served = [longest if limit <= one <= _LONGEST else one for one in stated]
        if served != stated:
            tell(
                ("interface_up_down_delays", name),
                f"becomes {' '.join(f'{one:g}' for one in served)}, as keepalived cuts it: "
                f"other routers take over {limit:g} s after the last advert",
            )
            delays[name] = served if isinstance(value, list) else served[0]

"""interface_up_down_delays must end before other routers take over."""

from typing import Any

from vrrpd_fast.config.conf.teller import Teller

_LONGEST = 255  # what is longer is refused


def shorten_delays(document: dict[str, Any], versions: dict[str, int], tell: Teller) -> None:
    """Cut delays that last as long as others wait for adverts of an instance on the interface.

    `versions` are those of the instances. What is left is the wait less the shortest skew time, which is
    1/256 s in version 2 and 1/256 of the interval in version 3 (RFC 3768 6.1, RFC 9568 6.1).
    """
    defaults = document.get("global_defs", {})
    shortest: dict[str, tuple[float, float]] = {}
    for name, block in document.get("vrrp_instance", {}).items():
        strict = block.get("strict_mode", defaults.get("vrrp_strict", False))
        adverts = block.get("down_timer_adverts", defaults.get("vrrp_down_timer_adverts", 3))
        interval = block.get("advert_int", 1)
        wait = ((3 if strict else adverts) - 1) * interval
        skew = (interval if versions[name] == 3 else 1) / 256
        interface = block.get("interface", "")
        shortest[interface] = min((wait, skew), shortest.get(interface, (wait, skew)))
    delays = document["interface_up_down_delays"]
    for name, stated in delays.items():
        if name not in shortest:
            continue
        wait, skew = shortest[name]
        longest = max(0, round(wait - skew, 6))
        served = [longest if wait <= one <= _LONGEST else one for one in stated]
        if served != stated:
            tell(
                ("interface_up_down_delays", name),
                f"becomes {' '.join(f'{one:g}' for one in served)}, as keepalived cuts it: "
                f"other routers take over {wait:g} s after the last advert",
            )
            delays[name] = served

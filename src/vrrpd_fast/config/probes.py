"""vrrp_probe: what holds for all of them; probe_kinds.py has what each kind asks."""

from msgspec import UNSET

from vrrpd_fast import model
from vrrpd_fast.config.probe_kinds import KINDS
from vrrpd_fast.config.problems import Problems
from vrrpd_fast.config.schema import VrrpProbe
from vrrpd_fast.config.schema.base import stated


def probe(name: str, block: VrrpProbe, problems: Problems) -> model.Probe:
    """The probe of this name; worth nothing once `problems` has an error."""
    path = ("vrrp_probe", name)
    words = [word for word in KINDS if getattr(block, word) is not UNSET]
    kind: model.AnyProbeKind = model.UnixProbe(path="")
    if not words:
        problems.error(path, f"says nothing to ask: needs one of {', '.join(KINDS)}", at_key=True)
    for word in words[1:]:
        problems.error((*path, word), f"asks {words[0]} already; a probe has one kind", at_key=True)
    if words:
        kind = KINDS[words[0]](getattr(block, words[0]), (*path, words[0]), problems)
    timeout = stated(block.timeout, block.interval)
    if timeout > block.interval:
        problems.warning(
            (*path, "timeout"),
            f"{timeout:g} s is longer than the interval of {block.interval:g} s: a run without an answer "
            "holds up the ones after it",
            (*path, "interval"),
        )
    return model.Probe(
        name=name,
        kind=kind,
        interval=block.interval,
        timeout=timeout,
        rise=block.rise,
        fall=block.fall,
        init_fail=block.init_fail,
    )

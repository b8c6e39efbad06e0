"""The kinds of probes. Each has a module here, which is imported when a probe of it is configured.

A kind is: its settings in model/probes.py (a ProbeKind with its word as the tag), a module with
`make(settings, context) -> Check`, a line in MODULES, its keys in config/schema/probes.py, how they become
settings in config/probe_kinds.py, and its keywords in config/conf/keywords_probe.py.
"""

import importlib

from vrrpd_fast.model import AnyProbeKind
from vrrpd_fast.probe.check import Check, Context

MODULES = {
    "tcp": "stream",
    "unix": "stream",
    "http": "http",
    "https": "http",
    "systemd": "systemd",
    "icmp": "icmp",
    "dns": "dns",
    "process": "process",
    "route": "route",
    "neighbour": "neighbour",
    "gateway": "gateway",
    "value": "value",
}


def make(settings: AnyProbeKind, context: Context) -> Check:
    """The check that these settings describe."""
    module = importlib.import_module(f"{__name__}.{MODULES[settings.word]}")
    check: Check = module.make(settings, context)
    return check

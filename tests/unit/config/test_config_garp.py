"""Gratuitous ARP and unsolicited NA: defaults, instances, limits by interface."""

import pytest

from unit.config.loading import config, instance
from vrrpd_fast.model import Garp, Pacing


def test_garp_options() -> None:
    one = instance(
        garp_master_delay=0,
        garp_master_repeat=2,
        garp_master_refresh=60,
        garp_master_refresh_repeat=3,
        garp_lower_prio_delay=1.5,
        garp_lower_prio_repeat=0,
    )
    assert one.garp == Garp(
        master_delay=0.0,
        master_repeat=2,
        master_refresh=60.0,
        master_refresh_repeat=3,
        lower_prio_delay=1.5,
        lower_prio_repeat=0,
    )


def test_global_garp_options() -> None:
    defaults = {"vrrp_garp_master_delay": 2, "vrrp_garp_master_repeat": 3, "vrrp_garp_master_refresh": 9}
    assert instance(global_defs=defaults).garp == Garp(
        master_delay=2.0, master_repeat=3, master_refresh=9.0, lower_prio_delay=2.0, lower_prio_repeat=3
    )
    # The lower_prio ones follow the master ones of the instance, unless global_defs states them.
    assert instance(global_defs=defaults, garp_master_repeat=7).garp.lower_prio_repeat == 7
    defaults["vrrp_garp_lower_prio_repeat"] = 1
    assert instance(global_defs=defaults, garp_master_repeat=7).garp.lower_prio_repeat == 1


def test_min_garp_changes_what_is_not_stated() -> None:
    assert instance(global_defs={"vrrp_min_garp": True}).garp == Garp(
        master_delay=0.0, master_repeat=1, lower_prio_delay=0.0, lower_prio_repeat=1
    )
    stated = {"vrrp_min_garp": True, "vrrp_garp_master_delay": 5, "vrrp_garp_lower_prio_repeat": 2}
    assert instance(global_defs=stated).garp == Garp(master_repeat=1, lower_prio_repeat=2)
    assert instance(global_defs={"vrrp_min_garp": True}, garp_master_repeat=4).garp.master_repeat == 4


@pytest.mark.parametrize(
    ("value", "seconds"), [("all 100", 100.0), ("all  0.5", 0.5), ("all 86400", 86400.0), ("all 0", 0.0)]
)
def test_extra_if(value: str, seconds: float) -> None:
    garp = instance(garp_extra_if=value).garp
    assert (garp.extra_if, garp.extra_if_all) == (seconds, True)
    assert instance(global_defs={"vrrp_garp_extra_if": value}).garp == garp


def test_extra_if_of_the_instance_beats_the_global_one() -> None:
    assert instance(global_defs={"vrrp_garp_extra_if": "all 5"}, garp_extra_if="all 6").garp.extra_if == 6.0


def test_strict_mode_does_not_answer_a_losing_master_by_announcements() -> None:
    stated = {"vrrp_garp_lower_prio_delay": 7, "vrrp_garp_lower_prio_repeat": 7}
    garp = instance(global_defs=stated, strict_mode=True).garp
    assert (garp.lower_prio_delay, garp.lower_prio_repeat) == (0.0, 0)


def test_pacing() -> None:
    assert config().pacing == ()
    groups = [
        {"garp_interval": 0.5, "interface": "eth0"},
        {"gna_interval": 1, "interfaces": ["eth1", "eth2"]},
    ]
    assert config(garp_group=groups).pacing == (
        Pacing(interfaces=("eth0",), garp_interval=0.5),
        Pacing(interfaces=("eth1", "eth2"), gna_interval=1.0),
    )
    usual = {"vrrp_garp_interval": 0.1, "vrrp_gna_interval": 0.2}
    assert config(garp_group=groups, global_defs=usual).pacing == (
        Pacing(interfaces=("eth0",), garp_interval=0.5, gna_interval=0.2),
        Pacing(interfaces=("eth1", "eth2"), garp_interval=0.1, gna_interval=1.0),
        Pacing(garp_interval=0.1, gna_interval=0.2),
    )

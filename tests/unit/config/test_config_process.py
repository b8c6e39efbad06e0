"""How the daemon itself runs, its firewall table, and the delays of links."""

import pytest

from unit.config.loading import config
from vrrpd_fast.model import Command, Firewall, InterfaceDelay, Process


def process(**keys: object) -> Process:
    return config(global_defs=keys).process


def test_everything_is_left_as_it_is_by_default() -> None:
    assert config().process == Process()
    assert config().firewall == Firewall()
    assert config().interface_delays == {}
    assert config().dynamic_interfaces is False


def test_every_word() -> None:
    words = {
        "script_user": "root",
        "vrrp_priority": -5,
        "vrrp_rt_priority": 50,
        "vrrp_rlimit_rttime": 20000,
        "max_auto_priority": 99,
        "min_auto_priority_delay": 5000,
        "vrrp_cpu_affinity": [0, 3],
        "vrrp_no_swap": True,
        "vrrp_netlink_monitor_rcv_bufs": 1000000,
        "vrrp_netlink_monitor_rcv_bufs_force": True,
        "vrrp_rx_bufs_policy": 500000,
        "vrrp_rx_bufs_multiplier": 7,
        "vrrp_process_name": "vrrpd",
        "umask": 18,
        "vrrp_startup_delay": 1.5,
        "vrrp_delay_after_boot": 30,
        "log_unknown_vrids": True,
        "disable_local_igmp": True,
        "startup_script": "/start.sh now",
        "startup_script_timeout": 20,
        "shutdown_script": {"script": "/stop.sh", "user": "nobody nogroup"},
        "shutdown_script_timeout": 1,
    }
    assert config(net_namespace="blue", global_defs=words).process == Process(
        net_namespace="blue",
        priority=-5,
        rt_priority=50,
        rlimit_rttime_us=20000,
        max_auto_priority=99,
        min_auto_priority_delay_us=5000,
        cpu_affinity=(0, 3),
        no_swap=True,
        netlink_buffer=1000000,
        netlink_buffer_force=True,
        receive_buffer=500000,
        receive_multiplier=7,
        name="vrrpd",
        umask=0o022,
        startup_delay=1.5,
        delay_after_boot=30.0,
        log_unknown_vrids=True,
        disable_local_igmp=True,
        startup_script=Command(script="/start.sh now", user="root"),
        startup_script_timeout=20.0,
        shutdown_script=Command(script="/stop.sh", user="nobody", group="nogroup"),
        shutdown_script_timeout=1.0,
    )


@pytest.mark.parametrize("policy", ["MTU", "ADVERT"])
def test_receive_buffer_by_rule(policy: str) -> None:
    assert process(vrrp_rx_bufs_policy=policy).receive_buffer == policy.lower()


@pytest.mark.parametrize("value", [0, -1])
def test_no_automatic_priority(value: int) -> None:
    assert process(max_auto_priority=value).max_auto_priority is None


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        *[(0, 0), (511, 0o777), ("0", 0), ("18", 0o022), ("0027", 0o027), ("0x12", 0o022)],
        *[("IWGRP|IWOTH", 0o022), (" IRUSR | IWUSR | IXUSR ", 0o700), ("IRGRP", 0o040), ("IXOTH", 1)],
        ("IWGRP|IWGRP", 0o020),
    ],
)
def test_umask(value: int | str, bits: int) -> None:
    assert process(umask=value).umask == bits


def test_process_name() -> None:
    assert process(process_name="all").name == "all"
    assert process(process_name="all", vrrp_process_name="vrrp").name == "vrrp"


@pytest.mark.parametrize("value", [True, "allow_if_changes"])
def test_dynamic_interfaces(value: bool | str) -> None:
    assert config(global_defs={"dynamic_interfaces": value}).dynamic_interfaces is True


def test_firewall() -> None:
    words = {"nftables": "fence", "nftables_priority": -200, "nftables_counters": True}
    assert config(global_defs=words).firewall == Firewall(table="fence", priority=-200, counters=True)
    assert config(global_defs={"nftables": True}).firewall == Firewall()


def test_interface_delays() -> None:
    instances = {
        name: {"interface": name, "virtual_router_id": 1, "virtual_ipaddress": [f"10.0.0.{number}"]}
        for number, name in enumerate(("eth0", "eth1", "eth2"), 1)
    }
    delays = {"eth0": 1, "eth1": [0.5, 1.5], "eth2": [0.25]}
    assert config(vrrp_instance=instances, interface_up_down_delays=delays).interface_delays == {
        "eth0": InterfaceDelay(down=1.0, up=1.0),
        "eth1": InterfaceDelay(down=0.5, up=1.5),
        "eth2": InterfaceDelay(down=0.25, up=0.25),
    }

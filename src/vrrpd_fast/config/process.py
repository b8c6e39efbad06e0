"""global_defs that are about the daemon itself, its firewall table, and the delays of links."""

import re

from msgspec import UNSET, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config.addresses import interface_fault
from vrrpd_fast.config.commands import User, command_or_none
from vrrpd_fast.config.problems import Problems, quoted
from vrrpd_fast.config.schema import File, GlobalDefs
from vrrpd_fast.config.schema.base import stated

_NAME_LENGTH = 15  # TASK_COMM_LEN without the terminating zero
_UMASK_BITS = {
    f"I{right}{who}": bit << shift
    for who, shift in (("USR", 6), ("GRP", 3), ("OTH", 0))
    for right, bit in (("R", 4), ("W", 2), ("X", 1))
}
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|[0-9]+")
_TABLE = re.compile(r"[A-Za-z][A-Za-z0-9_./\\-]{0,63}")


def process(file: File, usual: User, problems: Problems) -> model.Process:
    """How the daemon runs; `usual` is who runs a script that states no user."""
    block = file.global_defs
    for key in ("vrrp_netlink_cmd_rcv_bufs", "vrrp_netlink_cmd_rcv_bufs_force", "nftables_ifindex"):
        if getattr(block, key) not in (UNSET, False):
            problems.warning(("global_defs", key), "has no effect here; leave it out")
    return model.Process(
        net_namespace=_net_namespace(file, problems),
        priority=stated(block.vrrp_priority, None),
        rt_priority=stated(block.vrrp_rt_priority, None),
        rlimit_rttime_us=stated(block.vrrp_rlimit_rttime, None),
        max_auto_priority=_max_auto_priority(block),
        min_auto_priority_delay_us=block.min_auto_priority_delay,
        cpu_affinity=tuple(block.vrrp_cpu_affinity),
        no_swap=block.vrrp_no_swap,
        netlink_buffer=stated(block.vrrp_netlink_monitor_rcv_bufs, None),
        netlink_buffer_force=block.vrrp_netlink_monitor_rcv_bufs_force,
        receive_buffer=_receive_buffer(block),
        receive_multiplier=block.vrrp_rx_bufs_multiplier,
        name=_name(block, problems),
        umask=_umask(block.umask, problems),
        startup_delay=block.vrrp_startup_delay,
        delay_after_boot=block.vrrp_delay_after_boot,
        log_unknown_vrids=block.log_unknown_vrids,
        disable_local_igmp=block.disable_local_igmp,
        startup_script=command_or_none(
            block.startup_script, usual, ("global_defs", "startup_script"), problems
        ),
        startup_script_timeout=float(block.startup_script_timeout),
        shutdown_script=command_or_none(
            block.shutdown_script, usual, ("global_defs", "shutdown_script"), problems
        ),
        shutdown_script_timeout=float(block.shutdown_script_timeout),
    )


def _net_namespace(file: File, problems: Problems) -> str | None:
    if file.net_namespace is UNSET:
        return None
    name = file.net_namespace
    if "/" in name or name in (".", "..") or not name.isprintable() or " " in name:
        problems.error(("net_namespace",), f"{quoted(name)} is not a name as `ip netns list` tells them")
    return name


def _max_auto_priority(block: GlobalDefs) -> int | None:
    """None: never; 0 and -1 both mean that, -1 also that keepalived does not remark on it."""
    value = stated(block.max_auto_priority, 0)
    return value if value > 0 else None


def _receive_buffer(block: GlobalDefs) -> int | str | None:
    policy = block.vrrp_rx_bufs_policy
    if policy is UNSET:
        return None
    return policy.lower() if isinstance(policy, str) else policy


def _name(block: GlobalDefs, problems: Problems) -> str | None:
    for key, name in (("vrrp_process_name", block.vrrp_process_name), ("process_name", block.process_name)):
        if name is UNSET:
            continue
        if len(name.encode(errors="replace")) > _NAME_LENGTH or not name.isprintable():
            problems.error(
                ("global_defs", key), f"{quoted(name)} is not a name of at most {_NAME_LENGTH} characters"
            )
        return name
    return None


def _umask(value: int | str | UnsetType, problems: Problems) -> int | None:
    """A number as keepalived reads it (octal after 0, hexadecimal after 0x), or names of bits."""
    if value is UNSET:
        return None
    if isinstance(value, int):
        return value
    text = value.strip()
    if _NUMBER.fullmatch(text):
        octal = text.startswith("0") and text.isdigit()
        try:
            bits = int(text, 8 if octal else 0)
        except ValueError:
            bits = -1
        if 0 <= bits <= 0o777:
            return bits
    words = [word.strip() for word in text.split("|")]
    if all(word in _UMASK_BITS for word in words):
        return sum({_UMASK_BITS[word] for word in words})
    problems.error(
        ("global_defs", "umask"),
        f"{quoted(value)} is not a number in 0..0777 or bits like IWGRP|IWOTH",
    )
    return None


def firewall(block: GlobalDefs, problems: Problems) -> model.Firewall:
    """The nftables table for instances without accept."""
    usual = model.Firewall()
    if block.nftables is False:
        problems.error(
            ("global_defs", "nftables"),
            "false has no meaning; leave it out: there is a table only where an instance says no_accept",
        )
    table = block.nftables if isinstance(block.nftables, str) else usual.table
    if not _TABLE.fullmatch(table):
        problems.error(("global_defs", "nftables"), f"{quoted(table)} is not a name of an nftables table")
    return model.Firewall(table=table, priority=block.nftables_priority, counters=block.nftables_counters)


def interface_delays(file: File, problems: Problems) -> dict[str, model.InterfaceDelay]:
    """interface_up_down_delays; what is left out for up is that for down (man keepalived.conf)."""
    delays = {}
    for name, value in file.interface_up_down_delays.items():
        path = ("interface_up_down_delays", name)
        if fault := interface_fault(name):
            problems.error(path, fault, at_key=True)
            continue
        pair = value if isinstance(value, list) else [value]
        if not 1 <= len(pair) <= 2:
            problems.error(path, "takes a number of seconds, or [down, up]")
            continue
        delays[name] = model.InterfaceDelay(down=pair[0], up=pair[-1])
    return delays

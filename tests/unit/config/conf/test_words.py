"""Every keyword that is served, and the value that its line comes to in the native document."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from unit.config.conf.conf_texts import document, errors, instance_text
from vrrpd_fast.config import schema
from vrrpd_fast.config.conf.keyword import (
    Block,
    Entry,
    Grammar,
    Lines,
    Named,
    Pairs,
    Refused,
    Unserved,
    Value,
    Weight,
)
from vrrpd_fast.config.conf.keywords_global import GLOBAL_DEFS
from vrrpd_fast.config.conf.keywords_group import VRRP_SYNC_GROUP
from vrrpd_fast.config.conf.keywords_instance import AUTHENTICATION, VRRP_INSTANCE
from vrrpd_fast.config.conf.keywords_top import (
    BFD_INSTANCE,
    GARP_GROUP,
    TOP,
    TRACK_FILE,
    VRRP_SCRIPT,
    VRRP_TRACK_PROCESS,
)

# keyword, the lines, and the members of the block they come to
GLOBAL: list[tuple[str, dict[str, Any]]] = [
    ("router_id r1", {"router_id": "r1"}),
    ('router_id "gw one"', {"router_id": "gw one"}),
    ("vrrp_version 3", {"vrrp_version": 3}),
    ("vrrp_mcast_group4 224.0.0.200", {"vrrp_mcast_group4": "224.0.0.200"}),
    ("vrrp_mcast_group6 ff02::112", {"vrrp_mcast_group6": "ff02::112"}),
    ("vrrp_down_timer_adverts 4", {"vrrp_down_timer_adverts": 4}),
    ("vrrp_lower_prio_no_advert", {"vrrp_lower_prio_no_advert": True}),
    ("vrrp_lower_prio_no_advert no", {"vrrp_lower_prio_no_advert": False}),
    ("vrrp_higher_prio_send_advert on", {"vrrp_higher_prio_send_advert": True}),
    ("vrrp_owner_ignore_adverts yes", {"vrrp_owner_ignore_adverts": True}),
    ("vrrp_skip_check_adv_addr", {"vrrp_skip_check_adv_addr": True}),
    ("vrrp_skip_check_adv_addr off", {"vrrp_skip_check_adv_addr": False}),
    ("vrrp_check_unicast_src", {"vrrp_check_unicast_src": True}),
    ("vrrp_strict", {"vrrp_strict": True}),
    ("vrrp_strict false", {"vrrp_strict": False}),
    ("v3_checksum_as_v2", {"v3_checksum_as_v2": True}),
    ("v3_checksum_as_v2 no", {"v3_checksum_as_v2": False}),
    ("vrrp_garp_master_delay 10", {"vrrp_garp_master_delay": 10}),
    ("vrrp_garp_master_repeat 1", {"vrrp_garp_master_repeat": 1}),
    ("vrrp_garp_master_refresh 60", {"vrrp_garp_master_refresh": 60}),
    ("vrrp_garp_master_refresh_repeat 2", {"vrrp_garp_master_refresh_repeat": 2}),
    ("vrrp_garp_lower_prio_delay 0", {"vrrp_garp_lower_prio_delay": 0}),
    ("vrrp_garp_lower_prio_repeat 0", {"vrrp_garp_lower_prio_repeat": 0}),
    ("vrrp_garp_interval 0.001", {"vrrp_garp_interval": 0.001}),
    ("vrrp_gna_interval .000001", {"vrrp_gna_interval": 0.000001}),
    ("vrrp_min_garp", {"vrrp_min_garp": True}),
    ("vrrp_garp_extra_if 100", {"vrrp_garp_extra_if": 100}),
    ("vrrp_garp_extra_if all 100", {"vrrp_garp_extra_if": "all 100"}),
    ("vrrp_vmac_garp_intvl all 60", {"vrrp_garp_extra_if": "all 60"}),
    ("script_user nobody", {"script_user": "nobody"}),
    ("script_user nobody nogroup", {"script_user": "nobody nogroup"}),
    ("script_user nobody:nogroup", {"script_user": "nobody nogroup"}),
    ("enable_script_security", {"enable_script_security": True}),
    ("notify_fifo /run/a", {"notify_fifo": "/run/a"}),
    ("notify_fifo /run/a nobody nogroup", {"notify_fifo": {"path": "/run/a", "user": "nobody nogroup"}}),
    ('notify_fifo_script "/bin/true a"', {"notify_fifo_script": "/bin/true a"}),
    ("vrrp_notify_fifo /run/b", {"vrrp_notify_fifo": "/run/b"}),
    (
        "vrrp_notify_fifo_script /bin/true nobody",
        {"vrrp_notify_fifo_script": {"script": "/bin/true", "user": "nobody"}},
    ),
    ("vrrp_notify_priority_changes true", {"vrrp_notify_priority_changes": True}),
    ("fifo_write_vrrp_states_on_reload", {"fifo_write_vrrp_states_on_reload": True}),
    ("startup_script /bin/true", {"startup_script": "/bin/true"}),
    ("startup_script_timeout 5", {"startup_script_timeout": 5}),
    ("shutdown_script /bin/true", {"shutdown_script": "/bin/true"}),
    ("shutdown_script_timeout 6", {"shutdown_script_timeout": 6}),
    ("vrrp_startup_delay 5.5", {"vrrp_startup_delay": 5.5}),
    ("vrrp_delay_after_boot 60", {"vrrp_delay_after_boot": 60}),
    ("log_unknown_vrids", {"log_unknown_vrids": True}),
    ("dynamic_interfaces", {"dynamic_interfaces": True}),
    ("dynamic_interfaces allow_if_changes", {"dynamic_interfaces": "allow_if_changes"}),
    ("disable_local_igmp", {"disable_local_igmp": True}),
    ("nftables", {"nftables": True}),
    ("nftables vips", {"nftables": "vips"}),
    ("nftables_priority -2", {"nftables_priority": -2}),
    ("nftables_counters", {"nftables_counters": True}),
    ("nftables_ifindex", {"nftables_ifindex": True}),
    ("vrrp_priority -5", {"vrrp_priority": -5}),
    ("vrrp_rt_priority 50", {"vrrp_rt_priority": 50}),
    ("max_auto_priority", {"max_auto_priority": 99}),
    ("max_auto_priority 20", {"max_auto_priority": 20}),
    ("min_auto_priority_delay 1000", {"min_auto_priority_delay": 1000}),
    ("vrrp_no_swap", {"vrrp_no_swap": True}),
    ("vrrp_cpu_affinity 0 1", {"vrrp_cpu_affinity": [0, 1]}),
    ("vrrp_netlink_monitor_rcv_bufs 1000000", {"vrrp_netlink_monitor_rcv_bufs": 1000000}),
    ("vrrp_netlink_monitor_rcv_bufs_force true", {"vrrp_netlink_monitor_rcv_bufs_force": True}),
    ("vrrp_netlink_cmd_rcv_bufs 65536", {"vrrp_netlink_cmd_rcv_bufs": 65536}),
    ("vrrp_netlink_cmd_rcv_bufs_force no", {"vrrp_netlink_cmd_rcv_bufs_force": False}),
    ("vrrp_rx_bufs_policy ADVERT", {"vrrp_rx_bufs_policy": "ADVERT"}),
    ("vrrp_rx_bufs_policy 100000", {"vrrp_rx_bufs_policy": 100000}),
    ("vrrp_rx_bufs_multiplier 5", {"vrrp_rx_bufs_multiplier": 5}),
    ("process_name vrrp", {"process_name": "vrrp"}),
    ("vrrp_process_name vrrp", {"vrrp_process_name": "vrrp"}),
    ("umask 022", {"umask": 0o022}),
    ("state_dump_file /run/k.data", {"state_dump_file": "/run/k.data"}),
    ("stats_dump_file /run/k/", {"stats_dump_file": "/run/k/"}),
    ("json_dump_file /run/k.json", {"json_dump_file": "/run/k.json"}),
    ("json_version 2", {"json_version": 2}),
    ("data_use_instance", {"data_use_instance": True}),
    ("data_use_instance no", {"data_use_instance": False}),
    ("umask 0x12", {"umask": 0x12}),
    ("umask 18", {"umask": 18}),
    ("umask IWGRP | IWOTH", {"umask": "IWGRP|IWOTH"}),
]

INSTANCE: list[tuple[str, dict[str, Any]]] = [
    ("state MASTER", {"state": "MASTER"}),
    ("interface eth1", {"interface": "eth1"}),
    ("virtual_router_id 7", {"virtual_router_id": 7}),
    ("version 3", {"version": 3}),
    ("priority 150", {"priority": 150}),
    ('priority "150"', {"priority": 150}),
    ("advert_int 2", {"advert_int": 2}),
    ("version 3\n advert_int 0.25", {"advert_int": 0.25}),
    ("virtual_ipaddress {\n 10.0.0.2/24 dev eth1\n }", {"virtual_ipaddress": ["10.0.0.2/24 dev eth1"]}),
    ("virtual_ipaddress_excluded { 2001:db8::1/64 }", {"virtual_ipaddress_excluded": ["2001:db8::1/64"]}),
    (
        "virtual_routes {\n 10.9.0.0/16 via 10.0.0.254\n blackhole 10.8.0.0/16\n }",
        {"virtual_routes": ["10.9.0.0/16 via 10.0.0.254", "blackhole 10.8.0.0/16"]},
    ),
    (
        "virtual_rules {\n from 10.9.0.0/16 table 7 preference 100\n }",
        {"virtual_rules": ["from 10.9.0.0/16 table 7 preference 100"]},
    ),
    ("promote_secondaries", {"promote_secondaries": True}),
    ("nopreempt", {"nopreempt": True}),
    ("preempt", {"nopreempt": False}),
    ("preempt_delay 4.12", {"preempt_delay": 4.12}),
    ("accept", {"accept": True}),
    ("no_accept", {"accept": False}),
    ("strict_mode on", {"strict_mode": True}),
    (
        "authentication {\n auth_type PASS\n auth_pass 1111\n }",
        {"authentication": {"auth_type": "PASS", "auth_pass": "1111"}},
    ),
    ("mcast_dst_ip 224.0.0.200", {"mcast_dst_ip": "224.0.0.200"}),
    ("mcast_src_ip 10.0.0.3", {"mcast_src_ip": "10.0.0.3"}),
    ("unicast_peer {\n 10.0.0.4\n }\n unicast_src_ip 10.0.0.3", {"unicast_src_ip": "10.0.0.3"}),
    ("mcast_src_ip 10.0.0.3\n track_src_ip", {"track_src_ip": True}),
    (
        "unicast_peer {\n 10.0.0.4 min_ttl 250\n 10.0.0.5\n }",
        {"unicast_peer": ["10.0.0.4 min_ttl 250", "10.0.0.5"]},
    ),
    ("unicast_peer { 10.0.0.4 }\n unicast_ttl 9", {"unicast_ttl": 9}),
    ("unicast_peer { 10.0.0.4 }\n check_unicast_src", {"check_unicast_src": True}),
    ("unicast_peer {\n }\n unicast_fault_no_peer", {"unicast_fault_no_peer": True, "unicast_peer": []}),
    ("down_timer_adverts 5", {"down_timer_adverts": 5}),
    ("lower_prio_no_advert", {"lower_prio_no_advert": True}),
    ("higher_prio_send_advert no", {"higher_prio_send_advert": False}),
    ("owner_ignore_adverts", {"owner_ignore_adverts": True}),
    ("skip_check_adv_addr no", {"skip_check_adv_addr": False}),
    ("v3_checksum_as_v2", {"v3_checksum_as_v2": True}),
    ("garp_master_delay 1", {"garp_master_delay": 1}),
    ("garp_master_repeat 2", {"garp_master_repeat": 2}),
    ("garp_master_refresh 60", {"garp_master_refresh": 60}),
    ("garp_master_refresh_repeat 3", {"garp_master_refresh_repeat": 3}),
    ("garp_lower_prio_delay 4", {"garp_lower_prio_delay": 4}),
    ("garp_lower_prio_repeat 0", {"garp_lower_prio_repeat": 0}),
    ("garp_extra_if all 30", {"garp_extra_if": "all 30"}),
    ("vmac_garp_intvl 30", {"garp_extra_if": 30}),
    (
        "track_interface {\n eth1\n eth2 weight -10 reverse\n }",
        {"track_interface": ["eth1", "eth2 weight -10 reverse"]},
    ),
    ("track_script {\n chk\n }", {"track_script": ["chk"]}),
    ("track_script {\n chk weight 5 noreverse\n }", {"track_script": ["chk weight 5 noreverse"]}),
    (
        'track_script {\n "a b" weight -2 reverse\n }',
        {"track_script": [{"name": "a b", "weight": -2, "reverse": True}]},
    ),
    ("track_probe {\n web\n db weight -2 reverse\n }", {"track_probe": ["web", "db weight -2 reverse"]}),
    (
        "track_file {\n load\n load2 weight -254 reverse\n }",
        {"track_file": ["load", "load2 weight -254 reverse"]},
    ),
    (
        "track_process {\n web\n db weight -254 reverse\n }",
        {"track_process": ["web", "db weight -254 reverse"]},
    ),
    ("track_bfd {\n up\n far weight -253 reverse\n }", {"track_bfd": ["up", "far weight -253 reverse"]}),
    ("dont_track_primary", {"dont_track_primary": True}),
    ("notify_master /m.sh", {"notify_master": "/m.sh"}),
    ('notify_backup "/b.sh a b"', {"notify_backup": "/b.sh a b"}),
    ("notify_fault /f.sh nobody", {"notify_fault": {"script": "/f.sh", "user": "nobody"}}),
    (
        "notify_stop '/s.sh x' nobody:nogroup",
        {"notify_stop": {"script": "/s.sh x", "user": "nobody nogroup"}},
    ),
    ("notify_deleted", {"notify_deleted": True}),
    ("notify_deleted /d.sh", {"notify_deleted": "/d.sh"}),
    ('notify "/n.sh" nobody nogroup', {"notify": {"script": "/n.sh", "user": "nobody nogroup"}}),
    ("notify_master_rx_lower_pri /l.sh", {"notify_master_rx_lower_pri": "/l.sh"}),
    ("notify_priority_changes yes", {"notify_priority_changes": True}),
    ("debug 3", {"debug": 3}),
]

SCRIPT: list[tuple[str, dict[str, Any]]] = [
    ('script "killall -0 haproxy"', {"script": "killall -0 haproxy"}),
    ("interval 2", {"interval": 2}),
    ("interval 0.5", {"interval": 0.5}),
    ("timeout 3", {"timeout": 3}),
    ("weight -20", {"weight": -20}),
    ("weight 5 reverse", {"weight": 5, "reverse": True}),
    ("rise 2", {"rise": 2}),
    ("fall 3", {"fall": 3}),
    ("user nobody nogroup", {"user": "nobody nogroup"}),
    ("init_fail", {"init_fail": True}),
    ("damping 60", {"damping": 60}),
]

TOP_LEVEL: list[tuple[str, dict[str, Any]]] = [
    (
        "vrrp_sync_group G {\n group {\n  one\n }\n}\n",
        {"vrrp_sync_group": {"G": {"group": ["one"]}}},
    ),
    ("net_namespace blue", {"net_namespace": "blue"}),
    (
        "garp_group {\n garp_interval 0.5\n gna_interval 0.25\n interface eth0\n }\n"
        "garp_group {\n interfaces {\n eth1 eth2\n eth3\n }\n }",
        {
            "garp_group": [
                {"garp_interval": 0.5, "gna_interval": 0.25, "interface": "eth0"},
                {"interfaces": ["eth1", "eth2", "eth3"]},
            ]
        },
    ),
    (
        "interface_up_down_delays {\n eth0 1.5\n eth1 1 0.25\n }",
        {"interface_up_down_delays": {"eth0": [1.5, 0], "eth1": [1, 0.25]}},
    ),
    ("global_defs {\n }", {"global_defs": {}}),
    ("vrrp_script chk {\n script /bin/true\n }", {"vrrp_script": {"chk": {"script": "/bin/true"}}}),
    ("vrrp_instance x {\n }", {"vrrp_instance": {"x": {}}}),
    (
        "vrrp_probe web {\n unix {\n path /run/web.sock\n }\n }",
        {"vrrp_probe": {"web": {"unix": {"path": "/run/web.sock"}}}},
    ),
    (
        "bfd_instance b {\n neighbor_ip 10.0.0.2\n }",
        {"bfd_instance": {"b": {"neighbor_ip": "10.0.0.2"}}},
    ),
    ("vrrp_track_process w {\n process w\n }", {"vrrp_track_process": {"w": {"process": "w"}}}),
    ('track_file load {\n file "/run/a b"\n }', {"track_file": {"load": {"file": "/run/a b"}}}),
    (
        "vrrp_track_file load {\n weight -3 reverse\n }",
        {"track_file": {"load": {"weight": -3, "reverse": True}}},
    ),
]


FILE: list[tuple[str, dict[str, Any]]] = [
    ("file /run/load", {"file": "/run/load"}),
    ("weight 300", {"weight": 300}),
    ("weight -2 reverse", {"weight": -2, "reverse": True}),
    ("init_file", {"init_file": 0}),
    ("init_file 7", {"init_file": 7}),
    ("init_file overwrite", {"init_file": "0 overwrite"}),
    ("init_file -3 overwrite", {"init_file": "-3 overwrite"}),
]
PROCESS: list[tuple[str, dict[str, Any]]] = [
    ("process haproxy", {"process": "haproxy"}),
    ("process haproxy -W -f /etc/haproxy.cfg", {"process": ["haproxy", "-W", "-f", "/etc/haproxy.cfg"]}),
    ('process "/opt/a b" "" "c d"', {"process": ["/opt/a b", "", "c d"]}),
    ('process "a b"', {"process": ["a b"]}),
    ("param_match initial", {"param_match": "initial"}),
    ("full_command", {"full_command": True}),
    ("weight 5", {"weight": 5}),
    ("weight -254 reverse", {"weight": -254, "reverse": True}),
    ("quorum 2", {"quorum": 2}),
    ("quorum_max 0", {"quorum_max": 0}),
    ("delay 1.5", {"delay": 1.5}),
    ("fork_delay 0.5", {"fork_delay": 0.5}),
    ("terminate_delay 3", {"terminate_delay": 3}),
    ("damping 60", {"damping": 60}),
]
BFD: list[tuple[str, dict[str, Any]]] = [
    ("neighbor_ip 10.0.0.2", {"neighbor_ip": "10.0.0.2"}),
    ("neighbour_ip fe80::1%eth0", {"neighbor_ip": "fe80::1%eth0"}),
    ("source_ip 10.0.0.1", {"source_ip": "10.0.0.1"}),
    ("min_rx 3.312", {"min_rx": 3.312}),
    ("min_tx 50", {"min_tx": 50}),
    ("idle_tx 2000", {"idle_tx": 2000}),
    ("multiplier 3", {"multiplier": 3}),
    ("passive", {"passive": True}),
    ("ttl 64", {"ttl": 64}),
    ("hoplimit 255", {"ttl": 255}),
    ("max_hops -1", {"max_hops": -1}),
    ("multihop", {"multihop": True}),
    ("damping 30", {"damping": 30}),
    ("weight -5 reverse", {"weight": -5, "reverse": True}),
]
SYNC_GROUP: list[tuple[str, dict[str, Any]]] = [
    ("group {\n  one\n  two\n }", {"group": ["one", "two"]}),
    ("group { one two }", {"group": ["one", "two"]}),
    ("track_interface {\n  eth1 weight 10\n }", {"track_interface": ["eth1 weight 10"]}),
    ("track_script {\n  chk\n }", {"track_script": ["chk"]}),
    ("track_probe {\n  web weight 2\n }", {"track_probe": ["web weight 2"]}),
    ("track_process {\n  web weight 2\n }", {"track_process": ["web weight 2"]}),
    ("track_bfd {\n  up weight 2\n }", {"track_bfd": ["up weight 2"]}),
    ("track_file {\n  load weight 2\n }", {"track_file": ["load weight 2"]}),
    ("global_tracking", {"sync_group_tracking_weight": True}),
    ("sync_group_tracking_weight", {"sync_group_tracking_weight": True}),
    ("notify_master /x.sh", {"notify_master": "/x.sh"}),
    ('notify_backup "/x.sh a" nobody', {"notify_backup": {"script": "/x.sh a", "user": "nobody"}}),
    ("notify_fault /x.sh", {"notify_fault": "/x.sh"}),
    ("notify_stop /x.sh", {"notify_stop": "/x.sh"}),
    ("notify /x.sh", {"notify": "/x.sh"}),
    ("notify_priority_changes yes", {"notify_priority_changes": True}),
]


def members(of: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in of.items() if key in keys}


@pytest.mark.parametrize(("line", "expected"), GLOBAL)
def test_global_defs(line: str, expected: dict[str, Any]) -> None:
    block = document(f"global_defs {{\n {line}\n}}\n")["global_defs"]
    assert block == expected


@pytest.mark.parametrize(("lines", "expected"), INSTANCE)
def test_vrrp_instance(lines: str, expected: dict[str, Any]) -> None:
    block = document(f"vrrp_instance one {{\n {lines}\n}}\n")["vrrp_instance"]["one"]
    assert members(block, expected) == expected


@pytest.mark.parametrize(("line", "expected"), SCRIPT)
def test_vrrp_script(line: str, expected: dict[str, Any]) -> None:
    assert document(f"vrrp_script chk {{\n {line}\n}}\n") == {"vrrp_script": {"chk": expected}}


@pytest.mark.parametrize(("line", "expected"), PROCESS)
def test_vrrp_track_process(line: str, expected: dict[str, Any]) -> None:
    text = f"vrrp_track_process web {{\n {line}\n}}\n"
    assert document(text) == {"vrrp_track_process": {"web": expected}}


@pytest.mark.parametrize(("line", "expected"), BFD)
def test_bfd_instance(line: str, expected: dict[str, Any]) -> None:
    assert document(f"bfd_instance up {{\n {line}\n}}\n") == {"bfd_instance": {"up": expected}}


@pytest.mark.parametrize(("line", "expected"), FILE)
def test_track_file(line: str, expected: dict[str, Any]) -> None:
    assert document(f"track_file load {{\n {line}\n}}\n") == {"track_file": {"load": expected}}


@pytest.mark.parametrize(("lines", "expected"), SYNC_GROUP)
def test_vrrp_sync_group(lines: str, expected: dict[str, Any]) -> None:
    assert document(f"vrrp_sync_group G {{\n {lines}\n}}\n") == {"vrrp_sync_group": {"G": expected}}


@pytest.mark.parametrize(("text", "expected"), TOP_LEVEL)
def test_top(text: str, expected: dict[str, Any]) -> None:
    assert members(document(text), expected) == expected


def is_served(entry: Entry) -> bool:
    return not isinstance(entry, Unserved | Refused | Grammar)


def first_words(cases: list[tuple[str, dict[str, Any]]]) -> set[str]:
    return {word for lines, _ in cases for word in re.findall(r"^ *(\w+)", lines, re.MULTILINE)}


@pytest.mark.parametrize(
    ("table", "cases"),
    [
        (GLOBAL_DEFS, GLOBAL),
        (VRRP_INSTANCE, INSTANCE),
        (AUTHENTICATION, INSTANCE),
        (VRRP_SCRIPT, SCRIPT),
        (TOP, TOP_LEVEL),
        (GARP_GROUP, TOP_LEVEL),
        (VRRP_SYNC_GROUP, SYNC_GROUP),
        (TRACK_FILE, FILE),
        (VRRP_TRACK_PROCESS, PROCESS),
        (BFD_INSTANCE, BFD),
    ],
    ids=[
        *("global_defs", "vrrp_instance", "authentication", "vrrp_script", "top", "garp_group"),
        *("vrrp_sync_group", "track_file", "vrrp_track_process", "bfd_instance"),
    ],
)
def test_no_served_word_is_left_untried(table: dict[str, Entry], cases: list[tuple[str, Any]]) -> None:
    assert {word for word, entry in table.items() if is_served(entry)} <= first_words(cases)


def keys_of(block: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(block)}


def native_keys(table: dict[str, Entry]) -> Iterator[str]:
    """The keys of the native document that a table can set."""
    for word, entry in table.items():
        if isinstance(entry, Value | Named):
            yield entry.key or word
        elif isinstance(entry, Weight):
            yield from ("weight", "reverse")
        elif isinstance(entry, Lines | Pairs | Block) or is_served(entry):
            yield word


@pytest.mark.parametrize(
    ("table", "block", "only_json"),
    [
        (TOP, schema.File, {"$schema"}),
        (GLOBAL_DEFS, schema.GlobalDefs, {"checksum", "check_addresses", "vrrp_rlimit_rttime"}),
        (VRRP_INSTANCE, schema.VrrpInstance, {"checksum", "check_addresses", "no_accept", "range"}),
        (VRRP_SCRIPT, schema.VrrpScript, {"range"}),
        (AUTHENTICATION, schema.Authentication, set()),
        (GARP_GROUP, schema.GarpGroup, set()),
        (VRRP_SYNC_GROUP, schema.VrrpSyncGroup, set()),
        (TRACK_FILE, schema.TrackFile, {"range"}),
        (VRRP_TRACK_PROCESS, schema.VrrpTrackProcess, {"range"}),
        (BFD_INSTANCE, schema.BfdInstance, {"range"}),
    ],
    ids=[
        *("top", "global_defs", "vrrp_instance", "vrrp_script", "authentication", "garp_group"),
        *("vrrp_sync_group", "track_file", "vrrp_track_process", "bfd_instance"),
    ],
)
def test_words_and_keys_of_the_schema_are_the_same(
    table: dict[str, Entry], block: type[msgspec.Struct], only_json: set[str]
) -> None:
    assert set(native_keys(table)) == keys_of(block) - only_json


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("priority", "needs a whole number"),
        ("priority 0x10", '"0x10" is not a whole number'),
        ("priority 10s", '"10s" is not a whole number; numbers have no unit here'),
        ("priority 1.5", '"1.5" is not a whole number; decimals are not possible here'),
        ("advert_int 0,5", '"0,5" is not a number; decimals are written with a point'),
        ("priority 100 200", '"200" is one word too many: every keyword has a line of its own'),
        ("priority = 100", "a keyword and its value have a blank between them and no ="),
        ("priority 100;", '"100;" is not a whole number; take the ; away'),
        (
            "nopreempt yes",
            '"yes" is one word too many: this keyword stands alone, and holds by being there',
        ),
        ("lower_prio_no_advert True", '"True" is not one of true, on, yes, false, off, no; write true'),
        ("priority 100 {\n }", "has no block { }"),
        ("virtual_ipaddress_excluded 10.0.0.5", "needs a block { }"),
        ("virtual_ipaddress_excluded x {\n }", '"x" is one word too many before the "{"'),
        (
            "notify_master /x.sh a b c",
            '"c" is one word too many: a user and a group may follow, arguments of the script stand with it '
            "in double quotes",
        ),
        ('track_interface { "" }', "a pair of quotes with nothing between them is no value"),
        ('virtual_routes { "10.9.0.0/16 via" }', '"10.9.0.0/16 via": a blank inside this word is not served'),
        ("prioritty 100", 'unknown keyword; did you mean "priority"?'),
    ],
)
def test_a_value_that_is_none(line: str, message: str) -> None:
    word = line.split()[0]
    assert f"3: vrrp_instance one: {word}: {message}" in errors(instance_text(line, "interface eth0"))


def test_a_word_of_another_block() -> None:
    (error,) = errors("global_defs {\n priority 100\n}\n")
    assert error == (
        "2: global_defs: priority: unknown keyword in here: priority belongs into vrrp_instance { }"
    )

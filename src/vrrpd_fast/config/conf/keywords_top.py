"""The keywords that stand outside of all blocks, and those of the smaller blocks."""

from vrrpd_fast.config.conf import values
from vrrpd_fast.config.conf.keyword import (
    Block,
    Lines,
    Named,
    Pairs,
    Repeated,
    Table,
    Unserved,
    Value,
    Weight,
    first,
)
from vrrpd_fast.config.conf.keywords_global import GLOBAL_DEFS
from vrrpd_fast.config.conf.keywords_group import VRRP_SYNC_GROUP
from vrrpd_fast.config.conf.keywords_instance import VRRP_INSTANCE
from vrrpd_fast.config.conf.keywords_probe import VRRP_PROBE

_STATIC = "it is not set; the network configuration of the machine can do that"
_LVS = "there is no load balancing (LVS) here; keepalived -C can go on doing it"
_FILES = "there are no pid files; a service manager knows the process"

VRRP_SCRIPT: Table = {
    "script": Value(values.script),
    "interval": Value(values.decimal),
    "timeout": Value(values.decimal),
    "weight": Weight(),
    "rise": Value(values.whole),
    "fall": Value(values.whole),
    "user": Value(values.user),
    "init_fail": Value(values.flag),
    "damping": Value(values.decimal),  # ours
}

TRACK_FILE: Table = {
    "file": Value(values.text),
    "weight": Weight(),
    "init_file": Value(values.initial),
}

VRRP_TRACK_PROCESS: Table = {
    "process": Value(values.words_of_command),
    "param_match": Value(values.text),
    "weight": Weight(),
    "quorum": Value(values.whole),
    "quorum_max": Value(values.whole),
    "delay": Value(values.decimal),
    "fork_delay": Value(values.decimal),
    "terminate_delay": Value(values.decimal),
    "full_command": Value(values.flag),
    "damping": Value(values.decimal),  # ours
}

BFD_INSTANCE: Table = {
    "neighbor_ip": Value(values.text),
    "neighbour_ip": Value(values.text, key="neighbor_ip"),
    "source_ip": Value(values.text),
    "min_rx": Value(values.decimal),
    "min_tx": Value(values.decimal),
    "idle_tx": Value(values.decimal),
    "multiplier": Value(values.whole),
    "passive": Value(values.flag),
    "ttl": Value(values.whole),
    "hoplimit": Value(values.whole, key="ttl"),
    "max_hops": Value(values.whole),
    "multihop": Value(values.flag),
    "weight": Weight(),
    "damping": Value(values.decimal),  # ours
    "vrrp": Unserved("there is no other process that could be told"),
    "checker": Unserved("there is no load balancing (LVS) here; virtual routers that track it are told"),
}

GARP_GROUP: Table = {
    "garp_interval": Value(values.decimal),
    "gna_interval": Value(values.decimal),
    "interface": Value(values.text),
    "interfaces": Lines(values.text, words=True),
}

TOP: Table = {
    "global_defs": Block(GLOBAL_DEFS),
    "vrrp_script": Named(VRRP_SCRIPT),
    "vrrp_probe": Named(VRRP_PROBE),
    "track_file": Named(TRACK_FILE),
    "vrrp_track_file": Named(TRACK_FILE, key="track_file"),
    "vrrp_track_process": Named(VRRP_TRACK_PROCESS),
    "bfd_instance": Named(BFD_INSTANCE),
    "vrrp_sync_group": Named(VRRP_SYNC_GROUP),
    "vrrp_instance": Named(VRRP_INSTANCE),
    "garp_group": Repeated(GARP_GROUP),
    "interface_up_down_delays": Pairs(values.delays),
    "net_namespace": Value(values.text, keeps=first),
    # What VRRP does without
    "static_ipaddress": Unserved(_STATIC),
    "static_routes": Unserved(_STATIC),
    "static_rules": Unserved(_STATIC),
    "track_group": Unserved("it is for static addresses, routes and rules, which are not served"),
    "linkbeat_interfaces": Unserved("the kernel tells when a link changes; nothing is polled"),
    "linkbeat_use_polling": Unserved("the kernel tells when a link changes; nothing is polled"),
    "net_namespace_ipvs": Unserved(_LVS),
    "namespace_with_ipsets": Unserved("nftables is used where a firewall is needed, ipsets are not"),
    "instance": Unserved("several daemons on a machine are told apart by their --socket"),
    "use_pid_dir": Unserved(_FILES),
    "child_wait_time": Unserved("a stop waits until everything is withdrawn"),
    "virtual_server": Unserved(_LVS),
    "virtual_server_group": Unserved(_LVS),
    "SSL": Unserved(_LVS),
}

"""The tables of words in docs/KEEPALIVED.md, made from the tables of keywords and from what stands here.

`python tests/unit/config/conf/keepalived_reference.py` writes them, with the scenarios of tests/lab/compare
that try a word; test_keepalived_document.py holds the document to both.
"""

import sys
from pathlib import Path

import msgspec

from vrrpd_fast.config import schema
from vrrpd_fast.config.conf.keyword import Entry, Grammar, Refused, Table, Unserved, Value
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
from vrrpd_fast.config.words import meaning, words_of

DOCUMENT = Path(__file__).parents[4] / "docs" / "KEEPALIVED.md"
TABLES: dict[str, Table] = {
    "top": TOP,
    "global_defs": GLOBAL_DEFS,
    "vrrp_instance": VRRP_INSTANCE,
    "authentication": AUTHENTICATION,
    "vrrp_script": VRRP_SCRIPT,
    "track_file": TRACK_FILE,
    "vrrp_track_process": VRRP_TRACK_PROCESS,
    "bfd_instance": BFD_INSTANCE,
    "garp_group": GARP_GROUP,
    "vrrp_sync_group": VRRP_SYNC_GROUP,
}
READING = "`conf/test_words.py`"

# What there is to say about a served word; with a name in front where it is served differently.
DIFFERENTLY = {
    ("global_defs", "vrrp_skip_check_adv_addr"): "`no` means no; keepalived switches it on all the same",
    ("global_defs", "v3_checksum_as_v2"): "`no` means no, and both checksums are accepted in any case",
    ("global_defs", "vrrp_strict"): "as the man page has it: also what 2.2.7 lets pass is refused, see below",
    ("global_defs", "vrrp_netlink_cmd_rcv_bufs"): "without effect: requests are answered one by one",
    ("global_defs", "vrrp_netlink_cmd_rcv_bufs_force"): "without effect",
    ("global_defs", "nftables"): "the table is called vrrpd-fast where the word has no name",
    ("global_defs", "nftables_ifindex"): "without effect: rules name interfaces where they need one",
    ("global_defs", "notify_fifo"): "one reader may stay over reloads; lines wait for a slow one (NOTIFY.md)",
    ("global_defs", "vrrp_notify_fifo"): "as notify_fifo; a second FIFO with the same lines",
    ("global_defs", "process_name"): "there is one process; vrrp_process_name comes first",
    ("global_defs", "vrrp_min_garp"): "`no` means no",
    ("vrrp_instance", "virtual_ipaddress"): "required; an address that stands twice is one, see below",
    ("vrrp_instance", "skip_check_adv_addr"): "`no` means no; keepalived switches it on all the same",
    ("vrrp_instance", "v3_checksum_as_v2"): "`no` means no, and both checksums are accepted in any case",
    ("vrrp_instance", "strict_mode"): "as vrrp_strict",
    (
        "vrrp_instance",
        "debug",
    ): "accepted without effect, as in keepalived; --log-level tells how much is logged",
    ("vrrp_instance", "track_script"): "the script may stand below, where keepalived does not look",
    ("authentication", "auth_type"): "PASS; AH is refused: the other routers would not know us",
    ("vrrp_instance", "track_file"): "the block may stand below, where keepalived does not look",
    ("vrrp_instance", "track_process"): "the block may stand below, where keepalived does not look",
    ("top", "vrrp_track_process"): "counts in every network namespace, keepalived in the initial one only",
    ("vrrp_track_process", "delay"): "fork_delay and terminate_delay count before it in any order",
    ("vrrp_instance", "track_bfd"): "the block may stand below",
    ("bfd_instance", "neighbor_ip"): "also a link-local one with its interface, fe80::1%eth0",
    ("bfd_instance", "hoplimit"): "255 if unset, as RFC 5881 wants it; keepalived's 64 is accepted",
    ("vrrp_script", "script"): "one word; missing or not executable it failed, in keepalived it is as before",
    ("top", "net_namespace"): "the namespace has to exist; no directory is mounted over",
}
REMARKS = {
    ("global_defs", "vrrp_vmac_garp_intvl"): "old name of vrrp_garp_extra_if",
    ("global_defs", "vrrp_delay_after_boot"): "of later versions",
    ("global_defs", "vrrp_owner_ignore_adverts"): "of later versions",
    ("global_defs", "v3_checksum_as_v2"): "of later versions",
    ("top", "interface_up_down_delays"): "without an up delay there is none, as in 2.2.7 against its manual",
    ("vrrp_instance", "vmac_garp_intvl"): "old name of garp_extra_if",
    ("vrrp_instance", "preempt"): "the default; undoes nopreempt",
    ("vrrp_instance", "no_accept"): "accept false in JSON",
    ("vrrp_instance", "owner_ignore_adverts"): "of later versions",
    ("vrrp_instance", "track_probe"): "ours",
    ("vrrp_sync_group", "track_probe"): "ours",
    ("vrrp_instance", "mcast_src_ip"): "with unicast_peer the same as unicast_src_ip",
    ("vrrp_instance", "unicast_src_ip"): "without unicast_peer the same as mcast_src_ip",
    ("vrrp_instance", "state"): "MASTER without priority means 255; no other effect",
    ("authentication", "auth_pass"): "the first 8 bytes count",
    ("top", "vrrp_probe"): "ours, keepalived has no such block: [PROBES.md](PROBES.md)",
    ("top", "vrrp_track_file"): "old name of track_file",
    ("track_file", "init_file"): "written when tracking begins: at a start, and at a reload that adds it",
    ("vrrp_sync_group", "global_tracking"): "what is left of it in 2.2.7: sync_group_tracking_weight",
    ("vrrp_script", "damping"): "ours",
    ("vrrp_track_process", "damping"): "ours",
    ("vrrp_track_process", "process"): "a list of words in JSON",
    ("vrrp_track_process", "quorum_max"): "0 means none may run",
    ("bfd_instance", "neighbour_ip"): "the same as neighbor_ip",
    ("bfd_instance", "damping"): "ours",
    ("bfd_instance", "hoplimit"): "the same as ttl",
    ("bfd_instance", "multihop"): "of later versions",
    ("bfd_instance", "max_hops"): "any if unset with multihop",
}
# What holds a word that no scenario tries: files below tests/.
BEHAVIOUR = {
    "lab/test_notify.py": """
        script_user enable_script_security notify_fifo_script vrrp_notify_fifo_script startup_script
        fifo_write_vrrp_states_on_reload startup_script_timeout shutdown_script shutdown_script_timeout
    """,
    "lab/test_process.py": """
        net_namespace disable_local_igmp vrrp_priority vrrp_rt_priority vrrp_no_swap vrrp_cpu_affinity umask
        process_name vrrp_process_name
    """,
    "lab/test_no_accept.py": "nftables nftables_priority nftables_counters",
    "unit/config/test_config_dumps.py": """
        state_dump_file stats_dump_file json_dump_file data_use_instance json_version
    """,
    "lab/test_track_file.py": "track_file vrrp_track_file file weight init_file",
    "lab/test_track_process.py": """
        vrrp_track_process track_process process param_match quorum quorum_max delay fork_delay
        terminate_delay full_command
    """,
    "lab/test_bfd.py": """
        bfd_instance track_bfd neighbor_ip neighbour_ip source_ip min_rx min_tx idle_tx multiplier ttl
        hoplimit max_hops multihop passive
    """,
    "lab/test_tracking.py": "interval weight user",
    "unit/track/test_script.py": "timeout init_fail",
    "unit/test_scheduling.py": "max_auto_priority min_auto_priority_delay",
    "unit/test_start.py": "vrrp_delay_after_boot",
    "unit/test_fleet.py": "log_unknown_vrids",
    "unit/engine/test_sockets.py": "vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier",
    "unit/carry/test_pacing.py": "garp_interval gna_interval interfaces",
    "unit/test_router.py": "track_src_ip",
    "machine/test_active.py": "owner_ignore_adverts vrrp_owner_ignore_adverts v3_checksum_as_v2",
    "lab/test_mixed_pair.py": "auth_type auth_pass",
    "unit/test_groups.py": "vrrp_sync_group group",
    "unit/config/test_config_groups.py": "sync_group_tracking_weight global_tracking",
}
# The work that will serve a refused word.
WORK = {
    "use_vmac": "virtual MACs",
    "use_vmac_addr": "virtual MACs",
    "vmac_xmit_base": "virtual MACs",
    "use_ipvlan": "virtual MACs",
    "vrf": "virtual MACs",
    "auth_hmac": "authentication of later versions",
    "no_virtual_ipaddress": "cloud routers without addresses",
}
TRACKING = "tracking"

# Entries of lists: block, what its lines are, and remarks on their words.
ENTRIES = (
    ("virtual_ipaddress", schema.AddressEntry),
    ("unicast_peer", schema.PeerEntry),
    ("track_script", schema.TrackScriptEntry),
    ("track_interface", schema.TrackInterfaceEntry),
    ("track_file", schema.TrackFileEntry),
    ("track_process", schema.TrackProcessEntry),
    ("track_bfd", schema.TrackBfdEntry),
)
ENTRY_REMARKS = {"reverse": "and noreverse"}


def row(block: str, word: str, entry: Entry, tests: str) -> str:
    """`| word | here | how, or what comes of it | tests |`"""
    here, remark = _status(block, word, entry)
    return f"| `{word}` | {here} | {remark} | {tests} |"


def _status(block: str, word: str, entry: Entry) -> tuple[str, str]:
    remark = REMARKS.get((block, word), "")
    match entry:
        case Unserved():
            return "left out", entry.consequence
        case Refused():
            return "not yet", f"{WORK.get(word, TRACKING)}; {entry.consequence}"
        case Grammar():
            return "served", "while the file is read"
        case Value(key=str()) if not remark:
            remark = f"{entry.key} in JSON"
    if (block, word) in DIFFERENTLY:
        return "differently", "; ".join(filter(None, [remark, DIFFERENTLY[block, word]]))
    return "served", remark


def table(block: str, scenarios: dict[str, list[str]]) -> str:
    """All words of one block, in the order of the code."""
    rows = ["| word | here | how, or what comes of it | tests |", "|---|---|---|---|"]
    for word, entry in TABLES[block].items():
        if isinstance(entry, Unserved | Refused | Grammar):
            tests = "`conf/test_unserved.py`"
        else:
            names = scenarios.get(word) or [
                name for name, words in BEHAVIOUR.items() if word in words.split()
            ]
            tests = ", ".join([f"`{name}`" for name in names] + [READING])
        rows.append(row(block, word, entry, tests))
    return "\n".join(rows)


def entry_table() -> str:
    """The words of entries that are one line."""
    rows = ["| list | word | here | |", "|---|---|---|---|"]
    for block, entry in ENTRIES:
        words = [field.encode_name for field in msgspec.structs.fields(entry)][1:]
        rows += [f"| `{block}` | `{word}` | served | {ENTRY_REMARKS.get(word, '')} |" for word in words]
        rows += [
            f"| `{block}` | `{word}` | refused | {meaning(entry, word)} |"
            for word in sorted(set(words_of(entry)) - set(words))
        ]
    return "\n".join(rows)


def begin(block: str) -> str:
    return f"<!-- words: {block} -->"


def end(block: str) -> str:
    return f"<!-- end of words: {block} -->"


def scenarios_by_word() -> dict[str, list[str]]:
    """Names of the scenarios of tests/lab/compare that try a word."""
    from lab.compare.scenarios.table import SCENARIOS

    found: dict[str, list[str]] = {}
    for scenario in SCENARIOS:
        for word in scenario.options:
            found.setdefault(word, []).append(scenario.name)
    return found


def write() -> None:
    text = DOCUMENT.read_text()
    scenarios = scenarios_by_word()
    tables = {block: table(block, scenarios) for block in TABLES}
    for block, rows in (tables | {"entries": entry_table()}).items():
        before, rest = text.split(begin(block), 1)
        text = f"{before}{begin(block)}\n\n{rows}\n\n{end(block)}{rest.split(end(block), 1)[1]}"
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))  # tests/, where pytest looks too
    write()

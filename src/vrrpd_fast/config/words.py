"""Words of keepalived that have a meaning this file form cannot give them (yet): told apart from typos."""

from msgspec import Struct

from vrrpd_fast.config import schema

_TOP = """
    vrrp_sync_group track_file vrrp_track_file vrrp_track_process bfd_instance static_ipaddress
    static_routes static_rules track_group linkbeat_interfaces net_namespace_ipvs namespace_with_ipsets
    instance use_pid_dir linkbeat_use_polling child_wait_time include virtual_server virtual_server_group
"""

_GLOBAL = """
    vrrp_vmac_garp_intvl default_interface vmac_prefix vmac_addr_prefix vrrp_iptables vrrp_ipsets
    vrrp_rlimit_rtime process_monitor_rcv_bufs process_monitor_rcv_bufs_force
    use_symlink_paths set_supplementary_groups smtp_server notification_email notification_email_from
    smtp_helo_name smtp_connect_timeout smtp_alert smtp_alert_vrrp no_email_faults snmp_socket
    enable_traps enable_snmp_vrrp enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_dbus
    dbus_service_name dbus_no_interface_name process_names state_dump_file stats_dump_file json_dump_file
    data_use_instance json_version reload_check_config reload_time_file reload_repeat reload_file
    include_check config_save_dir tmp_config_directory random_seed iproute_usr_dir iproute_etc_dir
    lvs_sync_daemon
"""

_INSTANCE = """
    vrf no_virtual_ipaddress use_vmac use_vmac_addr vmac_xmit_base use_ipvlan old_unicast_checksum
    track_file track_process track_bfd vmac_garp_intvl timer_expired_backup thread_timer_expired
    smtp_alert kernel_rx_buf_size auth_hmac linkbeat_use_polling native_ipv6 lvs_sync_daemon_interface
"""

_ADDRESS = """
    use_vmac track_group
"""


class BlockWords(Struct, frozen=True):
    """What to say of a key that one kind of block does not have."""

    unserved: frozenset[str]
    advice: dict[str, str] = {}


_NONE = BlockWords(frozenset())

_WORDS: dict[type, BlockWords] = {
    schema.File: BlockWords(frozenset(_TOP.split())),
    schema.GlobalDefs: BlockWords(frozenset(_GLOBAL.split())),
    schema.VrrpInstance: BlockWords(
        frozenset(_INSTANCE.split()),
        {
            "preempt": "preempting is the default, nopreempt switches it off",
        },
    ),
    schema.AddressEntry: BlockWords(frozenset(_ADDRESS.split())),
}

UNSERVED_ADDRESS_WORDS = _WORDS[schema.AddressEntry].unserved


def words_of(block: type) -> BlockWords:
    """Unserved words and advice for one of the Structs of schema.py."""
    return _WORDS.get(block, _NONE)

"""Words of keepalived that have a meaning this file form cannot give them (yet): told apart from typos."""

from msgspec import Struct

from vrrpd_fast.config import schema

_TOP = """
    vrrp_sync_group track_file vrrp_track_file vrrp_track_process bfd_instance static_ipaddress static_routes
    static_rules track_group garp_group linkbeat_interfaces interface_up_down_delays net_namespace
    net_namespace_ipvs namespace_with_ipsets instance use_pid_dir linkbeat_use_polling child_wait_time include
    virtual_server virtual_server_group
"""

_GLOBAL = """
    vrrp_garp_interval vrrp_gna_interval vrrp_min_garp vrrp_garp_extra_if vrrp_vmac_garp_intvl
    vrrp_higher_prio_send_advert vrrp_check_unicast_src vrrp_strict vrrp_owner_ignore_adverts
    vrrp_startup_delay vrrp_delay_after_boot log_unknown_vrids dynamic_interfaces default_interface
    disable_local_igmp vmac_prefix vmac_addr_prefix vrrp_iptables vrrp_ipsets nftables nftables_priority
    nftables_ifindex nftables_counters vrrp_priority vrrp_rt_priority vrrp_rlimit_rttime vrrp_rlimit_rtime
    vrrp_no_swap vrrp_cpu_affinity max_auto_priority min_auto_priority_delay vrrp_netlink_cmd_rcv_bufs
    vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force
    process_monitor_rcv_bufs process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier
    notify_fifo notify_fifo_script vrrp_notify_fifo vrrp_notify_fifo_script vrrp_notify_priority_changes
    fifo_write_vrrp_states_on_reload enable_script_security use_symlink_paths set_supplementary_groups
    startup_script startup_script_timeout shutdown_script shutdown_script_timeout smtp_server
    notification_email notification_email_from smtp_helo_name smtp_connect_timeout smtp_alert
    smtp_alert_vrrp no_email_faults snmp_socket enable_traps enable_snmp_vrrp enable_snmp_rfc
    enable_snmp_rfcv2 enable_snmp_rfcv3 enable_dbus dbus_service_name dbus_no_interface_name process_names
    process_name vrrp_process_name umask state_dump_file stats_dump_file json_dump_file data_use_instance
    json_version reload_check_config reload_time_file reload_repeat reload_file include_check
    config_save_dir tmp_config_directory random_seed iproute_usr_dir iproute_etc_dir lvs_sync_daemon
"""

_INSTANCE = """
    vrf no_virtual_ipaddress promote_secondaries virtual_routes virtual_rules use_vmac use_vmac_addr
    vmac_xmit_base use_ipvlan unicast_fault_no_peer unicast_ttl check_unicast_src old_unicast_checksum
    mcast_dst_ip track_src_ip dont_track_primary track_file track_process track_bfd no_accept garp_extra_if
    vmac_garp_intvl timer_expired_backup thread_timer_expired higher_prio_send_advert owner_ignore_adverts
    strict_mode notify_priority_changes notify_master notify_backup notify_fault notify_stop notify_deleted
    notify notify_master_rx_lower_pri smtp_alert kernel_rx_buf_size authentication auth_hmac
    linkbeat_use_polling native_ipv6 lvs_sync_daemon_interface debug
"""

_ADDRESS = """
    use_vmac peer home -nodad mngtmpaddr noprefixroute autojoin no_track preferred_lft track_group
"""


class BlockWords(Struct, frozen=True):
    """What to say of a key that one kind of block does not have."""

    unserved: frozenset[str]
    advice: dict[str, str] = {}


_NONE = BlockWords(frozenset())

_WORDS: dict[type, BlockWords] = {
    schema.File: BlockWords(frozenset(_TOP.split())),
    schema.GlobalDefs: BlockWords(
        frozenset(_GLOBAL.split()),
        {
            "vrrp_skip_check_adv_addr": "in version 3 an advert that lists other addresses is accepted, "
            'unless the instance says check_addresses "strict"; version 2 refuses it (RFC 3768 7.1)',
        },
    ),
    schema.VrrpInstance: BlockWords(
        frozenset(_INSTANCE.split()),
        {
            "preempt": "preempting is the default, nopreempt switches it off",
            "skip_check_adv_addr": "in version 3 an advert that lists other addresses is accepted anyway, "
            'unless check_addresses is "strict"; version 2 refuses it (RFC 3768 7.1)',
        },
    ),
    schema.AddressEntry: BlockWords(frozenset(_ADDRESS.split())),
}

UNSERVED_ADDRESS_WORDS = _WORDS[schema.AddressEntry].unserved


def words_of(block: type) -> BlockWords:
    """Unserved words and advice for one of the Structs of schema.py."""
    return _WORDS.get(block, _NONE)

"""The keywords of global_defs."""

from vrrpd_fast.config.conf import values
from vrrpd_fast.config.conf.keyword import Grammar, Table, Unserved, Value, first

_MAIL = "no mail is sent; let notify scripts or vrrp_notify_fifo tell"
_SNMP = "there is no SNMP agent; vrrpctl status --json tells the same"
_DBUS = "there is no D-Bus service; vrrpctl status --json tells the same"
_LVS = "there is no load balancing (LVS) here"
_ONE_PROCESS = "there is one process, and the vrrp_ word for it is served"
_NO_IPTABLES = "nftables is used where a firewall is needed, iptables is not"
_NO_VMAC = "no VMAC is made, so none is named"
_RELOAD = "a reload that finds an error changes nothing, and it is asked for by SIGHUP or vrrpctl reload"
_RTTIME = (
    "the limit of real-time runs was chosen for another program, and a reload may take longer; "
    "the JSON form has the word"
)
_IPROUTE = "the kernel's tables of names are read where iproute2 has them"
_PROCESSES = "processes are not tracked yet, so nothing is heard of them"

GLOBAL_DEFS: Table = {
    "router_id": Value(values.text),
    # Defaults of instances
    "vrrp_version": Value(values.whole),
    "vrrp_mcast_group4": Value(values.text),
    "vrrp_mcast_group6": Value(values.text),
    "vrrp_down_timer_adverts": Value(values.whole),
    "vrrp_lower_prio_no_advert": Value(values.boolean),
    "vrrp_higher_prio_send_advert": Value(values.boolean),
    "vrrp_owner_ignore_adverts": Value(values.boolean),
    "vrrp_skip_check_adv_addr": Value(values.boolean),
    "vrrp_check_unicast_src": Value(values.flag),
    "vrrp_strict": Value(values.boolean),
    "v3_checksum_as_v2": Value(values.boolean),
    # Gratuitous ARP and unsolicited NA
    "vrrp_garp_master_delay": Value(values.whole),
    "vrrp_garp_master_repeat": Value(values.whole),
    "vrrp_garp_master_refresh": Value(values.whole),
    "vrrp_garp_master_refresh_repeat": Value(values.whole),
    "vrrp_garp_lower_prio_delay": Value(values.whole),
    "vrrp_garp_lower_prio_repeat": Value(values.whole),
    "vrrp_garp_interval": Value(values.decimal),
    "vrrp_gna_interval": Value(values.decimal),
    "vrrp_min_garp": Value(values.boolean),
    "vrrp_garp_extra_if": Value(values.extra_interfaces),
    "vrrp_vmac_garp_intvl": Value(values.extra_interfaces, key="vrrp_garp_extra_if"),
    # Scripts and FIFOs
    "script_user": Value(values.user),
    "enable_script_security": Value(values.flag),
    "notify_fifo": Value(values.fifo, keeps=first),
    "notify_fifo_script": Value(values.command, keeps=first),
    "vrrp_notify_fifo": Value(values.fifo, keeps=first),
    "vrrp_notify_fifo_script": Value(values.command, keeps=first),
    "vrrp_notify_priority_changes": Value(values.boolean),
    "fifo_write_vrrp_states_on_reload": Value(values.flag),
    "startup_script": Value(values.command, keeps=first),
    "startup_script_timeout": Value(values.whole),
    "shutdown_script": Value(values.command, keeps=first),
    "shutdown_script_timeout": Value(values.whole),
    "use_symlink_paths": Unserved("script security follows links and judges both paths"),
    "set_supplementary_groups": Unserved("a script has the groups of its user"),
    # Start, links, firewall
    "vrrp_startup_delay": Value(values.decimal),
    "vrrp_delay_after_boot": Value(values.decimal),
    "log_unknown_vrids": Value(values.flag),
    "dynamic_interfaces": Value(values.optional(values.text, True)),
    "disable_local_igmp": Value(values.flag),
    "nftables": Value(values.optional(values.text, True)),
    "nftables_priority": Value(values.whole),
    "nftables_counters": Value(values.flag),
    "nftables_ifindex": Value(values.flag),
    "vrrp_iptables": Unserved(_NO_IPTABLES),
    "vrrp_ipsets": Unserved(_NO_IPTABLES),
    "vmac_prefix": Unserved(_NO_VMAC),
    "vmac_addr_prefix": Unserved(_NO_VMAC),
    "default_interface": Unserved("it is for static addresses, which are not served"),
    # The process
    "vrrp_priority": Value(values.whole),
    "vrrp_rt_priority": Value(values.whole),
    "vrrp_rlimit_rttime": Unserved(_RTTIME),
    "vrrp_rlimit_rtime": Unserved(_RTTIME),
    "max_auto_priority": Value(values.optional(values.whole, 99)),
    "min_auto_priority_delay": Value(values.whole),
    "vrrp_no_swap": Value(values.flag),
    "vrrp_cpu_affinity": Value(values.numbers),
    "vrrp_netlink_monitor_rcv_bufs": Value(values.whole),
    "vrrp_netlink_monitor_rcv_bufs_force": Value(values.boolean),
    "vrrp_netlink_cmd_rcv_bufs": Value(values.whole),
    "vrrp_netlink_cmd_rcv_bufs_force": Value(values.boolean),
    "vrrp_rx_bufs_policy": Value(values.whole_or_text),
    "vrrp_rx_bufs_multiplier": Value(values.whole),
    "process_name": Value(values.text),
    "vrrp_process_name": Value(values.text),
    "umask": Value(values.umask),
    "process_names": Unserved("the process is called vrrpd-fast, or as vrrp_process_name says"),
    "process_monitor_rcv_bufs": Unserved(_PROCESSES),
    "process_monitor_rcv_bufs_force": Unserved(_PROCESSES),
    # Files and reloads
    "reload_check_config": Unserved(_RELOAD),
    "reload_time_file": Unserved(_RELOAD),
    "reload_repeat": Unserved(_RELOAD),
    "reload_file": Unserved("a reload reads the file once, at once; vrrpctl reload returns when it is done"),
    "include_check": Grammar(),
    "random_seed": Grammar(),
    "tmp_config_directory": Unserved("the configuration is not copied"),
    "config_save_dir": Unserved("configurations are not kept; vrrpd-fast --check shows what is wrong"),
    "data_use_instance": Value(values.boolean),
    "state_dump_file": Value(values.text),
    "stats_dump_file": Value(values.text),
    "json_dump_file": Value(values.text),
    "json_version": Value(values.whole),
    "iproute_usr_dir": Unserved(_IPROUTE),
    "iproute_etc_dir": Unserved(_IPROUTE),
    # Mail
    "notification_email": Unserved(_MAIL),
    "notification_email_from": Unserved(_MAIL),
    "smtp_server": Unserved(_MAIL),
    "smtp_helo_name": Unserved(_MAIL),
    "smtp_connect_timeout": Unserved(_MAIL),
    "smtp_alert": Unserved(_MAIL),
    "smtp_alert_vrrp": Unserved(_MAIL),
    "smtp_alert_checker": Unserved(_MAIL),
    "no_email_faults": Unserved(_MAIL),
    # SNMP and D-Bus
    "snmp_socket": Unserved(_SNMP),
    "enable_traps": Unserved(_SNMP),
    "enable_snmp_keepalived": Unserved(_SNMP),
    "enable_snmp_vrrp": Unserved(_SNMP),
    "enable_snmp_checker": Unserved(_SNMP),
    "enable_snmp_rfc": Unserved(_SNMP),
    "enable_snmp_rfcv2": Unserved(_SNMP),
    "enable_snmp_rfcv3": Unserved(_SNMP),
    "enable_dbus": Unserved(_DBUS),
    "dbus_service_name": Unserved(_DBUS),
    "dbus_no_interface_name": Unserved(_DBUS),
    # Load balancing and BFD
    "lvs_sync_daemon": Unserved(_LVS),
    "lvs_timeouts": Unserved(_LVS),
    "lvs_flush": Unserved(_LVS),
    "lvs_flush_on_stop": Unserved(_LVS),
    "lvs_flush_onstop": Unserved(_LVS),
    "lvs_notify_fifo": Unserved(_LVS),
    "lvs_notify_fifo_script": Unserved(_LVS),
    "lvs_process_name": Unserved(_LVS),
    "lvs_netlink_cmd_rcv_bufs": Unserved(_LVS),
    "lvs_netlink_cmd_rcv_bufs_force": Unserved(_LVS),
    "lvs_netlink_monitor_rcv_bufs": Unserved(_LVS),
    "lvs_netlink_monitor_rcv_bufs_force": Unserved(_LVS),
    "nftables_ipvs": Unserved(_LVS),
    "nftables_ipvs_priority": Unserved(_LVS),
    "nftables_ipvs_start_fwmark": Unserved(_LVS),
    "checker_log_all_failures": Unserved(_LVS),
    "no_checker_emails": Unserved(_LVS),
    "rs_init_notifies": Unserved(_LVS),
}

GLOBAL_DEFS.update(
    {
        f"{process}_{word}": Unserved(_ONE_PROCESS)
        for process in ("checker", "bfd")
        for word in (
            "process_name",
            "priority",
            "no_swap",
            "cpu_affinity",
            "rt_priority",
            "rlimit_rttime",
            "rlimit_rtime",
        )
    }
)

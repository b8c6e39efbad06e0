"""The keywords of vrrp_instance and of its blocks."""

from vrrpd_fast.config.conf import values
from vrrpd_fast.config.conf.keyword import Block, Lines, Refused, Table, Unserved, Value, first

_VMAC = "its adverts and addresses would have another MAC address than the other routers expect"
NO_MAIL = Unserved("no mail is sent; let notify scripts or vrrp_notify_fifo tell")

AUTHENTICATION: Table = {
    "auth_type": Value(values.text),
    "auth_pass": Value(values.text),
}

VRRP_INSTANCE: Table = {
    "state": Value(values.text, keeps=max),  # MASTER stays where BACKUP follows
    "interface": Value(values.text),
    "virtual_router_id": Value(values.whole),
    "version": Value(values.whole),
    "priority": Value(values.whole),
    "advert_int": Value(values.decimal),
    "virtual_ipaddress": Lines(values.joined),
    "virtual_ipaddress_excluded": Lines(values.joined),
    "virtual_routes": Lines(values.joined),
    "virtual_rules": Lines(values.joined),
    "promote_secondaries": Value(values.flag),
    "nopreempt": Value(values.flag),
    "preempt": Value(values.constant(False), key="nopreempt"),
    "preempt_delay": Value(values.decimal),
    "accept": Value(values.flag),
    "no_accept": Value(values.constant(False), key="accept"),
    "strict_mode": Value(values.boolean),
    "authentication": Block(AUTHENTICATION),
    # Who talks to whom
    "mcast_dst_ip": Value(values.address),
    "mcast_src_ip": Value(values.address),
    "unicast_src_ip": Value(values.address),
    "track_src_ip": Value(values.flag),
    "unicast_peer": Lines(values.joined),
    "unicast_ttl": Value(values.whole),
    "check_unicast_src": Value(values.flag),
    "unicast_fault_no_peer": Value(values.flag),
    # What is done with an advert
    "down_timer_adverts": Value(values.whole),
    "lower_prio_no_advert": Value(values.boolean),
    "higher_prio_send_advert": Value(values.boolean),
    "owner_ignore_adverts": Value(values.boolean),
    "skip_check_adv_addr": Value(values.boolean),
    "v3_checksum_as_v2": Value(values.boolean),
    # Gratuitous ARP and unsolicited NA
    "garp_master_delay": Value(values.whole),
    "garp_master_repeat": Value(values.whole),
    "garp_master_refresh": Value(values.whole),
    "garp_master_refresh_repeat": Value(values.whole),
    "garp_lower_prio_delay": Value(values.whole),
    "garp_lower_prio_repeat": Value(values.whole),
    "garp_extra_if": Value(values.extra_interfaces),
    "vmac_garp_intvl": Value(values.extra_interfaces, key="garp_extra_if"),
    # What moves the priority or means FAULT
    "track_interface": Lines(values.tracked_interface),
    "track_script": Lines(values.tracked),
    "track_probe": Lines(values.tracked),
    "track_file": Lines(values.tracked),
    "track_process": Lines(values.tracked),
    "dont_track_primary": Value(values.flag),
    "track_bfd": Lines(values.tracked),
    # Who is told
    "notify_master": Value(values.command, keeps=first),
    "notify_backup": Value(values.command, keeps=first),
    "notify_fault": Value(values.command, keeps=first),
    "notify_stop": Value(values.command, keeps=first),
    "notify_deleted": Value(values.optional(values.command, True), keeps=first),
    "notify": Value(values.command, keeps=first),
    "notify_master_rx_lower_pri": Value(values.command, keeps=first),
    "notify_priority_changes": Value(values.boolean),
    "smtp_alert": NO_MAIL,
    # What would make another virtual router of it
    "use_vmac": Refused(_VMAC),
    "use_vmac_addr": Refused(_VMAC),
    "vmac_xmit_base": Refused(_VMAC),
    "use_ipvlan": Refused("its adverts and addresses would leave by another interface"),
    "vrf": Refused("its adverts would be sent and heard in another VRF"),
    "auth_hmac": Refused("adverts without it are discarded by the other routers"),
    "no_virtual_ipaddress": Refused("a virtual router needs at least one address here"),
    # What VRRP does without
    "timer_expired_backup": Unserved(
        "a master that ran late goes on as master; a log line tells it was late"
    ),
    "thread_timer_expired": Unserved(
        "a master that ran late goes on as master; a log line tells it was late"
    ),
    "old_unicast_checksum": Unserved(
        "adverts have the checksum of the RFC, which keepalived has since 1.3.7"
    ),
    "kernel_rx_buf_size": Unserved("all instances share a receive buffer; vrrp_rx_bufs_policy sizes it"),
    "lvs_sync_daemon_interface": Unserved("there is no load balancing (LVS) here"),
    "linkbeat_use_polling": Unserved("the kernel tells when a link changes; nothing is polled"),
    "native_ipv6": Unserved("the addresses tell whether it is IPv6"),
    "debug": Value(values.whole),
}

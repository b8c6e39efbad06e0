"""global_defs: what holds for the process, and the defaults of its virtual routers."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import (
    Block,
    Bytes,
    Checksum,
    Delay,
    DownAdverts,
    Repeat,
    RepeatOrNone,
    Text,
    Version,
)
from vrrpd_fast.config.schema.entries import Command, Fifo


class GlobalDefs(Block):
    """Defaults for the whole file."""

    router_id: Annotated[
        Text | UnsetType, Meta(description="Name of this router in logs and status; the host name if unset")
    ] = UNSET

    # Defaults of instances
    vrrp_version: Annotated[
        Version | UnsetType, Meta(description="Protocol version of instances that state none; 2 if unset")
    ] = UNSET
    vrrp_mcast_group4: Annotated[str, Meta(description="Multicast group of IPv4 adverts")] = "224.0.0.18"
    vrrp_mcast_group6: Annotated[str, Meta(description="Multicast group of IPv6 adverts")] = "ff02::12"
    vrrp_down_timer_adverts: Annotated[
        DownAdverts | UnsetType, Meta(description="Missed adverts until a BACKUP takes over; 3 if unset")
    ] = UNSET
    vrrp_lower_prio_no_advert: Annotated[
        bool | UnsetType,
        Meta(description="Do not answer the advert of a losing master at once; false if unset"),
    ] = UNSET
    vrrp_higher_prio_send_advert: Annotated[
        bool | UnsetType,
        Meta(description="A master that yields sends one more advert; false if unset"),
    ] = UNSET
    vrrp_owner_ignore_adverts: Annotated[
        bool | UnsetType, Meta(description="An owner (priority 255) ignores other adverts; false if unset")
    ] = UNSET
    vrrp_skip_check_adv_addr: Annotated[
        bool,
        Meta(description="Look at a master's list of addresses only when the master is another one"),
    ] = False
    vrrp_check_unicast_src: Annotated[
        bool, Meta(description="Unicast adverts are accepted from the listed peers only")
    ] = False
    vrrp_strict: Annotated[
        bool, Meta(description="Allow nothing that the RFC does not; see strict_mode in the text")
    ] = False
    v3_checksum_as_v2: Annotated[
        bool | UnsetType,
        Meta(description="keepalived's word for checksum rfc9568; both forms are accepted all the same"),
    ] = UNSET
    checksum: Annotated[
        Checksum | UnsetType,
        Meta(description="Checksum sent in version 3 over IPv4, with (rfc5798) or without the pseudo-header"),
    ] = UNSET
    check_addresses: Annotated[
        Literal["log", "strict"],
        Meta(description="What check_addresses is for instances of version 3 that state none"),
    ] = "log"

    # Gratuitous ARP and unsolicited NA
    vrrp_garp_master_delay: Annotated[
        Delay | UnsetType,
        Meta(description="Seconds until the second set of gratuitous ARP/NA, 0: none; 5 if unset"),
    ] = UNSET
    vrrp_garp_master_repeat: Annotated[
        Repeat | UnsetType, Meta(description="Gratuitous ARP/NA per address and set; 5 if unset")
    ] = UNSET
    vrrp_garp_master_refresh: Annotated[
        Delay, Meta(description="Seconds between refreshing sets while MASTER; 0: never")
    ] = 0.0
    vrrp_garp_master_refresh_repeat: Annotated[
        Repeat, Meta(description="Gratuitous ARP/NA per address in a refreshing set")
    ] = 1
    vrrp_garp_lower_prio_delay: Annotated[
        Delay | UnsetType,
        Meta(description="Like garp_master_delay, after a losing master was heard; the same if unset"),
    ] = UNSET
    vrrp_garp_lower_prio_repeat: Annotated[
        RepeatOrNone | UnsetType,
        Meta(description="Like garp_master_repeat, after a losing master was heard; the same if unset"),
    ] = UNSET
    vrrp_garp_interval: Annotated[
        Delay, Meta(description="Least seconds between two gratuitous ARP on an interface; 0: no limit")
    ] = 0.0
    vrrp_gna_interval: Annotated[
        Delay, Meta(description="Least seconds between two unsolicited NA on an interface; 0: no limit")
    ] = 0.0
    vrrp_min_garp: Annotated[
        bool, Meta(description="Where garp_master_* is unset: one gratuitous ARP/NA, no second set")
    ] = False
    vrrp_garp_extra_if: Annotated[
        Delay | Text,
        Meta(
            description='Seconds between ARP/NA on other interfaces of an instance; "all N": on its own too'
        ),
    ] = 0.0

    # Scripts and FIFOs
    script_user: Annotated[
        Text | UnsetType,
        Meta(description='"user" or "user group" for scripts; keepalived_script if it exists, else our own'),
    ] = UNSET
    enable_script_security: Annotated[
        bool, Meta(description="Run no script as root that somebody else could write or replace")
    ] = False
    notify_fifo: Annotated[
        Fifo | UnsetType, Meta(description="FIFO that gets a line for each state of an instance")
    ] = UNSET
    notify_fifo_script: Annotated[
        Command | UnsetType, Meta(description="Script that reads notify_fifo, its last argument")
    ] = UNSET
    vrrp_notify_fifo: Annotated[Fifo | UnsetType, Meta(description="A second FIFO with the same lines")] = (
        UNSET
    )
    vrrp_notify_fifo_script: Annotated[
        Command | UnsetType, Meta(description="Script that reads vrrp_notify_fifo, its last argument")
    ] = UNSET
    vrrp_notify_priority_changes: Annotated[
        bool, Meta(description="The FIFOs get a line for each change of priority too")
    ] = False
    fifo_write_vrrp_states_on_reload: Annotated[
        bool, Meta(description="The FIFOs get the state of each instance at a reload")
    ] = False
    startup_script: Annotated[
        Command | UnsetType, Meta(description="Run before anything else when the daemon starts")
    ] = UNSET
    startup_script_timeout: Annotated[
        int, Meta(ge=1, le=1000, description="Seconds until the startup script is killed")
    ] = 10
    shutdown_script: Annotated[
        Command | UnsetType, Meta(description="Run when the daemon has stopped everything else")
    ] = UNSET
    shutdown_script_timeout: Annotated[
        int, Meta(ge=1, le=1000, description="Seconds until the shutdown script is killed")
    ] = 10

    # Start, links, firewall
    vrrp_startup_delay: Annotated[
        Delay, Meta(description="Seconds from the start until instances take part")
    ] = 0.0
    vrrp_delay_after_boot: Annotated[
        Delay, Meta(description="Seconds since the machine booted before which instances take no part")
    ] = 0.0
    log_unknown_vrids: Annotated[
        bool, Meta(description="Log adverts of virtual routers that are not ours")
    ] = False
    dynamic_interfaces: Annotated[
        bool | Literal["allow_if_changes"],
        Meta(
            description="Interfaces may be missing at the start and come and go; false: an error at the start"
        ),
    ] = False
    disable_local_igmp: Annotated[
        bool, Meta(description="No IGMP reports for 224.0.0.0/24 (net.ipv4.igmp_link_local_mcast_reports)")
    ] = False
    nftables: Annotated[
        bool | Text,
        Meta(description='Name of the nftables table for no_accept; "vrrpd-fast" if true or unset'),
    ] = True
    nftables_priority: Annotated[
        int, Meta(ge=-(2**31), le=2**31 - 1, description="Priority of its chains")
    ] = -1
    nftables_counters: Annotated[bool, Meta(description="Its rules count packets")] = False
    nftables_ifindex: Annotated[
        bool, Meta(description="Accepted without effect: rules name interfaces where they need one")
    ] = False

    # The process
    vrrp_priority: Annotated[
        Annotated[int, Meta(ge=-20, le=19)] | UnsetType,
        Meta(description="Nice value; left as it is if unset"),
    ] = UNSET
    vrrp_rt_priority: Annotated[
        Annotated[int, Meta(ge=1, le=99)] | UnsetType,
        Meta(description="Real-time scheduling (SCHED_RR) with this priority"),
    ] = UNSET
    vrrp_rlimit_rttime: Annotated[
        Annotated[int, Meta(ge=2, le=2**31 - 1)] | UnsetType,
        Meta(description="Microseconds of CPU at real-time priority without a pause; no limit if unset"),
    ] = UNSET
    max_auto_priority: Annotated[
        Annotated[int, Meta(ge=-1, le=99)] | UnsetType,
        Meta(description="Real-time priority up to which we go when we run too late; 0 and -1: not at all"),
    ] = UNSET
    min_auto_priority_delay: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Microseconds too late that make that happen")
    ] = 1_000_000
    vrrp_no_swap: Annotated[bool, Meta(description="Lock the daemon in memory (mlockall)")] = False
    vrrp_cpu_affinity: Annotated[
        list[Annotated[int, Meta(ge=0, le=4095)]], Meta(description="Numbers of the CPUs it may run on")
    ] = []
    vrrp_netlink_monitor_rcv_bufs: Annotated[
        Bytes | UnsetType, Meta(description="Bytes of the buffer for news of links and addresses")
    ] = UNSET
    vrrp_netlink_monitor_rcv_bufs_force: Annotated[
        bool, Meta(description="That buffer may be larger than net.core.rmem_max")
    ] = False
    vrrp_netlink_cmd_rcv_bufs: Annotated[
        Bytes | UnsetType, Meta(description="Accepted without effect: requests are answered one by one")
    ] = UNSET
    vrrp_netlink_cmd_rcv_bufs_force: Annotated[bool, Meta(description="Accepted without effect")] = False
    vrrp_rx_bufs_policy: Annotated[
        Literal["MTU", "ADVERT"] | Bytes | UnsetType,
        Meta(description="Bytes of the buffer for adverts, or MTU or ADVERT: their sum over all instances"),
    ] = UNSET
    vrrp_rx_bufs_multiplier: Annotated[
        int, Meta(ge=1, le=1000, description="How often MTU or ADVERT counts for each instance")
    ] = 3
    vrrp_process_name: Annotated[
        Text | UnsetType, Meta(description="Name of the process in ps and top, at most 15 characters")
    ] = UNSET
    process_name: Annotated[Text | UnsetType, Meta(description="The same; vrrp_process_name comes first")] = (
        UNSET
    )
    # Dumps of keepalived's kind
    state_dump_file: Annotated[
        Text,
        Meta(description="File that SIGUSR1 makes: everything, as text; DIRECTORY/: keepalived.data there"),
    ] = "/tmp/keepalived.data"
    stats_dump_file: Annotated[
        Text, Meta(description="File that SIGUSR2 makes: counters, as text; or DIRECTORY/")
    ] = "/tmp/keepalived.stats"
    json_dump_file: Annotated[
        Text, Meta(description="File that SIGRTMIN+2 makes: virtual routers as JSON; or DIRECTORY/")
    ] = "/tmp/keepalived.json"
    data_use_instance: Annotated[
        bool, Meta(description="The name of state_dump_file gets that of the net_namespace before its suffix")
    ] = False
    json_version: Annotated[
        Literal[1, 2], Meta(description="Form of json_dump_file: 1 an array, 2 an object that has it")
    ] = 1
    umask: Annotated[
        Annotated[int, Meta(ge=0, le=0o777)] | Text | UnsetType,
        Meta(description='Bits that files we make do not get: a number, "0027" or "IWGRP|IWOTH"'),
    ] = UNSET

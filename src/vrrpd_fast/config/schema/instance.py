"""vrrp_instance: one virtual router."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from vrrpd_fast.config.schema.base import (
    Block,
    Checksum,
    Delay,
    DownAdverts,
    Range,
    Repeat,
    RepeatOrNone,
    Text,
    Version,
)
from vrrpd_fast.config.schema.bfd import TrackBfdEntry
from vrrpd_fast.config.schema.entries import (
    AddressEntry,
    Authentication,
    Command,
    PeerEntry,
    TrackFileEntry,
    TrackInterfaceEntry,
    TrackProbeEntry,
    TrackScriptEntry,
)
from vrrpd_fast.config.schema.processes import TrackProcessEntry


class VrrpInstance(Block, kw_only=True):
    """One virtual router."""

    range: Annotated[
        Range | UnsetType, Meta(description='Variables of a block that stands for many, like {"n": [1, 500]}')
    ] = UNSET
    interface: Annotated[
        Text | UnsetType,
        Meta(description="The link its adverts are sent and heard on; only unicast can do without"),
    ] = UNSET
    virtual_router_id: Annotated[
        int, Meta(ge=1, le=255, description="VRID, unique per interface and address family")
    ]
    virtual_ipaddress: Annotated[
        list[Text | AddressEntry],
        Meta(description="Virtual addresses of one family, in adverts; one line or an object each"),
    ]
    virtual_ipaddress_excluded: Annotated[
        list[Text | AddressEntry],
        Meta(description="Virtual addresses of any family that adverts do not list"),
    ] = []
    state: Annotated[
        Literal["MASTER", "BACKUP"] | UnsetType,
        Meta(description="MASTER without a priority means priority 255; no other effect"),
    ] = UNSET
    version: Annotated[
        Version | UnsetType, Meta(description="Protocol version; vrrp_version if unset, always 3 for IPv6")
    ] = UNSET
    priority: Annotated[
        Annotated[int, Meta(ge=1, le=255)] | UnsetType,
        Meta(description="255: owner of the addresses; if unset 100, or 255 with state MASTER"),
    ] = UNSET
    advert_int: Annotated[
        float,
        Meta(
            ge=0.01,
            le=255,
            description="Seconds between adverts; version 2: whole, version 3: multiples of 0.01 up to 40.95",
        ),
    ] = 1.0
    nopreempt: Annotated[
        bool, Meta(description="Do not take over from a living master of lower priority")
    ] = False
    preempt_delay: Annotated[
        float, Meta(ge=0, le=1000, description="Seconds to wait before taking over from such a master")
    ] = 0.0
    accept: Annotated[
        bool | UnsetType,
        Meta(description="Accept packets for the virtual addresses; true if unset, but for strict_mode"),
    ] = UNSET
    no_accept: Annotated[bool, Meta(description="The same as accept false; needs nftables")] = False
    promote_secondaries: Annotated[
        bool,
        Meta(description="Removing one address of a network leaves its others (sets promote_secondaries)"),
    ] = False
    virtual_routes: Annotated[
        list[Text], Meta(description="Routes that come and go with the addresses, as ip-route(8) writes them")
    ] = []
    virtual_rules: Annotated[
        list[Text], Meta(description="Rules that come and go with the addresses, as ip-rule(8) writes them")
    ] = []
    strict_mode: Annotated[
        bool | UnsetType, Meta(description="Allow nothing that the RFC does not; vrrp_strict if unset")
    ] = UNSET
    authentication: Annotated[
        Authentication | UnsetType, Meta(description="Password of version 2 adverts")
    ] = UNSET
    mcast_dst_ip: Annotated[
        str | UnsetType, Meta(description="Multicast group, instead of vrrp_mcast_group4 or 6")
    ] = UNSET
    mcast_src_ip: Annotated[
        str | UnsetType, Meta(description="Source of multicast adverts; the primary address if unset")
    ] = UNSET
    unicast_src_ip: Annotated[
        str | UnsetType, Meta(description="Source of unicast adverts; the primary address if unset")
    ] = UNSET
    track_src_ip: Annotated[
        bool, Meta(description="FAULT while the stated source address is not on this machine")
    ] = False
    unicast_peer: Annotated[
        list[Text | PeerEntry] | UnsetType,
        Meta(description="The other routers, instead of multicast; one line or an object each"),
    ] = UNSET
    unicast_ttl: Annotated[
        Annotated[int, Meta(ge=1, le=255)] | UnsetType,
        Meta(description="TTL or hop limit of unicast adverts; 255 if unset"),
    ] = UNSET
    check_unicast_src: Annotated[
        bool | UnsetType,
        Meta(description="Instead of vrrp_check_unicast_src; true where a peer has min_ttl or max_ttl"),
    ] = UNSET
    unicast_fault_no_peer: Annotated[
        bool, Meta(description="An empty unicast_peer is allowed and means FAULT")
    ] = False
    down_timer_adverts: Annotated[
        DownAdverts | UnsetType, Meta(description="Instead of vrrp_down_timer_adverts")
    ] = UNSET
    lower_prio_no_advert: Annotated[
        bool | UnsetType, Meta(description="Instead of vrrp_lower_prio_no_advert")
    ] = UNSET
    higher_prio_send_advert: Annotated[
        bool | UnsetType, Meta(description="Instead of vrrp_higher_prio_send_advert")
    ] = UNSET
    owner_ignore_adverts: Annotated[
        bool | UnsetType, Meta(description="Instead of vrrp_owner_ignore_adverts")
    ] = UNSET
    skip_check_adv_addr: Annotated[
        bool | UnsetType, Meta(description="Instead of vrrp_skip_check_adv_addr")
    ] = UNSET
    v3_checksum_as_v2: Annotated[
        bool | UnsetType, Meta(description="Instead of the global v3_checksum_as_v2")
    ] = UNSET
    checksum: Annotated[Checksum | UnsetType, Meta(description="Instead of the global checksum")] = UNSET
    check_addresses: Annotated[
        Literal["log", "strict"] | UnsetType,
        Meta(description="An advert that lists other addresses: count and log it, or discard it (version 3)"),
    ] = UNSET
    garp_master_delay: Annotated[Delay | UnsetType, Meta(description="Instead of vrrp_garp_master_delay")] = (
        UNSET
    )
    garp_master_repeat: Annotated[
        Repeat | UnsetType, Meta(description="Instead of vrrp_garp_master_repeat")
    ] = UNSET
    garp_master_refresh: Annotated[
        Delay | UnsetType, Meta(description="Instead of vrrp_garp_master_refresh")
    ] = UNSET
    garp_master_refresh_repeat: Annotated[
        Repeat | UnsetType, Meta(description="Instead of vrrp_garp_master_refresh_repeat")
    ] = UNSET
    garp_lower_prio_delay: Annotated[
        Delay | UnsetType, Meta(description="Instead of vrrp_garp_lower_prio_delay")
    ] = UNSET
    garp_lower_prio_repeat: Annotated[
        RepeatOrNone | UnsetType, Meta(description="Instead of vrrp_garp_lower_prio_repeat")
    ] = UNSET
    garp_extra_if: Annotated[Delay | Text | UnsetType, Meta(description="Instead of vrrp_garp_extra_if")] = (
        UNSET
    )
    track_script: Annotated[
        list[Text | TrackScriptEntry], Meta(description="Scripts that move the priority or cause FAULT")
    ] = []
    track_interface: Annotated[
        list[Text | TrackInterfaceEntry],
        Meta(description="Other links that move the priority or cause FAULT; its own always does"),
    ] = []
    track_probe: Annotated[
        list[Text | TrackProbeEntry],
        Meta(description="Probes that move the priority, or cause FAULT, by their names"),
    ] = []
    track_file: Annotated[
        list[Text | TrackFileEntry],
        Meta(description="Files whose numbers move the priority or cause FAULT"),
    ] = []
    track_process: Annotated[
        list[Text | TrackProcessEntry],
        Meta(description="Processes whose number moves the priority or causes FAULT"),
    ] = []
    track_bfd: Annotated[
        list[Text | TrackBfdEntry],
        Meta(description="BFD sessions whose state moves the priority or causes FAULT"),
    ] = []
    dont_track_primary: Annotated[
        bool, Meta(description="A link that is down is no reason for FAULT, if it is its own interface")
    ] = False
    notify_master: Annotated[Command | UnsetType, Meta(description="Run when it becomes MASTER")] = UNSET
    notify_backup: Annotated[Command | UnsetType, Meta(description="Run when it becomes BACKUP")] = UNSET
    notify_fault: Annotated[Command | UnsetType, Meta(description="Run when it goes to FAULT")] = UNSET
    notify_stop: Annotated[Command | UnsetType, Meta(description="Run when the daemon stops")] = UNSET
    notify_deleted: Annotated[
        bool | Command, Meta(description="A reload that removes it tells DELETED instead of FAULT; run then")
    ] = False
    notify: Annotated[
        Command | UnsetType, Meta(description="Run at each of these with INSTANCE, name, state, priority")
    ] = UNSET
    notify_master_rx_lower_pri: Annotated[
        Command | UnsetType, Meta(description="Run when it is MASTER and hears a losing master")
    ] = UNSET
    notify_priority_changes: Annotated[
        bool | UnsetType, Meta(description="Instead of vrrp_notify_priority_changes")
    ] = UNSET
    debug: Annotated[
        Annotated[int, Meta(ge=0, le=4)] | UnsetType,
        Meta(description="Accepted without effect, as in keepalived; --log-level tells how much is logged"),
    ] = UNSET

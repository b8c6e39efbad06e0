"""From the file as it stands (schema.File) to what the daemon works with (model.Config), defaults applied.

Defaults are keepalived's. Where it would quietly change a value that cannot be served, the value is refused
here and the remedy named. Rules that only judge the outcome are in check.py.
"""

import socket

from msgspec import UNSET, Struct

from vrrpd_fast import model
from vrrpd_fast.config import commands, process, schema, unicast
from vrrpd_fast.config.addresses import Address
from vrrpd_fast.config.bfd import bfd_sessions
from vrrpd_fast.config.carried import Carried
from vrrpd_fast.config.check import check_instance
from vrrpd_fast.config.check_whole import check_whole
from vrrpd_fast.config.dumps import dumps
from vrrpd_fast.config.garp import GarpDefaults, garp, garp_defaults, pacing
from vrrpd_fast.config.groups import Groups
from vrrpd_fast.config.probes import probe
from vrrpd_fast.config.problems import Path, Problems
from vrrpd_fast.config.schema.base import stated
from vrrpd_fast.config.track_process import process_count
from vrrpd_fast.config.tracking import Definitions, tracks, value_file
from vrrpd_fast.model import Family, TrackKind

_DEFAULT_PRIORITY = 100
_OWNER_PRIORITY = 255
_LONGEST_CS_VERSION_3 = 4095  # 12 bits (RFC 9568 5.2.7)


class Defaults(Struct, frozen=True, kw_only=True):
    """What global_defs comes to for every instance."""

    block: schema.GlobalDefs
    version: int
    groups: dict[Family, Address]
    garp: GarpDefaults
    down_timer_adverts: int
    lower_prio_no_advert: bool
    higher_prio_send_advert: bool
    owner_ignore_adverts: bool
    checksum: str
    user: commands.User


def resolve(file: schema.File, problems: Problems) -> model.Config:
    """The configuration of a file; worth nothing once `problems` has an error."""
    block = file.global_defs
    router_id = socket.gethostname() if block.router_id is UNSET else block.router_id
    _check_name(router_id, ("global_defs", "router_id"), problems)
    defaults = _defaults(block, problems)
    scripts = {name: _script(name, it, defaults, problems) for name, it in file.vrrp_script.items()}
    for name in file.vrrp_probe:
        _check_name(name, ("vrrp_probe", name), problems)
    probes = {name: probe(name, it, problems) for name, it in file.vrrp_probe.items()}
    for name in file.track_file:
        _check_name(name, ("track_file", name), problems)
    for name in file.vrrp_track_process:
        _check_name(name, ("vrrp_track_process", name), problems)
    for name in file.bfd_instance:
        _check_name(name, ("bfd_instance", name), problems)
    definitions: Definitions = {
        TrackKind.SCRIPT: file.vrrp_script,
        TrackKind.FILE: file.track_file,
        TrackKind.PROBE: file.vrrp_probe,
        TrackKind.PROCESS: file.vrrp_track_process,
        TrackKind.BFD: file.bfd_instance,
    }
    groups = Groups(file.vrrp_sync_group, definitions, defaults.user, problems)
    resolver = _Instances(defaults, definitions, groups, problems)
    instances = {name: resolver.resolve(name, it) for name, it in file.vrrp_instance.items()}
    notify_fifo, vrrp_notify_fifo = commands.fifos(block, defaults.user, problems)
    config = model.Config(
        router_id=router_id,
        instances=instances,
        scripts=scripts,
        probes=probes,
        files={name: value_file(name, it, problems) for name, it in file.track_file.items()},
        processes={name: process_count(name, it, problems) for name, it in file.vrrp_track_process.items()},
        bfd=bfd_sessions(file.bfd_instance, problems),
        damping=_damping(file),
        sync_groups=groups.settings(instances),
        process=process.process(file, defaults.user, problems),
        pacing=pacing(file.garp_group, block, problems),
        interface_delays=process.interface_delays(file, problems),
        dynamic_interfaces=block.dynamic_interfaces is not False,
        notify_fifo=notify_fifo,
        vrrp_notify_fifo=vrrp_notify_fifo,
        fifo_states_on_reload=block.fifo_write_vrrp_states_on_reload,
        script_security=block.enable_script_security,
        firewall=process.firewall(block, problems),
        dumps=dumps(file, problems),
    )
    check_whole(config, block, problems)
    return config


def _defaults(block: schema.GlobalDefs, problems: Problems) -> Defaults:
    def group(text: str, usual: Address, key: str) -> Address:
        return unicast.multicast_group(text, usual, ("global_defs", key), problems)

    return Defaults(
        block=block,
        version=stated(block.vrrp_version, 2),
        groups={
            Family.IPV4: group(block.vrrp_mcast_group4, model.VRRP_GROUP4, "vrrp_mcast_group4"),
            Family.IPV6: group(block.vrrp_mcast_group6, model.VRRP_GROUP6, "vrrp_mcast_group6"),
        },
        garp=garp_defaults(block, problems),
        down_timer_adverts=stated(block.vrrp_down_timer_adverts, 3),
        lower_prio_no_advert=stated(block.vrrp_lower_prio_no_advert, False),
        higher_prio_send_advert=stated(block.vrrp_higher_prio_send_advert, False),
        owner_ignore_adverts=stated(block.vrrp_owner_ignore_adverts, False),
        checksum=_checksum(block, ("global_defs",), "rfc5798", problems),
        user=commands.script_user(block, problems),
    )


def _checksum(
    block: schema.GlobalDefs | schema.VrrpInstance, path: Path, default: str, problems: Problems
) -> str:
    """`checksum` and v3_checksum_as_v2 are two words for one thing; `default` is what holds without them."""
    as_v2 = block.v3_checksum_as_v2
    if block.checksum is not UNSET:
        if as_v2 is not UNSET and as_v2 != (block.checksum == "rfc9568"):
            problems.error(
                (*path, "checksum"), "contradicts v3_checksum_as_v2, where true means rfc9568; keep one"
            )
        return block.checksum
    if as_v2 is UNSET:
        return default
    return "rfc9568" if as_v2 else "rfc5798"


def _check_name(name: str, path: Path, problems: Problems) -> None:
    """Names go into log lines, script arguments and FIFO lines between double quotes."""
    if not name.strip() or not name.isprintable() or '"' in name:
        problems.error(path, "a name is made of printable characters without double quotes", at_key=True)


def _script(name: str, block: schema.VrrpScript, defaults: Defaults, problems: Problems) -> model.Script:
    path = ("vrrp_script", name)
    _check_name(name, path, problems)
    commands.check_command(block.script, (*path, "script"), problems)
    user, group = defaults.user
    if block.user is not UNSET:
        user, group = commands.user_and_group(block.user, (*path, "user"), problems)
    timeout = stated(block.timeout, block.interval)
    if timeout > block.interval:
        problems.warning(
            (*path, "timeout"),
            f"{timeout:g} s is longer than the interval of {block.interval:g} s: a run that hangs "
            "holds up the ones after it",
            (*path, "interval"),
        )
    return model.Script(
        name=name,
        script=block.script,
        interval=block.interval,
        timeout=timeout,
        rise=block.rise,
        fall=block.fall,
        init_fail=block.init_fail,
        user=user,
        group=group,
    )


def _damping(file: schema.File) -> dict[tuple[TrackKind, str], float]:
    blocks = [
        *((TrackKind.SCRIPT, name, block.damping) for name, block in file.vrrp_script.items()),
        *((TrackKind.PROBE, name, block.damping) for name, block in file.vrrp_probe.items()),
        *((TrackKind.PROCESS, name, block.damping) for name, block in file.vrrp_track_process.items()),
        *((TrackKind.BFD, name, block.damping) for name, block in file.bfd_instance.items()),
    ]
    return {(kind, name): seconds for kind, name, seconds in blocks if seconds}


def _accepts(block: schema.VrrpInstance, strict: bool, priority: int) -> bool:
    """Whether packets for the virtual addresses are accepted; strict mode leaves that to the owner."""
    if block.no_accept:
        return False
    return stated(block.accept, not strict or priority == _OWNER_PRIORITY)


def _checks_addresses(block: schema.VrrpInstance, usual: schema.GlobalDefs, version: int) -> bool:
    """Version 2 has a rule of its own (RFC 3768 7.1), which the global default does not touch."""
    return stated(block.check_addresses, usual.check_addresses if version == 3 else "log") == "strict"


def _password(block: schema.Authentication) -> bytes:
    return block.auth_pass.encode(errors="replace")


class _Instances:
    """Resolves one vrrp_instance after the other."""

    def __init__(
        self,
        defaults: Defaults,
        definitions: Definitions,
        groups: Groups,
        problems: Problems,
    ) -> None:
        self._defaults = defaults
        self._definitions = definitions
        self._groups = groups
        self._problems = problems
        self._carried = Carried(problems)

    def resolve(self, name: str, block: schema.VrrpInstance) -> model.Instance:
        path = ("vrrp_instance", name)
        problems, defaults = self._problems, self._defaults
        _check_name(name, path, problems)
        interface = stated(block.interface, "")
        addresses = self._carried.addresses(block.virtual_ipaddress, interface, (*path, "virtual_ipaddress"))
        excluded: tuple[model.VirtualAddress, ...] = ()
        if block.virtual_ipaddress_excluded:
            excluded = self._carried.addresses(
                block.virtual_ipaddress_excluded, interface, (*path, "virtual_ipaddress_excluded")
            )
        family = addresses[0].family if addresses else Family.IPV4
        # IPv6 needs version 3, whatever the global default says; a version stated here is judged in check.py.
        version = stated(block.version, 3 if family is Family.IPV6 else defaults.version)
        owner_by_state = block.state is not UNSET and block.state == "MASTER"
        priority = stated(block.priority, _OWNER_PRIORITY if owner_by_state else _DEFAULT_PRIORITY)
        strict = stated(block.strict_mode, defaults.block.vrrp_strict)
        group = defaults.groups[family]
        if block.mcast_dst_ip is not UNSET:
            group = unicast.multicast_group(block.mcast_dst_ip, group, (*path, "mcast_dst_ip"), problems)
        source = unicast.source(block, path, problems)
        is_unicast = block.unicast_peer is not UNSET
        peers: tuple[model.Peer, ...] = ()
        if block.unicast_peer is not UNSET:
            ours = unicast.Ours(family, source, unicast.source_key(block), addresses + excluded)
            peers = unicast.peers(block.unicast_peer, ours, path, problems)
        instance = model.Instance(
            name=name,
            interface=interface,
            family=family,
            virtual_router_id=block.virtual_router_id,
            version=version,
            priority=priority,
            advert_int_cs=self._advert_int_cs(block.advert_int, version, path),
            preempt=not block.nopreempt,
            preempt_delay=block.preempt_delay,
            down_timer_adverts=3 if strict else stated(block.down_timer_adverts, defaults.down_timer_adverts),
            lower_prio_no_advert=strict or stated(block.lower_prio_no_advert, defaults.lower_prio_no_advert),
            higher_prio_send_advert=not strict
            and stated(block.higher_prio_send_advert, defaults.higher_prio_send_advert),
            owner_ignore_adverts=strict or stated(block.owner_ignore_adverts, defaults.owner_ignore_adverts),
            skip_check_adv_addr=stated(block.skip_check_adv_addr, defaults.block.vrrp_skip_check_adv_addr),
            strict=strict,
            accept=_accepts(block, strict, priority),
            checksum=_checksum(block, path, defaults.checksum, problems),
            check_addresses=_checks_addresses(block, defaults.block, version),
            source_ip=source,
            track_src_ip=block.track_src_ip,
            dont_track_primary=block.dont_track_primary,
            group=group,
            is_unicast=is_unicast,
            unicast_peers=peers,
            unicast_ttl=stated(block.unicast_ttl, 255),
            check_unicast_src=is_unicast
            and stated(
                block.check_unicast_src,
                defaults.block.vrrp_check_unicast_src or any(peer.is_limited for peer in peers),
            ),
            virtual_addresses=addresses,
            excluded_addresses=excluded,
            routes=self._carried.routes(block.virtual_routes, path) if block.virtual_routes else (),
            rules=self._carried.rules(block.virtual_rules, path) if block.virtual_rules else (),
            promote_secondaries=block.promote_secondaries,
            auth_pass=b"" if block.authentication is UNSET else _password(block.authentication),
            notify=commands.notify(
                block,
                defaults.user,
                self._groups.tells_priority_changes(name, defaults.block.vrrp_notify_priority_changes),
                path,
                problems,
            ),
            garp=garp(block, defaults.garp, strict, path, problems),
            tracks=tracks(block, self._definitions, path, problems),
        )
        check_instance(instance, block, problems)
        return self._groups.with_group(instance)

    def _advert_int_cs(self, seconds: float, version: int, path: Path) -> int:
        """Centiseconds of an advert_int that the version can carry."""
        centiseconds = round(seconds * 100)
        where, cause = (*path, "advert_int"), (*path, "version")
        if version == 2:
            if seconds != int(seconds):
                remedy = "say version 3" if centiseconds <= _LONGEST_CS_VERSION_3 else "round it"
                self._problems.error(
                    where,
                    f"{seconds:.12g} s: version 2 carries whole seconds only; {remedy}",
                    cause,
                    (*path, "virtual_ipaddress"),
                )
        elif centiseconds > _LONGEST_CS_VERSION_3:
            self._problems.error(
                where,
                f"{seconds:.12g} s: version 3 carries at most 40.95 s",
                cause,
                (*path, "virtual_ipaddress"),
            )
        elif abs(seconds * 100 - centiseconds) > 1e-9:  # more than the error of a float
            self._problems.error(
                where,
                f"{seconds:.12g} s is not a multiple of 10 ms, the unit of version 3; "
                f"the nearest is {centiseconds / 100:g}",
                cause,
                (*path, "virtual_ipaddress"),
            )
        return centiseconds

"""From the file as it stands (schema.File) to what the daemon works with (model.Config), defaults applied.

Defaults are keepalived's. Where it would quietly change a value that cannot be served, the value is refused
here and the remedy named. Rules that only judge the outcome are in check.py.
"""

import pwd
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

from msgspec import UNSET, Struct, UnsetType

from vrrpd_fast import model
from vrrpd_fast.config import check, schema
from vrrpd_fast.config.addresses import (
    Address,
    EntryError,
    interface_fault,
    parse_address,
    virtual_address,
)
from vrrpd_fast.config.problems import Path, Problems, quoted
from vrrpd_fast.config.tracking import interest
from vrrpd_fast.model import Family

_DEFAULT_PRIORITY = 100
_OWNER_PRIORITY = 255
_LONGEST_CS_VERSION_3 = 4095  # 12 bits (RFC 9568 5.2.7)
_KEEPALIVED_SCRIPT_USER = "keepalived_script"

T = TypeVar("T")


class Defaults(Struct, frozen=True, kw_only=True):
    """What global_defs comes to for every instance."""

    version: int
    group4: IPv4Address | IPv6Address
    group6: IPv4Address | IPv6Address
    garp: model.Garp
    lower_prio_delay: float | UnsetType
    lower_prio_repeat: int | UnsetType
    down_timer_adverts: int
    lower_prio_no_advert: bool
    checksum: str
    user: str | None
    group: str | None


def resolve(file: schema.File, problems: Problems) -> model.Config:
    """The configuration of a file; worth nothing once `problems` has an error."""
    block = file.global_defs
    router_id = socket.gethostname() if block.router_id is UNSET else block.router_id
    _check_name(router_id, ("global_defs", "router_id"), problems)
    defaults = _defaults(block, problems)
    scripts = {name: _script(name, it, defaults, problems) for name, it in file.vrrp_script.items()}
    instances = _Instances(defaults, scripts, problems)
    config = model.Config(
        router_id=router_id,
        instances={name: instances.resolve(name, it) for name, it in file.vrrp_instance.items()},
        scripts=scripts,
    )
    check.check_whole(config, problems)
    return config


def _stated(value: T | UnsetType, default: T) -> T:
    return default if value is UNSET else value


def _defaults(block: schema.GlobalDefs, problems: Problems) -> Defaults:
    if block.script_user is UNSET:
        user, group = _keepalived_script_user(), None
    else:
        user, group = _user_and_group(block.script_user, ("global_defs", "script_user"), problems)
    return Defaults(
        version=_stated(block.vrrp_version, 2),
        group4=_group(block.vrrp_mcast_group4, model.VRRP_GROUP4, "vrrp_mcast_group4", problems),
        group6=_group(block.vrrp_mcast_group6, model.VRRP_GROUP6, "vrrp_mcast_group6", problems),
        garp=model.Garp(
            master_delay=block.vrrp_garp_master_delay,
            master_repeat=block.vrrp_garp_master_repeat,
            master_refresh=block.vrrp_garp_master_refresh,
            master_refresh_repeat=block.vrrp_garp_master_refresh_repeat,
            lower_prio_delay=_stated(block.vrrp_garp_lower_prio_delay, block.vrrp_garp_master_delay),
            lower_prio_repeat=_stated(block.vrrp_garp_lower_prio_repeat, block.vrrp_garp_master_repeat),
        ),
        lower_prio_delay=block.vrrp_garp_lower_prio_delay,
        lower_prio_repeat=block.vrrp_garp_lower_prio_repeat,
        down_timer_adverts=block.vrrp_down_timer_adverts,
        lower_prio_no_advert=block.vrrp_lower_prio_no_advert,
        checksum=_checksum(block, ("global_defs",), "rfc5798", problems),
        user=user,
        group=group,
    )


def _group(text: str, usual: Address, key: str, problems: Problems) -> Address:
    path = ("global_defs", key)
    try:
        address = parse_address(text)
    except EntryError as error:
        problems.error(path, str(error))
        return usual
    if address.version != usual.version or not address.is_multicast:
        problems.error(path, f"{address} is not an IPv{usual.version} multicast address like {usual}")
    elif isinstance(address, IPv6Address) and address.packed[1] & 0x0F != 2:
        problems.warning(path, f"{address} has not the scope of one link, as {usual} has")
    return address


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


def _keepalived_script_user() -> str | None:
    """The user that keepalived prefers for scripts, where the machine has it; None is our own user."""
    try:
        return pwd.getpwnam(_KEEPALIVED_SCRIPT_USER).pw_name
    except KeyError:
        return None


def _user_and_group(text: str, path: Path, problems: Problems) -> tuple[str | None, str | None]:
    words = text.split()
    if not 1 <= len(words) <= 2 or not text.isprintable():
        problems.error(path, f'{quoted(text)} is not "user" or "user group"')
        return None, None
    return words[0], words[1] if len(words) == 2 else None


def _check_name(name: str, path: Path, problems: Problems) -> None:
    """Names go into log lines, script arguments and FIFO lines between double quotes."""
    if not name.strip() or not name.isprintable() or '"' in name:
        problems.error(path, "a name is made of printable characters without double quotes", at_key=True)


def _script(name: str, block: schema.VrrpScript, defaults: Defaults, problems: Problems) -> model.Script:
    path = ("vrrp_script", name)
    _check_name(name, path, problems)
    if "\0" in block.script or not block.script.strip():
        problems.error((*path, "script"), f"{quoted(block.script)} is not a command")
    user, group = defaults.user, defaults.group
    if block.user is not UNSET:
        user, group = _user_and_group(block.user, (*path, "user"), problems)
    timeout = _stated(block.timeout, block.interval)
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
        weight=block.weight,
        reverse=block.reverse,
        rise=block.rise,
        fall=block.fall,
        init_fail=block.init_fail,
        user=user,
        group=group,
    )


class _Instances:
    """Resolves one vrrp_instance after the other; remembers who has which address."""

    def __init__(self, defaults: Defaults, scripts: dict[str, model.Script], problems: Problems) -> None:
        self._defaults = defaults
        self._scripts = scripts
        self._problems = problems
        self._carried: dict[tuple[str, Address], Path] = {}

    def resolve(self, name: str, block: schema.VrrpInstance) -> model.Instance:
        path = ("vrrp_instance", name)
        problems, defaults = self._problems, self._defaults
        _check_name(name, path, problems)
        addresses = self._addresses(block.virtual_ipaddress, block.interface, (*path, "virtual_ipaddress"))
        excluded: tuple[model.VirtualAddress, ...] = ()
        if block.virtual_ipaddress_excluded:
            excluded = self._addresses(
                block.virtual_ipaddress_excluded, block.interface, (*path, "virtual_ipaddress_excluded")
            )
        family = addresses[0].family if addresses else Family.IPV4
        # IPv6 needs version 3, whatever the global default says; a version stated here is judged in check.py.
        version = _stated(block.version, 3 if family is Family.IPV6 else defaults.version)
        owner_by_state = block.state is not UNSET and block.state == "MASTER"
        instance = model.Instance(
            name=name,
            interface=block.interface,
            family=family,
            virtual_router_id=block.virtual_router_id,
            version=version,
            priority=_stated(block.priority, _OWNER_PRIORITY if owner_by_state else _DEFAULT_PRIORITY),
            advert_int_cs=self._advert_int_cs(block.advert_int, version, path),
            preempt=not block.nopreempt,
            preempt_delay=block.preempt_delay,
            down_timer_adverts=_stated(block.down_timer_adverts, defaults.down_timer_adverts),
            lower_prio_no_advert=_stated(block.lower_prio_no_advert, defaults.lower_prio_no_advert),
            accept=block.accept,
            checksum=_checksum(block, path, defaults.checksum, problems),
            check_addresses=block.check_addresses == "strict",
            source_ip=self._source(block, path),
            group=defaults.group4 if family is Family.IPV4 else defaults.group6,
            is_unicast=block.unicast_peer is not UNSET,
            unicast_peers=() if block.unicast_peer is UNSET else self._peers(block.unicast_peer, path),
            virtual_addresses=addresses,
            excluded_addresses=excluded,
            garp=self._garp(block),
            track_scripts=self._track_scripts(block, path) if block.track_script else (),
            track_interfaces=self._track_interfaces(block, path) if block.track_interface else (),
        )
        check.check_instance(instance, block, problems)
        return instance

    def _addresses(
        self, entries: Sequence[str | schema.AddressEntry], interface: str, path: Path
    ) -> tuple[model.VirtualAddress, ...]:
        addresses = []
        for index, entry in enumerate(entries):
            try:
                address = virtual_address(entry, interface)
            except EntryError as error:
                self._bad_entry(entry, error, (*path, index))
                continue
            addresses.append(address)
            where = (*path, index)
            first = self._carried.setdefault((address.dev, address.address), where)
            if first is not where:
                self._problems.error(
                    where,
                    f"{address.address} on {address.dev} is already an address of "
                    f"{'this instance' if first[1] == path[1] else f'vrrp_instance {first[1]}'}",
                    (*path[:2], "interface"),
                    other=first,
                )
        return tuple(addresses)

    def _bad_entry(self, entry: str | schema.AddressEntry, error: EntryError, path: Path) -> None:
        """Only the object form has a place for each word."""
        if error.key is None:
            self._problems.malformed(path, str(error))
        elif isinstance(entry, str):
            self._problems.malformed(path, f"{error.key}: {error}")
        else:
            self._problems.malformed((*path, error.key), str(error))

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

    def _source(self, block: schema.VrrpInstance, path: Path) -> Address | None:
        if block.unicast_src_ip is not UNSET:
            return self._address(block.unicast_src_ip, (*path, "unicast_src_ip"))
        if block.mcast_src_ip is not UNSET:
            return self._address(block.mcast_src_ip, (*path, "mcast_src_ip"))
        return None

    def _peers(self, entries: Sequence[str], path: Path) -> tuple[model.Peer, ...]:
        peers = [self._address(entry, (*path, "unicast_peer", i)) for i, entry in enumerate(entries)]
        return tuple(model.Peer(address=peer) for peer in peers if peer is not None)

    def _address(self, text: str, path: Path) -> Address | None:
        """An address of one router; problems are noted."""
        if len(text.split()) > 1:
            self._problems.malformed(path, f"{quoted(text)}: one address without options is served so far")
            return None
        try:
            address = parse_address(text)
        except EntryError as error:
            self._problems.malformed(path, str(error))
            return None
        if address.is_multicast or address.is_unspecified:
            self._problems.error(path, f"{address} is not the address of one router")
        return address

    def _garp(self, block: schema.VrrpInstance) -> model.Garp:
        usual = self._defaults.garp
        delay = _stated(block.garp_master_delay, usual.master_delay)
        repeat = _stated(block.garp_master_repeat, usual.master_repeat)
        garp = model.Garp(
            master_delay=delay,
            master_repeat=repeat,
            master_refresh=_stated(block.garp_master_refresh, usual.master_refresh),
            master_refresh_repeat=_stated(block.garp_master_refresh_repeat, usual.master_refresh_repeat),
            lower_prio_delay=_stated(
                block.garp_lower_prio_delay, _stated(self._defaults.lower_prio_delay, delay)
            ),
            lower_prio_repeat=_stated(
                block.garp_lower_prio_repeat, _stated(self._defaults.lower_prio_repeat, repeat)
            ),
        )
        return usual if garp == usual else garp

    def _track_scripts(self, block: schema.VrrpInstance, path: Path) -> tuple[model.TrackScript, ...]:
        tracked: dict[str, model.TrackScript] = {}
        for index, entry in enumerate(block.track_script):
            where = (*path, "track_script", index)
            try:
                wanted = interest(entry)
            except EntryError as error:
                self._problems.malformed(where, str(error))
                continue
            script = self._scripts.get(wanted.name)
            if script is None:
                nearest = self._problems.suggestion(wanted.name, self._scripts)
                self._problems.error(
                    where, f"there is no vrrp_script {quoted(wanted.name)}{nearest}", ("vrrp_script",)
                )
                continue
            if wanted.name in tracked:
                self._problems.error(where, f"{quoted(wanted.name)} is tracked twice")
            tracked[wanted.name] = model.TrackScript(
                name=wanted.name,
                weight=_stated(wanted.weight, script.weight),
                reverse=_stated(wanted.reverse, script.reverse),
            )
        return tuple(tracked.values())

    def _track_interfaces(self, block: schema.VrrpInstance, path: Path) -> tuple[model.TrackInterface, ...]:
        tracked: dict[str, model.TrackInterface] = {}
        for index, entry in enumerate(block.track_interface):
            where = (*path, "track_interface", index)
            try:
                wanted = interest(entry)
            except EntryError as error:
                self._problems.malformed(where, str(error))
                continue
            if fault := interface_fault(wanted.name):
                self._problems.error(where, fault)
            elif wanted.name == block.interface:
                self._problems.warning(
                    where, f"{wanted.name} is the interface of the instance, which is tracked anyway"
                )
                continue
            if wanted.name in tracked:
                self._problems.error(where, f"{quoted(wanted.name)} is tracked twice")
            tracked[wanted.name] = model.TrackInterface(
                interface=wanted.name,
                weight=_stated(wanted.weight, 0),
                reverse=_stated(wanted.reverse, False),
            )
        return tuple(tracked.values())

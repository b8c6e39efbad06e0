"""keepalived.data: everything that is configured and what it is now, as indented text."""

from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address

from vrrpd_fast.dump.document import HIDDEN
from vrrpd_fast.dump.facts import Facts
from vrrpd_fast.dump.words import addresses, command, flag, moment, switch
from vrrpd_fast.model import (
    Command,
    Config,
    Instance,
    Peer,
    ProcessCount,
    State,
    SyncGroup,
    Track,
    TrackKind,
    ValueFile,
)
from vrrpd_fast.net.links import Link
from vrrpd_fast.track.readings import Find

SCRIPT_STATES = {"up": "GOOD", "down": "BAD"}
Users = dict[tuple[TrackKind, str], list[str]]  # of what is tracked: who does it, a line each


def data(
    config: Config,
    routers: Iterable[Facts],
    groups: Callable[[], Iterable[tuple[SyncGroup, State]]],
    find: Find,
    link: Callable[[str], Link | None],
) -> Iterator[str]:
    """The file in pieces. `groups` is asked when they are due, `find` and `link` for each that is named."""
    users: Users = {}
    yield _globals(config)
    yield "------< VRRP Topology >------\n"
    for router in routers:
        _note_users(router.instance, users)
        yield _instance(router)
    if config.sync_groups:
        yield "------< VRRP Sync groups >------\n"
        for group, state in groups():
            yield _group(group, state)
    yield from _scripts(config, find, users)
    yield from _files(config.files.values(), find, users)
    yield from _processes(config.processes.values(), find, users)
    yield "------< Interfaces >------\n"
    for name in _interfaces(config.instances.values()):
        yield _interface(name, link(name), users.get((TrackKind.INTERFACE, name), ()))


def _note_users(instance: Instance, users: Users) -> None:
    """What it tracks, and its own interface, which it does not track at weight 255."""
    for line, track in _tracking(instance.tracks):
        weight = line.partition(" weight ")[2]
        users.setdefault((track.kind, track.name), []).append(f"{instance.name}, weight {weight}")
    own = (TrackKind.INTERFACE, instance.interface)
    if not any((track.kind, track.name) == own for track in instance.tracks):
        weight = "255" if instance.dont_track_primary else "0"
        users.setdefault(own, []).append(f"{instance.name}, weight {weight}")


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _globals(config: Config) -> str:
    process = config.process
    return _lines(
        (
            "------< Global definitions >------",
            f" Network namespace = {process.net_namespace or '(default)'}",
            f" Router ID = {config.router_id}",
            f" Dynamic interfaces = {flag(config.dynamic_interfaces)}",
            f" Disable local IGMP = {'yes' if process.disable_local_igmp else 'no'}",
            f" FIFO write vrrp states on reload = {flag(config.fifo_states_on_reload)}",
            f" Max auto priority = {process.max_auto_priority or 0}",
            f" Min auto priority delay = {process.min_auto_priority_delay_us} usecs",
            f" VRRP process priority = {process.priority or 0}",
            f" VRRP don't swap = {flag(process.no_swap)}",
            f" VRRP realtime priority = {process.rt_priority or 0}",
            f" Script security {'enabled' if config.script_security else 'disabled'}",
            f" vrrp_netlink_monitor_rcv_bufs = {process.netlink_buffer or 0}",
            f" vrrp_netlink_monitor_rcv_bufs_force = {int(process.netlink_buffer_force)}",
            f" rx_bufs_multiples = {process.receive_multiplier}",
        )
    )


def _instance(router: Facts) -> str:
    instance, status = router.instance, router.status
    return _lines(
        (
            f" VRRP Instance = {instance.name}",
            f"   VRRP Version = {instance.version}",
            *(["   Using Native IPv6"] if instance.family == 6 else []),
            *([f"   Sync group = {router.group}"] if router.group is not None else []),
            f"   State = {router.state}",
            *_master(router),
            *(["   Flags:", "     Using unicast"] if instance.is_unicast else ["   Flags: none"]),
            f"   Wantstate = {router.wanted}",
            "   Number of config faults = 0",  # such a file is not used at all
            f"   Number of track scripts init = {_waiting(router)}",
            f"   Last transition = {moment(status['last_transition'])}",
            f"   Master down timer = {_down_us(router)} usecs",
            f"   Interface = {instance.interface}",
            *(["   VRRP interface tracking disabled"] if instance.dont_track_primary else []),
            *(["   Skip checking advert IP addresses"] if instance.skip_check_adv_addr else []),
            *(["   Enforcing strict VRRP compliance"] if instance.strict else []),
            f"   Using src_ip = {_source(router)}",
            *([] if instance.is_unicast else [f"   Multicast address {instance.group}"]),
            *_announcing(instance),
            f"   Down timer adverts = {instance.down_timer_adverts}",
            f"   Send advert after receive lower priority advert = {flag(not instance.lower_prio_no_advert)}",
            f"   Send advert after receive higher priority advert = {flag(instance.higher_prio_send_advert)}",
            f"   Virtual Router ID = {instance.virtual_router_id}",
            f"   Priority = {instance.priority}",
            f"   Effective priority = {status['effective_priority']}",
            f"   Total priority = {instance.priority + _contributions(router)}",
            f"   Advert interval = {_interval(instance.version, instance.advert_int_cs)}",
            *_master_interval(router),
            f"   Accept = {switch(instance.accept)}",
            f"   Preempt = {switch(instance.preempt)}",
            *([f"   Preempt delay = {instance.preempt_delay:g} secs"] if instance.preempt_delay else []),
            f"   Promote_secondaries = {switch(instance.promote_secondaries)}",
            *_authentication(instance),
            *_addresses(router),
            *_unicast(instance),
            *_block("Virtual Routes", (route.text for route in instance.routes)),
            *_block("Virtual Rules", (rule.text for rule in instance.rules)),
            *_tracked(instance.tracks),
            "   Using smtp notification = no",
            f"   Notify deleted = {'Deleted' if instance.notify.tells_deleted else 'Fault'}",
            *_notify_scripts(
                ("Backup", instance.notify.backup),
                ("Master", instance.notify.master),
                ("Fault", instance.notify.fault),
                ("Stop", instance.notify.stop),
                ("Deleted", instance.notify.deleted),
                ("Generic", instance.notify.every),
                ("Master rx lower pri", instance.notify.master_rx_lower_pri),
            ),
            f"   Notify priority changes = {flag(instance.notify.priority_changes)}",
        )
    )


def _master(router: Facts) -> Iterable[str]:
    if router.state != "BACKUP":
        return ()
    status = router.status
    address = status["master_address"]
    unknown = router.instance.group if address is None else address
    lines = [f"   Master router = {unknown}", f"   Master priority = {status['master_priority']}"]
    if router.instance.version == 3:
        lines.append(f"   Master advert int = {status['master_advert_int']:.2f} sec")
    return lines


def _waiting(router: Facts) -> int:
    return sum(
        each["contribution"] == "waiting" and each["type"] == "script" for each in router.status["tracking"]
    )


def _contributions(router: Facts) -> int:
    parts = (each["contribution"] for each in router.status["tracking"])
    return sum(part for part in parts if isinstance(part, int))


def _down_us(router: Facts) -> int:
    """Master_Down_Interval, with its skew in whole µs (RFC 9568 6.1, RFC 3768 6.1)."""
    interval_cs = round(router.status["master_advert_int"] * 100)
    below = 256 - router.status["effective_priority"]
    skew_us = below * interval_cs * 625 // 16 if router.instance.version == 3 else below * 1_000_000 // 256
    return int(router.instance.down_timer_adverts * interval_cs * 10_000 + skew_us)


def _source(router: Facts) -> str:
    if router.source is None:
        return "(none)"
    return f"{router.source}{' (from configuration)' if router.instance.source_ip is not None else ''}"


def _announcing(instance: Instance) -> Iterable[str]:
    garp = instance.garp
    for label, value in (
        ("delay", garp.master_delay),
        ("repeat", garp.master_repeat),
        ("refresh", garp.master_refresh),
        ("refresh repeat", garp.master_refresh_repeat),
        ("lower priority delay", garp.lower_prio_delay),
        ("lower priority repeat", garp.lower_prio_repeat),
    ):
        yield f"   Gratuitous ARP {label} = {int(value)}"


def _interval(version: int, interval_cs: int) -> str:
    return f"{interval_cs * 10} milli-sec" if version == 3 else f"{interval_cs // 100} sec"


def _master_interval(router: Facts) -> Iterable[str]:
    if router.state == "BACKUP" and router.instance.version == 3:
        yield f"   Master advert interval = {round(router.status['master_advert_int'] * 1000)} milli-sec"


def _authentication(instance: Instance) -> Iterable[str]:
    if instance.auth_pass:
        yield "   Authentication type = SIMPLE_PASSWORD"
        yield f"   Password = {HIDDEN}"


def _addresses(router: Facts) -> Iterable[str]:
    instance = router.instance
    yield f"   Virtual IP ({len(instance.virtual_addresses)}):"
    for line in addresses(instance, instance.virtual_addresses, router.is_master):
        yield f"     {line}"
    excluded = addresses(instance, instance.excluded_addresses, router.is_master)
    yield from _block("Virtual IP Excluded", excluded)


def _unicast(instance: Instance) -> Iterable[str]:
    if instance.is_unicast:
        yield f"   Unicast TTL = {instance.unicast_ttl}"
        yield f"   Check unicast src : {'yes' if instance.check_unicast_src else 'no'}"
        yield from _block("Unicast Peer", map(_peer, instance.unicast_peers))


def _peer(peer: Peer) -> str:
    return f"{peer.address} min_ttl {peer.min_ttl} max_ttl {peer.max_ttl}"


def _block(title: str, entries: Iterable[str]) -> Iterable[str]:
    """A list under its title; nothing when it is empty."""
    found = [f"     {entry}" for entry in entries]
    return [f"   {title} :", *found] if found else []


def _tracking(tracks: Iterable[Track]) -> Iterable[tuple[str, Track]]:
    for track in tracks:
        comma = "," if track.kind in (TrackKind.FILE, TrackKind.PROCESS) else ""
        reverse = " reverse" if track.reverse else ""
        yield f"{track.name}{comma} weight {track.weight}{reverse}", track


def _tracked(tracks: Iterable[Track]) -> Iterable[str]:
    for kind, title in (
        (TrackKind.INTERFACE, "Tracked interfaces"),
        (TrackKind.SCRIPT, "Tracked scripts"),
        (TrackKind.FILE, "Tracked files"),
        (TrackKind.PROCESS, "Tracked processes"),
    ):
        yield from _block(title, (line for line, track in _tracking(tracks) if track.kind is kind))


def _notify_scripts(*scripts: tuple[str, Command | None]) -> Iterable[str]:
    for word, script in scripts:
        if script is not None:
            yield f"   {word} state transition script = {command(script.script)}"


def _group(group: SyncGroup, state: State) -> str:
    return _lines(
        (
            f" VRRP Sync Group = {group.name}, {state.name}",
            *_block("VRRP member instances", group.members),
            "   Using smtp notification = no",
            *_notify_scripts(
                ("Backup", group.notify.backup),
                ("Master", group.notify.master),
                ("Fault", group.notify.fault),
                ("Stop", group.notify.stop),
                ("Generic", group.notify.every),
            ),
        )
    )


def _scripts(config: Config, find: Find, users: Users) -> Iterator[str]:
    for number, script in enumerate(config.scripts.values()):
        status = find(TrackKind.SCRIPT, script.name).describe()
        yield _lines(
            (
                *([] if number else ["------< VRRP Scripts >------"]),
                f" VRRP Script = {script.name}",
                f"   Command = {command(script.script)}",
                f"   Interval = {script.interval:g} sec",
                f"   Timeout = {script.timeout:g} sec",
                f"   Rise = {script.rise}",
                f"   Fall = {script.fall}",
                "   Insecure = no",
                f"   Init state = {'failed' if script.init_fail else 'unknown'}",
                f"   Status = {SCRIPT_STATES.get(status['state'], 'INIT')}",
                *_users(users.get((TrackKind.SCRIPT, script.name), ())),
            )
        )


def _files(files: Iterable[ValueFile], find: Find, users: Users) -> Iterator[str]:
    for number, file in enumerate(files):
        status = find(TrackKind.FILE, file.name).describe()
        yield _lines(
            (
                *([] if number else ["------< VRRP Track files >------"]),
                f" Track file = {file.name}",
                f"   File = {file.path}",
                f"   Status = {status['value']}",
                *_users(users.get((TrackKind.FILE, file.name), ())),
            )
        )


def _processes(processes: Iterable[ProcessCount], find: Find, users: Users) -> Iterator[str]:
    for number, process in enumerate(processes):
        status = find(TrackKind.PROCESS, process.name).describe()
        name, *parameters = process.command
        most = process.quorum_max
        yield _lines(
            (
                *([] if number else ["------< VRRP Track processes >------"]),
                f" VRRP Track process = {process.name}",
                f"   Process = {name}",
                *([f"   Parameters = {' '.join(parameters)}"] if parameters else []),
                f"   Min processes = {process.quorum}",
                *([f"   Max processes = {most}"] if most is not None else []),
                f"   Current processes = {status['count']}",
                f"   Have quorum = {flag(status['state'] == 'up')}",
                f"   Terminate delay = {process.terminate_delay:.6f}s",
                f"   Fork delay = {process.fork_delay:.6f}s",
                f"   Full command = {flag(process.by_command)}",
                *_users(users.get((TrackKind.PROCESS, process.name), ())),
            )
        )


def _users(lines: Iterable[str]) -> Iterable[str]:
    return _block("Tracking instances", lines)


def _interfaces(instances: Iterable[Instance]) -> Iterable[str]:
    """Those that matter to somebody, each once."""
    named: dict[str, None] = {}
    for instance in instances:
        if instance.interface:
            named[instance.interface] = None
        named |= dict.fromkeys(track.name for track in instance.tracks if track.kind is TrackKind.INTERFACE)
    return named


def _interface(name: str, link: Link | None, users: Iterable[str]) -> str:
    lines = [f" Name = {name}"]
    if link is None:
        lines += (
            "   index = 0 (deleted)",
            "   IPv4 address = (none)",
            "   IPv6 address = (none)",
            "   State = not UP, not RUNNING, no broadcast, no multicast",
            "   MTU = 0",
        )
    else:
        up = "UP, RUNNING" if link.up else "not UP, not RUNNING"
        lines += (
            f"   index = {link.index}",
            f"   IPv4 address = {'(none)' if link.ipv4 is None else IPv4Address(link.ipv4)}",
            f"   IPv6 address = {'(none)' if link.ipv6 is None else IPv6Address(link.ipv6)}",
            *([f"   MAC = {link.mac.hex(':')}"] if any(link.mac) else []),
            f"   State = {up}",
            f"   MTU = {link.mtu}",
        )
    return _lines([*lines, *_block("Tracking VRRP instances", users)])

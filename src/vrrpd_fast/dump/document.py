"""keepalived.json: an array of virtual routers (version 1), or that and what else is known (version 2)."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from vrrpd_fast.dump.facts import STATES, Facts
from vrrpd_fast.dump.words import addresses, command
from vrrpd_fast.model import JSON, Command, ProcessCount, Script, TrackKind

HIDDEN = "********"  # in place of a password; Debian's keepalived writes it in clear


def document(
    routers: Iterable[Facts],
    scripts: Mapping[str, Script],
    processes: Iterable[tuple[ProcessCount, JSON]],
    version: int,
) -> Iterator[str]:
    """The file, a virtual router at a time; `processes` are what is tracked, and its status."""
    yield "[" if version == 1 else '{"vrrp":['
    for number, router in enumerate(routers):
        value = {"data": data(router, scripts), "stats": router.counts}
        yield ("," if number else "") + msgspec.json.encode(value).decode()
    yield "]"
    if version > 1:
        counted = [_process(*each) for each in processes]
        yield f',"track_process":{msgspec.json.encode(counted).decode()}}}'


def data(router: Facts, scripts: Mapping[str, Script]) -> JSON:
    """What is configured and what is, by its names."""
    instance, status, garp = router.instance, router.status, router.instance.garp
    return {
        "iname": instance.name,
        "dont_track_primary": int(instance.dont_track_primary),
        "skip_check_adv_addr": int(instance.skip_check_adv_addr),
        "strict_mode": int(instance.strict),
        "vmac_ifname": "",
        "ifp_ifname": instance.interface,
        "master_priority": 0 if router.is_master else status["master_priority"],
        "last_transition": status["last_transition"],
        "garp_delay": int(garp.master_delay),
        "garp_refresh": int(garp.master_refresh),
        "garp_rep": garp.master_repeat,
        "garp_refresh_rep": garp.master_refresh_repeat,
        "garp_lower_prio_delay": int(garp.lower_prio_delay),
        "garp_lower_prio_rep": garp.lower_prio_repeat,
        "lower_prio_no_advert": int(instance.lower_prio_no_advert),
        "higher_prio_send_advert": int(instance.higher_prio_send_advert),
        "vrid": instance.virtual_router_id,
        "base_priority": instance.priority,
        "effective_priority": status["effective_priority"],
        "vipset": router.is_master,
        "promote_secondaries": instance.promote_secondaries,
        "adver_int": instance.advert_int_cs / 100,
        "master_adver_int": status["master_advert_int"],
        "accept": int(instance.accept),
        "nopreempt": not instance.preempt,
        "preempt_delay": int(instance.preempt_delay),
        "state": STATES[router.state],
        "wantstate": STATES[router.wanted],
        "version": instance.version,
        "smtp_alert": False,
        "notify_deleted": instance.notify.tells_deleted,
        **_optional(router, scripts),
    }


def _optional(router: Facts, scripts: Mapping[str, Script]) -> JSON:
    """What is left out when there is none of it."""
    instance, notify = router.instance, router.instance.notify
    tracked = {kind: [track.name for track in instance.tracks if track.kind is kind] for kind in TrackKind}
    found: JSON = {
        "script_backup": _script(notify.backup),
        "script_master": _script(notify.master),
        "script_fault": _script(notify.fault),
        "script_stop": _script(notify.stop),
        "script_deleted": _script(notify.deleted),
        "script": _script(notify.every),
        "script_master_rx_lower_pri": _script(notify.master_rx_lower_pri),
        "vips": addresses(instance, instance.virtual_addresses, router.is_master),
        "evips": addresses(instance, instance.excluded_addresses, router.is_master),
        "vroutes": [each.text for each in instance.routes],
        "vrules": [each.text for each in instance.rules],
        "track_ifp": tracked[TrackKind.INTERFACE],
        "track_script": [command(scripts[name].script) for name in tracked[TrackKind.SCRIPT]],
        "track_process": tracked[TrackKind.PROCESS],
    }
    authentication: JSON = {"auth_type": int(bool(instance.auth_pass))}
    if instance.auth_pass:
        authentication["auth_data"] = HIDDEN
    return {name: value for name, value in found.items() if value} | authentication


def _script(script: Command | None) -> str | None:
    return None if script is None else command(script.script)


def _process(wanted: ProcessCount, status: JSON) -> JSON:
    """What 2.4 tells of a vrrp_track_process, as far as it is known here."""
    name, *parameters = wanted.command
    return {
        "process": name,
        "parameters": " ".join(parameters),
        "param_match": wanted.match,
        "min_processes": wanted.quorum,
        "max_processes": wanted.quorum_max,
        "current_processes": status["count"],
        "have_quorum": status["state"] == "up",
        "terminate_delay": wanted.terminate_delay,
        "fork_delay": wanted.fork_delay,
        "full_command": wanted.by_command,
    }

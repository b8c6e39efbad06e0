"""What keepalived makes of values it cannot serve as they are written, done to the native document.

keepalived goes on with other values than those of the file, with a line in its log at most; a warning tells
here what came of it. The native form has errors for the same things. Values that are wrong in themselves are
left to the schema, which refuses them.
"""

import contextlib
from typing import Any

from vrrpd_fast.config.conf.addresses import Addresses, is_ipv6
from vrrpd_fast.config.conf.delays import shorten_delays
from vrrpd_fast.config.conf.places import Places
from vrrpd_fast.config.conf.strict import drop_forced
from vrrpd_fast.config.conf.teller import Teller
from vrrpd_fast.config.problems import Path, Problems, quoted

_LONGEST_PASSWORD = 8
_LONGEST_VERSION_3 = 40.95
_UNICAST_WORDS = ("unicast_src_ip", "unicast_peer", "check_unicast_src")
# Words that keepalived takes for true whatever follows.
_ALWAYS_TRUE = ("skip_check_adv_addr", "v3_checksum_as_v2")
# The word is copied from the installed example more often than it is meant.
_STRICT = (
    "packets for the virtual addresses are dropped, ping too, where the priority is not 255; "
    "take it out unless that is meant"
)

# Lists of what is tracked: where it is defined, and the weight it has there if none is stated.
_TRACKED = {
    "track_script": ("vrrp_script", 0),
    "track_interface": ("", 0),
    "track_file": ("track_file", 1),
    "track_process": ("vrrp_track_process", 0),
    "track_bfd": ("bfd_instance", 0),
}

Block = dict[str, Any]


def rewrite(document: Block, places: Places, problems: Problems) -> None:
    """Change the document as keepalived would, and tell."""
    defaults = document.get("global_defs", {})
    tell = Teller(places, problems)
    if defaults.get("vrrp_strict"):
        tell(("global_defs", "vrrp_strict"), _STRICT)
        drop_forced(defaults, "vrrp_", ("global_defs",), tell)
    _tell_of_no(defaults, "vrrp_", ("global_defs",), tell)
    for name, counted in document.get("vrrp_track_process", {}).items():
        if counted.get("quorum", 0) > 1 and counted.get("quorum_max", 65535) < counted["quorum"]:
            later = [key for key in counted if key in ("quorum", "quorum_max")][1]
            tell.dropped(counted, ("vrrp_track_process", name, later), "quorum_max is less than quorum")
    versions: dict[str, int] = {}
    grouped = {
        member
        for group in document.get("vrrp_sync_group", {}).values()
        if not group.get("sync_group_tracking_weight")
        for member in group.get("group", ())
    }
    for name, block in document.get("vrrp_instance", {}).items():
        instance = Instance(block, ("vrrp_instance", name), defaults, places, tell, name in grouped)
        instance.rewrite(document)
        versions[name] = instance.version
    if "interface_up_down_delays" in document:
        shorten_delays(document, versions, tell)
    if 3 in versions.values():  # version 2 does so in any case
        document.setdefault("global_defs", {})["check_addresses"] = "strict"


class Instance:
    """One vrrp_instance of the document; the rules apply one after the other, as in keepalived."""

    def __init__(
        self, block: Block, path: Path, defaults: Block, places: Places, tell: Teller, is_grouped: bool
    ) -> None:
        self._block = block
        self._path = path
        self._places = places
        self._tell = tell
        self._is_grouped = is_grouped
        self._strict = block.get("strict_mode", defaults.get("vrrp_strict", False))
        usual = 255 if block.get("state") == "MASTER" else 100
        self._owner = block.get("priority", usual) == 255
        first = next(iter(block.get("virtual_ipaddress", ())), "")
        self._is_ipv6 = is_ipv6(first)
        version = block["version"] if "version" in block else defaults.get("vrrp_version", 2)
        self.version = 3 if self._is_ipv6 else version

    def rewrite(self, document: Block) -> None:
        """Apply every rule; `document` has the definitions of what is tracked."""
        block = self._block
        if self._is_ipv6 and self._strict and block.get("version") == 2:
            self._tell((*self._path, "version"), "becomes 3, as in keepalived: strict mode has no IPv6 in 2")
            block["version"] = 3
        if "authentication" in block:
            self._authentication()
        if "advert_int" in block:
            self._advert_int(block["advert_int"])
        if block.get("track_src_ip") and not {"mcast_src_ip", "unicast_src_ip"} & block.keys():
            self._drop("track_src_ip", "there is no source address to track")
        self._unicast()
        if self._strict:
            self._strict_mode()
        if self._owner and block.get("accept") is False:
            self._drop("accept", "priority 255 always accepts")
        self._preemption()
        _tell_of_no(block, "", self._path, self._tell)
        for key in _TRACKED:
            if key in block:
                self._trackers(key, document)
        Addresses(block, self._path, self.version, self._places, self._tell).rewrite()

    def _drop(self, key: str, why: str) -> None:
        self._tell.dropped(self._block, (*self._path, key), why)

    def _authentication(self) -> None:
        secret = self._block["authentication"]
        password = secret.get("auth_pass")
        if self.version == 3:
            self._drop("authentication", "version 3 has none")
        elif self._strict:
            self._drop("authentication", "strict mode has none")
        elif password is None:
            self._drop("authentication", "there is no auth_pass; adverts are sent without a password")
        elif "auth_type" not in secret:
            self._drop("authentication", "there is no auth_type; adverts are sent without a password")
        elif len(password.encode()) > _LONGEST_PASSWORD:
            path = (*self._path, "authentication", "auth_pass")
            short = password.encode()[:_LONGEST_PASSWORD].decode(errors="replace")
            if "\ufffd" in short:
                self._tell.problems.malformed(path, "the first 8 bytes, which count, end inside a character")
            else:
                self._tell(path, f"only the first {_LONGEST_PASSWORD} characters count, as in keepalived")
                secret["auth_pass"] = short

    def _advert_int(self, seconds: float) -> None:
        if not 0.01 <= seconds <= 255:
            return
        if self.version == 2:
            served: float = max(1, int(seconds + 0.5))
            why = "version 2 carries whole seconds"
        elif self.version == 3 and seconds > _LONGEST_VERSION_3:
            served, why = _LONGEST_VERSION_3, "version 3 carries at most 40.95 s"
        else:
            served = max(1, int(seconds * 100 + 0.5)) / 100
            why = "version 3 carries multiples of 10 ms"
        if served != seconds:
            where = (*self._path, "advert_int")
            self._tell(where, f"{seconds:.12g} s becomes {served:g} s, as in keepalived: {why}")
            self._block["advert_int"] = int(served) if served == int(served) else served

    def _unicast(self) -> None:
        block = self._block
        if block.get("unicast_peer"):
            self._drop("mcast_dst_ip", "adverts go to unicast_peer")
            self._source("mcast_src_ip", "unicast_src_ip")
            return
        stated = [key for key in _UNICAST_WORDS if key in block]
        if stated and block.get("unicast_fault_no_peer"):
            block.setdefault("unicast_peer", [])  # which is FAULT
            self._source("mcast_src_ip", "unicast_src_ip")
            return
        if stated:
            self._tell(
                (*self._path, stated[0]),
                "there is no unicast_peer, so adverts are multicast, as in keepalived; "
                "list the other routers, or say unicast_fault_no_peer",
            )
        block.pop("unicast_peer", None)
        block.pop("check_unicast_src", None)
        block.pop("unicast_fault_no_peer", None)
        self._source("unicast_src_ip", "mcast_src_ip")
        self._drop("unicast_ttl", "there is no unicast_peer, and multicast adverts have TTL 255")

    def _source(self, stated: str, served: str) -> None:
        """For keepalived the two words for the source address are one."""
        if stated in self._block:
            address = self._block.pop(stated)
            if served not in self._block:
                self._block[served] = address
                self._places.move((*self._path, stated), (*self._path, served))
            elif address != self._block[served]:
                self._tell((*self._path, stated), f"left out: {served} counts")

    def _strict_mode(self) -> None:
        block = self._block
        if "state" in block and (block["state"] == "MASTER") != self._owner:
            self._drop("state", "in strict mode the priority alone tells, MASTER is 255")
        if block.get("preempt_delay"):
            self._drop("preempt_delay", "strict mode takes over at once")
        drop_forced(block, "", self._path, self._tell)
        if block.get("accept") is True and self.version == 2 and not self._owner:
            self._drop("accept", "strict mode of version 2 drops packets for the addresses")

    def _preemption(self) -> None:
        block = self._block
        if self._owner:
            why = "priority 255 always takes over"
        elif block.get("state") == "MASTER":
            why = "it has no effect with state MASTER; say state BACKUP if it shall count"
        else:
            if block.get("nopreempt"):
                self._drop("preempt_delay", "nopreempt never takes over, late or not")
            return
        if block.get("nopreempt"):
            self._drop("nopreempt", why)
        if block.get("preempt_delay"):
            self._drop("preempt_delay", why)

    def _trackers(self, key: str, document: Block) -> None:
        kind = _TRACKED[key][0]
        known = document.get(kind, {})
        path = (*self._path, key)
        entries = self._block[key]
        kept = [
            index
            for index, entry in enumerate(entries)
            if self._is_tracked(key, entry, (*path, index), known)
        ]
        self._places.keep(path, kept)
        self._block[key] = [entries[index] for index in kept]
        if self._is_grouped:
            self._without_weights(key, known)

    def _without_weights(self, key: str, known: Block) -> None:
        """A member of a sync group has the priority of the others (man keepalived.conf, vrrp_sync_group)."""
        for index, entry in enumerate(self._block[key]):
            name, weight = _weighted(key, entry, known)
            if weight:
                self._block[key][index] = f"{name} weight 0"
                self._tell(
                    (*self._path, key, index),
                    "its weight becomes 0, which is FAULT, as in keepalived: members of a vrrp_sync_group "
                    "have equal priorities; let the group track it, or say sync_group_tracking_weight there",
                )

    def _is_tracked(self, key: str, entry: str | Block, path: Path, known: Block) -> bool:
        name, weight = _weighted(key, entry, known)
        if self._owner and weight:
            self._tell(path, "left out, as keepalived does: no weight moves priority 255")
            return False
        definition = (_TRACKED[key][0], name)
        if name in known and self._places.follows(definition, path):
            self._tell(
                path,
                f"{definition[0]} {quoted(name)[1:-1]} stands below, on line "
                f"{self._places.find(definition).line}, "
                "where keepalived does not look: there this entry is left out, here it counts",
            )
        return True


def _tell_of_no(block: Block, prefix: str, path: Path, tell: Teller) -> None:
    """Where `no` means no here."""
    for word in _ALWAYS_TRUE:
        for key in {prefix + word, word}:
            if block.get(key) is False:
                tell((*path, key), "off, as it says; keepalived switches it on whatever follows")


def _weighted(key: str, entry: str | Block, known: Block) -> tuple[str, int]:
    """Name and weight of an entry of a track list; what is wrong with it the schema tells."""
    if isinstance(entry, dict):
        name: str = entry["name"] if "name" in entry else entry["interface"]
        weight = entry.get("weight")
    else:
        words = entry.split()
        name, weight = words[0], None
        with contextlib.suppress(ValueError, IndexError):
            weight = int(words[words.index("weight") + 1])
    if weight is None:
        usual = _TRACKED[key][1]
        weight = known[name].get("weight", usual) if name in known else 0
    return name, weight

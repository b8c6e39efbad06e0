"""A line of virtual_rules, as keepalived.conf(5) and ip-rule(8) write it, to model.VirtualRule."""

import socket
from collections.abc import Callable
from typing import Any

import msgspec

from vrrpd_fast.config import iproute
from vrrpd_fast.config.addresses import EntryError
from vrrpd_fast.config.entry import Line
from vrrpd_fast.config.problems import quoted
from vrrpd_fast.model import Family, VirtualRule

# FR_ACT_ of linux/fib_rules.h
_TO_TABLE, _GOTO = 1, 2
_ACTIONS = {"nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_UINT32 = 0xFFFFFFFF
_PORT_MOST = 0xFFFF

# keepalived numbers rules without a preference downwards from here, each family by itself, in the order of
# the file, so that they stand before the kernel's own (32766).
FIRST_PREFERENCE = 16384


class Numbering:
    """Preferences for the rules of one configuration that have none."""

    def __init__(self) -> None:
        self._next = {Family.IPV4: FIRST_PREFERENCE, Family.IPV6: FIRST_PREFERENCE}

    def number(self, rule: VirtualRule) -> VirtualRule:
        """The rule with a preference; its own, if it has one."""
        if rule.preference is not None:
            return rule
        preference = self._next[rule.family]
        self._next[rule.family] -= 1
        return msgspec.structs.replace(rule, preference=preference)


def parse_rule(text: str) -> VirtualRule:
    """One line of virtual_rules; raises EntryError. Where it states no preference, the result has none."""
    return _Rule(text).finish()


class _Rule:
    """A rule while its words are read."""

    def __init__(self, text: str) -> None:
        self.line = Line(text, "rule")
        self.words: dict[str, Any] = {}
        self.action = ""  # the word that stated it
        while self.line.has_more:
            word = self.line.take()
            handler = _WORDS.get(word)
            if handler is None and word == "pref":
                raise EntryError("keepalived does not know it; write preference", word)
            if handler is None:
                raise self.line.unknown(word, _WORDS)
            handler(self, word)

    def finish(self) -> VirtualRule:
        line, words = self.line, self.words
        if not self.action:
            raise EntryError(
                "a rule needs table, goto, nop, blackhole, unreachable, prohibit or l3mdev: what to do"
            )
        preference, goto = words.get("preference"), words.get("goto")
        if goto is not None and preference is None:
            raise EntryError("needs a preference, which is less than its goal", "goto")
        if goto is not None and goto <= preference:
            raise EntryError(f"{goto} is not behind the rule's own preference {preference}", "goto")
        if self.action != "table":
            for name in ("suppress_prefixlength", "suppress_ifgroup", "realm"):
                if name in words:
                    raise EntryError("needs table", "realms" if name == "realm" else name)
        family = line.family or Family.IPV4
        if family is Family.IPV6 and "realm" in words:
            raise EntryError("is for IPv4 only", "realms")
        return VirtualRule(text=line.text, family=family, **words)

    def _act(self, word: str) -> None:
        if self.action:
            raise EntryError(f"{self.action} and {word}: a rule does one thing")
        self.action = word

    # -- one method for each word or for words of one kind ------------------------------------------------

    def _table(self, word: str) -> None:
        self._act("table")
        self.words["table"] = iproute.number(iproute.TABLES, self.line.value(word), _UINT32, word, 1)

    def _goto(self, word: str) -> None:
        self._act(word)
        self.words["action"] = _GOTO
        self.words["goto"] = self.line.number(word, _UINT32)

    def _plain_action(self, word: str) -> None:
        self._act(word)
        self.words["action"] = _ACTIONS[word]

    def _l3mdev(self, word: str) -> None:
        self._act(word)
        self.words["l3mdev"] = True

    def _not(self, word: str) -> None:
        self.line.once(word)
        self.words["inverts"] = True

    def _family(self, word: str) -> None:
        self.line.meet(Family.IPV4 if word == "inet" else Family.IPV6, word, None)

    def _network(self, word: str) -> None:
        self.line.once(word)
        key = "source" if word == "from" else "destination"
        self.words[key] = self.line.network(self.line.value(word), word, strict=False)

    def _preference(self, word: str) -> None:
        self.line.once("preference")
        self.words["preference"] = self.line.number(word, _UINT32)

    def _tos(self, word: str) -> None:
        self.line.once("tos")
        self.words["tos"] = iproute.number(iproute.DSFIELDS, self.line.value(word), 255, word)

    def _fwmark(self, word: str) -> None:
        self.line.once(word)
        text = self.line.value(word)
        mark, slash, mask = text.partition("/")
        value, bits = iproute.plain(mark), iproute.plain(mask) if slash else None
        if value is None or value > _UINT32 or (slash and (bits is None or bits > _UINT32)):
            raise EntryError(f"{quoted(text)} is not MARK or MARK/MASK, each a number of 32 bits", word)
        self.words["mark"] = value
        if bits is not None:
            self.words["mark_mask"] = bits

    def _realms(self, word: str) -> None:
        self.line.once(word)
        self.words["realm"] = self.line.realms()

    def _device(self, word: str) -> None:
        name = "oif" if word == "oif" else "iif"
        self.line.once(name)
        self.words[name] = self.line.device(word)

    def _suppress_prefixlength(self, word: str) -> None:
        self.line.once("suppress_prefixlength")
        self.words["suppress_prefixlength"] = self.line.number(word, 128)

    def _suppress_ifgroup(self, word: str) -> None:
        self.line.once("suppress_ifgroup")
        text = self.line.value(word)
        self.words["suppress_ifgroup"] = iproute.number(iproute.GROUPS, text, 0x7FFFFFFF, word)

    def _tunnel_id(self, word: str) -> None:
        self.line.once("tun_id")
        self.words["tunnel_id"] = self.line.number(word, (1 << 64) - 1)

    def _uid_range(self, word: str) -> None:
        self.line.once(word)
        self.words["uid_range"] = self.line.span(word, _UINT32 - 1)

    def _protocol(self, word: str) -> None:
        self.line.once(word)
        self.words["protocol"] = iproute.number(iproute.PROTOCOLS, self.line.value(word), 255, word)

    def _ip_protocol(self, word: str) -> None:
        self.line.once("ip_proto")
        text = self.line.value(word)
        value = iproute.plain(text)
        if value is None:
            try:
                value = socket.getprotobyname(text.lower())
            except OSError as error:
                raise EntryError(f"{quoted(text)} is not an IP protocol", word) from error
        if not 1 <= value <= 255:
            raise EntryError(f"{quoted(text)} is not in 1..255", word)
        self.words["ip_protocol"] = value

    def _ports(self, word: str) -> None:
        self.line.once(word)
        ports = self.line.span(word, _PORT_MOST)
        if not ports[0]:
            raise EntryError("begins at 1", word)
        self.words[word] = ports

    def _no_track(self, word: str) -> None:
        self.line.once(word)
        self.words["is_tracked"] = False


_WORDS: dict[str, Callable[[_Rule, str], None]] = {
    "not": _Rule._not,
    "inet": _Rule._family,
    "inet6": _Rule._family,
    "from": _Rule._network,
    "to": _Rule._network,
    "preference": _Rule._preference,
    "priority": _Rule._preference,
    "order": _Rule._preference,
    "tos": _Rule._tos,
    "dsfield": _Rule._tos,
    "fwmark": _Rule._fwmark,
    "realms": _Rule._realms,
    "iif": _Rule._device,
    "dev": _Rule._device,
    "oif": _Rule._device,
    "table": _Rule._table,
    "lookup": _Rule._table,
    "goto": _Rule._goto,
    "nop": _Rule._plain_action,
    "blackhole": _Rule._plain_action,
    "unreachable": _Rule._plain_action,
    "prohibit": _Rule._plain_action,
    "l3mdev": _Rule._l3mdev,
    "suppress_prefixlength": _Rule._suppress_prefixlength,
    "sup_pl": _Rule._suppress_prefixlength,
    "suppress_ifgroup": _Rule._suppress_ifgroup,
    "sup_group": _Rule._suppress_ifgroup,
    "tun_id": _Rule._tunnel_id,
    "tunnel-id": _Rule._tunnel_id,
    "uidrange": _Rule._uid_range,
    "protocol": _Rule._protocol,
    "ip_proto": _Rule._ip_protocol,
    "ipproto": _Rule._ip_protocol,
    "sport": _Rule._ports,
    "dport": _Rule._ports,
    "no_track": _Rule._no_track,
}

"""A line of virtual_routes, as keepalived.conf(5) and ip-route(8) write it, to model.VirtualRoute.

Words are written in full, as in keepalived. Defaults are keepalived's: scope global, table main, in front of
other routes to the same destination (`prepend`).
"""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from vrrpd_fast.config import iproute
from vrrpd_fast.config.addresses import EntryError, parse_address
from vrrpd_fast.config.encapsulation import encapsulation
from vrrpd_fast.config.entry import ANYWHERE, Line
from vrrpd_fast.config.problems import quoted
from vrrpd_fast.model import Family, NextHop, VirtualRoute

# RTN_ of linux/rtnetlink.h
KINDS = {
    "unicast": 1,
    "local": 2,
    "broadcast": 3,
    "anycast": 4,
    "multicast": 5,
    "blackhole": 6,
    "unreachable": 7,
    "prohibit": 8,
    "throw": 9,
}
_LEADS_NOWHERE = (6, 7, 8, 9)
_UINT32 = 0xFFFFFFFF
_SCOPE_LINK, _SCOPE_HOST = 253, 254
# Scopes without which IPv4 refuses these kinds.
_SCOPE_OF = {2: _SCOPE_HOST, 3: _SCOPE_LINK, 4: _SCOPE_LINK}

# RTAX_ of linux/rtnetlink.h; those that may be locked against what the path tells (ip-route(8)).
_RTAX_LOCK, _RTAX_FEATURES, _RTAX_CC_ALGO = 1, 12, 16
_FEATURES = {"ecn": 1}
_PLAIN_METRICS = {
    "mtu": 2,
    "window": 3,
    "ssthresh": 6,
    "cwnd": 7,
    "advmss": 8,
    "reordering": 9,
    "hoplimit": 10,
    "initcwnd": 11,
    "initrwnd": 14,
    "quickack": 15,
    "fastopen_no_cookie": 17,
}
# How many units of the kernel a millisecond has.
_TIME_METRICS = {"rtt": (4, 8), "rttvar": (5, 4), "rto_min": (13, 1)}
_LOCKABLE = {"mtu", "rtt", "rttvar", "ssthresh", "cwnd", "advmss", "reordering", "hoplimit", "rto_min"}
_MOST = {"hoplimit": 255, "quickack": 1, "fastopen_no_cookie": 1}

# ICMPV6_ROUTER_PREF_ of linux/icmpv6.h
_PREFERENCES = {"low": 3, "medium": 0, "high": 1}
_VERBS = ("add", "append", "prepend")
_WEIGHT_MOST = 256


def parse_route(text: str) -> VirtualRoute:
    """One line of virtual_routes; raises EntryError."""
    return _Route(text).finish()


class _Hop:
    """A next hop while its words are read."""

    def __init__(self) -> None:
        self.words: dict[str, Any] = {}

    def finish(self) -> NextHop:
        return NextHop(**self.words)


class _Route:
    """A route while its words are read."""

    def __init__(self, text: str) -> None:
        self.line = Line(text, "route")
        self.words: dict[str, Any] = {}
        self.metrics: dict[int, int] = {}
        self.first = _Hop()
        self.second: IPv4Address | IPv6Address | None = None
        self.hops: list[_Hop] = []
        self.destination: IPv4Network | IPv6Network | None = None
        self.is_anywhere = False
        while self.line.has_more and not self.hops:
            self._word(self.line.take())

    def finish(self) -> VirtualRoute:
        line, words = self.line, self.words
        if self.destination is None and not self.is_anywhere:
            raise EntryError("a route needs a destination")
        family = line.family or Family.IPV4
        destination = self.destination
        if destination is None:
            destination = IPv4Network("0.0.0.0/0") if family is Family.IPV4 else IPv6Network("::/0")
        self._check_family(family)
        kind = words.setdefault("kind", KINDS["unicast"])
        hops = self._next_hops(kind, family)
        if family is Family.IPV4 and kind in _SCOPE_OF:
            words.setdefault("scope", _SCOPE_OF[kind])
        return VirtualRoute(
            text=line.text,
            destination=destination,
            next_hops=hops,
            metrics=tuple(sorted(self.metrics.items())),
            **words,
        )

    def _next_hops(self, kind: int, family: Family) -> tuple[NextHop, ...]:
        first, hops = self.first.finish(), [hop.finish() for hop in self.hops]
        if self.second is not None:
            hops = [first, NextHop(via=self.second, dev=first.dev, onlink=first.onlink)]
        elif hops and self.first.words:
            raise EntryError(f"{', '.join(self.first.words)} and nexthop: one route, one way of writing it")
        elif self.first.words:
            hops = [first]
        if kind in _LEADS_NOWHERE and hops and (family is Family.IPV4 or len(hops) > 1 or hops[0].via):
            name = next(name for name, value in KINDS.items() if value == kind)
            raise EntryError(f"{name} leads nowhere; leave out via, dev and nexthop")
        if kind not in _LEADS_NOWHERE and not any(hop.via or hop.dev for hop in hops):
            raise EntryError("leads nowhere: it needs via, dev or nexthop, or to be blackhole")
        return tuple(hops)

    def _check_family(self, family: Family) -> None:
        """What only one of the families has."""
        for key, name in (("preference", "pref"), ("expires", "expires"), ("source", "from")):
            if self.words.get(key) is not None and family is Family.IPV4:
                raise EntryError("is for IPv6 only", name)
        if family is Family.IPV6 and any(hop.words.get("realm") for hop in (self.first, *self.hops)):
            raise EntryError("is for IPv4 only", "realms")

    def _word(self, word: str) -> None:
        if (handler := _ROUTE_WORDS.get(word)) is not None:
            handler(self, word)
        elif word in _PLAIN_METRICS or word in _TIME_METRICS:
            self._metric(word)
        elif word in KINDS:
            self.line.once("the kind of a route")
            self.words["kind"] = KINDS[word]
        elif word in _HOP_WORDS:
            self._hop_word(word, self.first)
        elif "." in word or ":" in word or word in ANYWHERE:
            self._destination(word, None)
        else:
            raise self.line.unknown(word, _known())

    def _hop_word(self, word: str, hop: _Hop) -> None:
        if word == "oif":
            word = "dev"
        elif word == "gw":
            word = "via"
        if word in hop.words:
            raise EntryError("stands twice", word)
        line = self.line
        if word == "via":
            hop.words["via"] = self._gateway()
        elif word == "dev":
            hop.words["dev"] = line.device("dev")
        elif word == "onlink":
            hop.words["onlink"] = True
        elif word == "weight":
            hop.words["weight"] = line.number("weight", _WEIGHT_MOST, 1)
        elif word == "encap":
            hop.words["encapsulation"] = encapsulation(line)
        else:
            hop.words["realm"] = line.realms()

    def _gateway(self) -> IPv4Address | IPv6Address:
        """`via [inet|inet6] ADDRESS`: with the family named it may be another than the route's."""
        if self.line.peek() not in ("inet", "inet6"):
            return self.line.address("via")
        wanted = 4 if self.line.take() == "inet" else 6
        text = self.line.value("via")
        try:
            address = parse_address(text)
        except EntryError as error:
            raise EntryError(str(error), "via") from error
        if address.version != wanted:
            raise EntryError(f"{address} is not IPv{wanted}", "via")
        return address

    def _destination(self, text: str, key: str | None) -> None:
        if self.destination is not None or self.is_anywhere:
            raise EntryError(f"{quoted(text)}: the route has a destination already")
        self.destination = self.line.network(text, key, strict=True)
        self.is_anywhere = self.destination is None

    def _metric(self, word: str) -> None:
        line = self.line
        if line.skip("lock"):
            if word not in _LOCKABLE:
                raise EntryError("cannot be locked", word)
            self._lock(_PLAIN_METRICS.get(word) or _TIME_METRICS[word][0])
        if word in _TIME_METRICS:
            rtax, scale = _TIME_METRICS[word]
            self.metrics[rtax] = line.time(word, scale)
        else:
            self.metrics[_PLAIN_METRICS[word]] = line.number(word, _MOST.get(word, _UINT32))

    def _lock(self, rtax: int) -> None:
        self.metrics[_RTAX_LOCK] = self.metrics.get(_RTAX_LOCK, 0) | 1 << rtax

    # -- one method for each word or for words of one kind ------------------------------------------------

    def _to(self, word: str) -> None:
        if self.line.peek() in KINDS:
            self._word(self.line.take())
        self._destination(self.line.value(word), word)

    def _family(self, word: str) -> None:
        self.line.meet(Family.IPV4 if word == "inet" else Family.IPV6, word, None)

    def _source(self, word: str) -> None:
        self.line.once(word)
        self.words["source"] = self.line.network(self.line.value(word), word, strict=True)

    def _preferred_source(self, word: str) -> None:
        self.line.once(word)
        self.words["preferred_source"] = self.line.address(word)

    def _tos(self, word: str) -> None:
        self.line.once("tos")
        self.words["tos"] = iproute.number(iproute.DSFIELDS, self.line.value(word), 255, word)

    def _table(self, word: str) -> None:
        self.line.once("table")
        self.words["table"] = iproute.number(iproute.TABLES, self.line.value(word), _UINT32, word, 1)

    def _vrf(self, word: str) -> None:
        self.line.once(word)
        self.words["vrf"] = self.line.device(word)

    def _protocol(self, word: str) -> None:
        self.line.once(word)
        self.words["protocol"] = iproute.number(iproute.PROTOCOLS, self.line.value(word), 255, word, 1)

    def _scope(self, word: str) -> None:
        self.line.once(word)
        self.words["scope"] = iproute.number(iproute.SCOPES, self.line.value(word), 255, word)

    def _metric_of_route(self, word: str) -> None:
        self.line.once("metric")
        self.words["metric"] = self.line.number(word, _UINT32)

    def _features(self, word: str) -> None:
        self.metrics[_RTAX_FEATURES] = _FEATURES[self.line.choice(word, _FEATURES)]

    def _congestion_control(self, word: str) -> None:
        self.line.once(word)
        if self.line.skip("lock"):
            self._lock(_RTAX_CC_ALGO)
        name = self.line.value(word)
        if len(name.encode()) > 15:  # TCP_CA_NAME_MAX without the terminating zero
            raise EntryError(f"{quoted(name)} is longer than 15 characters", word)
        self.words["congestion_control"] = name

    def _pref(self, word: str) -> None:
        self.line.once(word)
        self.words["preference"] = _PREFERENCES[self.line.choice(word, _PREFERENCES)]

    def _expires(self, word: str) -> None:
        self.line.once(word)
        self.words["expires"] = self.line.number(word, 0x7FFFFFFF, 1)

    def _ttl_propagate(self, word: str) -> None:
        self.line.once(word)
        self.words["ttl_propagate"] = self.line.choice(word, ("enabled", "disabled")) == "enabled"

    def _verb(self, word: str) -> None:
        self.line.once("add, append or prepend")
        self.words["is_exclusive"] = word == "add"
        self.words["is_appended"] = word == "append"

    def _no_track(self, word: str) -> None:
        self.line.once(word)
        self.words["is_tracked"] = False

    def _or(self, word: str) -> None:
        self.line.once(word)
        if "via" not in self.first.words:
            raise EntryError("stands behind via", word)
        self.second = self.line.address(word)

    def _nexthop(self, word: str) -> None:
        """`nexthop [via A] [dev IF] [weight N] [onlink] …` up to the next nexthop; nothing follows them."""
        hop = _Hop()
        self.hops.append(hop)
        while (ahead := self.line.peek()) is not None:
            if ahead == word:
                self.line.take()
                hop = _Hop()
                self.hops.append(hop)
            elif ahead in _HOP_WORDS:
                self._hop_word(self.line.take(), hop)
            else:
                raise EntryError(f"{quoted(ahead)} stands behind nexthop; put it before the first one")
        if len(self.hops) == 1 and not hop.words:
            raise EntryError("needs via or dev", word)


_HOP_WORDS = ("via", "gw", "dev", "oif", "weight", "onlink", "encap", "realms")

_ROUTE_WORDS: dict[str, Callable[[_Route, str], None]] = {
    "to": _Route._to,
    "inet": _Route._family,
    "inet6": _Route._family,
    "from": _Route._source,
    "src": _Route._preferred_source,
    "tos": _Route._tos,
    "dsfield": _Route._tos,
    "table": _Route._table,
    "vrf": _Route._vrf,
    "protocol": _Route._protocol,
    "scope": _Route._scope,
    "metric": _Route._metric_of_route,
    "priority": _Route._metric_of_route,
    "preference": _Route._metric_of_route,
    "features": _Route._features,
    "congctl": _Route._congestion_control,
    "pref": _Route._pref,
    "expires": _Route._expires,
    "ttl-propagate": _Route._ttl_propagate,
    **dict.fromkeys(_VERBS, _Route._verb),
    "no_track": _Route._no_track,
    "or": _Route._or,
    "nexthop": _Route._nexthop,
}


def _known() -> list[str]:
    return [*_ROUTE_WORDS, *_HOP_WORDS, *_PLAIN_METRICS, *_TIME_METRICS, *KINDS]

"""Rules as messages: what pyroute2 reads in them is what was asked for."""

from typing import Any

import pytest
from pyroute2.netlink.rtnl.fibmsg import fibmsg

from vrrpd_fast.config.rules import parse_rule
from vrrpd_fast.model import OWNER_TAG
from vrrpd_fast.net import rtnl, rules


def read(message: bytes) -> Any:
    decoded = fibmsg(message)
    decoded.decode()
    return decoded


def test_every_word_is_in_the_message() -> None:
    text = (
        "not from 10.2.0.0/16 to 10.3.0.0/24 iif a oif b tos 0x10 fwmark 24/12 preference 39 table 300 "
        "realms 30/20 uidrange 5-6 ip_proto tcp sport 10-20 dport 80 suppress_prefixlength 0 "
        "suppress_ifgroup 3 tun_id 9"
    )
    decoded = read(rules.prepare(parse_rule(text)).add)
    fields = {
        name: decoded[name] for name in ("family", "dst_len", "src_len", "tos", "table", "action", "flags")
    }
    assert fields == {
        "family": 2,
        "dst_len": 24,
        "src_len": 16,
        "tos": 16,
        "table": 252,
        "action": 1,
        "flags": 2,
    }
    assert dict(decoded["attrs"]) == {
        "FRA_PRIORITY": 39,
        "FRA_PROTOCOL": OWNER_TAG,
        "FRA_SRC": "10.2.0.0",
        "FRA_DST": "10.3.0.0",
        "FRA_IIFNAME": "a",
        "FRA_OIFNAME": "b",
        "FRA_TABLE": 300,
        "FRA_FWMARK": 24,
        "FRA_FWMASK": 12,
        "FRA_FLOW": 30 << 16 | 20,
        "FRA_UID_RANGE": "5:6",
        "FRA_IP_PROTO": 6,
        "FRA_SPORT_RANGE": "10:20",
        "FRA_DPORT_RANGE": "80:80",
        "FRA_SUPPRESS_PREFIXLEN": 0,
        "FRA_SUPPRESS_IFGROUP": 3,
        "FRA_TUN_ID": 9,
    }


@pytest.mark.parametrize(
    ("words", "action", "attribute"),
    [
        ("goto 50", 2, ("FRA_GOTO", 50)),
        ("nop", 3, None),
        ("blackhole", 6, None),
        ("unreachable", 7, None),
        ("prohibit", 8, None),
        ("l3mdev", 1, ("FRA_L3MDEV", 1)),
    ],
)
def test_what_is_done(words: str, action: int, attribute: tuple[str, int] | None) -> None:
    decoded = read(rules.prepare(parse_rule(f"inet6 iif a {words} preference 5")).add)
    assert (decoded["family"], decoded["action"], decoded["table"]) == (10, action, 0)
    assert attribute is None or attribute in [tuple(each) for each in decoded["attrs"]]


def test_a_rule_is_removed_by_all_that_it_says() -> None:
    prepared = rules.prepare(parse_rule("from fd00::/64 table 5 preference 7 protocol 4"))
    add, remove = read(prepared.add), read(prepared.remove)
    assert dict(add["attrs"]) == dict(remove["attrs"])
    assert ("FRA_PROTOCOL", 4) in [tuple(each) for each in add["attrs"]]
    assert (add["header"]["type"], remove["header"]["type"]) == (rtnl.RTM_NEWRULE, rtnl.RTM_DELRULE)
    create = rtnl.NLM_F_REQUEST | rtnl.NLM_F_CREATE | rtnl.NLM_F_EXCL
    assert (add["header"]["flags"], remove["header"]["flags"]) == (create, rtnl.NLM_F_REQUEST)


def test_a_notification_has_the_key_of_the_rule() -> None:
    prepared = rules.prepare(parse_rule("from 10.0.0.0/8 table 5 preference 7"))
    assert rules.parse(prepared.add, 16, len(prepared.add)) == (prepared.key, OWNER_TAG)
    assert rules.parse(prepared.add, 16, 20) is None


def test_a_rule_without_a_preference_is_not_prepared() -> None:
    with pytest.raises(ValueError, match="has no preference"):
        rules.prepare(parse_rule("from 10.0.0.0/8 table 5"))

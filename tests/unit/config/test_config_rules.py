"""Lines of virtual_rules: what each word comes to, and what is said of lines that cannot be used."""

from ipaddress import IPv4Network, IPv6Network

import pytest

from vrrpd_fast.config.addresses import EntryError
from vrrpd_fast.config.rules import FIRST_PREFERENCE, Numbering, parse_rule
from vrrpd_fast.model import Family


@pytest.mark.parametrize(
    "line",
    [
        "from 192.168.2.0/24 table 1",
        "to 192.168.2.0/24 table 1 no_track",
        "from 192.168.28.0/24 to 192.168.29.0/26 table 5 iif p33p1 oif wlan0 tos 22 fwmark 24/12 "
        "preference 39 realms 30/20",
        "to 1:2:3:4:5:6:7:0/112 from 7:6:5:4:3:2::/96 table 6908 uidrange 10000-19999",
        "to 1:2:3:4:6:6:7:0/112 from 8:6:5:4:3:2::/96 l3mdev protocol 12 ip_proto UDP sport 10-20 "
        "dport 20-30",
    ],
)
def test_lines_of_the_manual_are_taken(line: str) -> None:
    assert parse_rule(line).text == line


def test_what_selects() -> None:
    rule = parse_rule(
        "not from 10.0.0.5/8 to 10.1.0.0/16 iif a oif b tos 0x10 fwmark 24/0xff ip_proto udp sport 10-20 "
        "dport 53 uidrange 5-6 tun_id 9 table main order 7 protocol bird no_track"
    )
    assert (rule.source, rule.destination) == (IPv4Network("10.0.0.0/8"), IPv4Network("10.1.0.0/16"))
    assert (rule.inverts, rule.iif, rule.oif, rule.tos, rule.mark, rule.mark_mask) == (
        True,
        "a",
        "b",
        16,
        24,
        255,
    )
    assert (rule.ip_protocol, rule.sport, rule.dport) == (17, (10, 20), (53, 53))
    assert (rule.uid_range, rule.tunnel_id, rule.table, rule.preference) == ((5, 6), 9, 254, 7)
    assert (rule.protocol, rule.is_tracked) == (12, False)


def test_what_is_done() -> None:
    actions = {"nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
    for word, number in actions.items():
        assert parse_rule(f"iif a {word} preference 5").action == number
    jump = parse_rule("iif a goto 50 preference 5")
    assert (jump.action, jump.goto) == (2, 50)
    assert parse_rule("iif a l3mdev preference 5").l3mdev
    table = parse_rule("iif a table 100 realms 3/4 suppress_prefixlength 0 suppress_ifgroup default")
    assert (table.action, table.table, table.realm) == (1, 100, 3 << 16 | 4)
    assert (table.suppress_prefixlength, table.suppress_ifgroup) == (0, 0)


def test_the_family_follows_from_addresses_or_is_named() -> None:
    assert parse_rule("fwmark 1 table 5").family is Family.IPV4
    assert parse_rule("inet6 fwmark 1 table 5").family is Family.IPV6
    assert parse_rule("from fd00::/64 table 5").source == IPv6Network("fd00::/64")
    assert parse_rule("from all table 5").source is None


def test_rules_without_a_preference_are_numbered_as_keepalived_does() -> None:
    numbering = Numbering()
    lines = (
        "from 10.0.0.0/8 table 1",
        "from fd00::/64 table 1",
        "iif a table 1 preference 3",
        "iif a table 2",
    )
    numbers = [numbering.number(parse_rule(line)).preference for line in lines]
    assert numbers == [FIRST_PREFERENCE, FIRST_PREFERENCE, 3, FIRST_PREFERENCE - 1]


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ("", None, "is empty"),
        ("from 10.0.0.0/8", None, "what to do"),
        ("from 10.0.0.0/8 table 5 blackhole", None, "a rule does one thing"),
        ("from 10.0.0.0/8 tabel 5", None, 'did you mean "table"?'),
        ("from 10.0.0.0/8 table 0", "table", "is not in 1.."),
        ("from 10.0.0.0/8 to fd00::/64 table 5", "to", "is IPv6 in an IPv4 rule"),
        ("from 10.0.0/8 table 5", "from", "is not an IP address"),
        ("from all table 5 pref 7", "pref", "write preference"),
        ("goto 50", "goto", "needs a preference"),
        ("goto 50 preference 50", "goto", "is not behind"),
        ("iif a blackhole realms 3", "realms", "needs table"),
        ("iif a nop suppress_ifgroup 3", "suppress_ifgroup", "needs table"),
        ("inet6 iif a table 3 realms 3", "realms", "IPv4 only"),
        ("fwmark 1/x table 5", "fwmark", "is not MARK or MARK/MASK"),
        ("sport 20-10 table 5", "sport", "at most the second"),
        ("dport 0-10 table 5", "dport", "begins at 1"),
        ("uidrange a table 5", "uidrange", "is not N or N-M"),
        ("ip_proto nosuch table 5", "ip_proto", "is not an IP protocol"),
        ("iif a iif b table 5", "iif", "stands twice"),
        ("iif a table 5 preference", "preference", "needs a value"),
    ],
)
def test_mistakes(line: str, key: str | None, said: str) -> None:
    with pytest.raises(EntryError) as caught:
        parse_rule(line)
    assert caught.value.key == key
    assert said in str(caught.value)

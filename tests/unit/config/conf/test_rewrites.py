"""What keepalived changes without an error is changed alike, and told with its place."""

from ipaddress import ip_address
from typing import Any

import pytest

from unit.config.conf.conf_texts import document, errors, instance_text, loaded, warnings
from vrrpd_fast.model import Instance

SECRET = "authentication {"
CHK = 'vrrp_script chk {\n  script "/bin/true"\n  weight 5\n}\n'


def result(text: str) -> tuple[Instance, list[str]]:
    """The instance `one` of a text, and the warnings about it without their lines."""
    told = [message.partition(": ")[2].removeprefix("vrrp_instance one: ") for message in warnings(text)]
    return loaded(text).config.instances["one"], told


@pytest.mark.parametrize(
    ("lines", "centiseconds", "told"),
    [
        (["advert_int 1.5"], 200, "1.5 s becomes 2 s"),
        (["advert_int 1.4"], 100, "1.4 s becomes 1 s"),
        (["advert_int 0.4"], 100, "0.4 s becomes 1 s"),
        (["version 3", "advert_int 0.123"], 12, "0.123 s becomes 0.12 s"),
        (["version 3", "advert_int 0.999999999"], 100, "0.999999999 s becomes 1 s"),
        (["version 3", "advert_int 50"], 4095, "50 s becomes 40.95 s"),
    ],
)
def test_an_interval_that_the_version_cannot_carry(lines: list[str], centiseconds: int, told: str) -> None:
    one, messages = result(instance_text(*lines))
    assert one.advert_int_cs == centiseconds
    assert [message.split(",")[0] for message in messages] == [f"advert_int: {told}"]


@pytest.mark.parametrize("seconds", ["0.01", "0.29", "0.57", "1.15", "40.95"])
def test_an_interval_that_version_3_carries_is_left_alone(seconds: str) -> None:
    one, messages = result(instance_text("version 3", f"advert_int {seconds}"))
    assert (one.advert_int_cs, messages) == (round(float(seconds) * 100), [])


@pytest.mark.parametrize(
    ("lines", "password", "told"),
    [
        (
            [SECRET, "auth_type PASS", "auth_pass 123456789", "}"],
            b"12345678",
            "auth_pass: only the",
        ),
        (
            [SECRET, "auth_pass x", "}"],
            b"",
            "left out, as keepalived does: there is no auth_type",
        ),
        (
            [SECRET, "auth_type PASS", "}"],
            b"",
            "left out, as keepalived does: there is no auth_pass",
        ),
        (
            ["version 3", SECRET, "auth_type PASS", "auth_pass x", "}"],
            b"",
            "left out, as keepalived does: version 3 has none",
        ),
        (
            ["strict_mode", SECRET, "auth_type PASS", "auth_pass x", "}"],
            b"",
            "left out, as keepalived does: strict mode has none",
        ),
    ],
)
def test_a_password_that_is_not_sent_as_it_stands(lines: list[str], password: bytes, told: str) -> None:
    one, messages = result(instance_text(*lines))
    assert one.auth_pass == password
    (message,) = messages
    assert message.startswith(f"authentication: {told}")


def test_a_password_that_ends_inside_a_character() -> None:
    (error,) = errors(instance_text(SECRET, "auth_type PASS", "auth_pass 1234567é", "}"))
    assert error.endswith("auth_pass: the first 8 bytes, which count, end inside a character")


@pytest.mark.parametrize(
    ("lines", "values", "told"),
    [
        (["state MASTER", "priority 100", "nopreempt"], {"preempt": True}, ["nopreempt"]),
        (["state MASTER", "priority 100", "preempt_delay 5"], {"preempt_delay": 0}, ["preempt_delay"]),
        (["priority 255", "nopreempt"], {"preempt": True}, ["nopreempt"]),
        (["priority 255", "preempt_delay 5"], {"preempt_delay": 0}, ["preempt_delay"]),
        (["nopreempt", "preempt_delay 5"], {"preempt": False, "preempt_delay": 0}, ["preempt_delay"]),
        (["strict_mode", "preempt_delay 5"], {"preempt_delay": 0}, ["preempt_delay"]),
        (["priority 255", "no_accept"], {"accept": True}, ["accept"]),
        (["strict_mode", "accept"], {"accept": False}, ["accept"]),
        (["strict_mode", "down_timer_adverts 5"], {"down_timer_adverts": 3}, ["down_timer_adverts"]),
        (
            ["strict_mode", "lower_prio_no_advert no"],
            {"lower_prio_no_advert": True},
            ["lower_prio_no_advert"],
        ),
        (
            ["strict_mode", "higher_prio_send_advert"],
            {"higher_prio_send_advert": False},
            ["higher_prio_send_advert"],
        ),
        (["strict_mode", "state MASTER", "priority 100"], {"priority": 100}, ["state"]),
        (["strict_mode", "state BACKUP", "priority 255"], {"priority": 255}, ["state"]),
        (["unicast_ttl 5"], {"unicast_ttl": 255, "is_unicast": False}, ["unicast_ttl"]),
        (["unicast_peer {", "}"], {"is_unicast": False}, ["unicast_peer"]),
        (["check_unicast_src"], {"is_unicast": False, "check_unicast_src": False}, ["check_unicast_src"]),
        (["track_src_ip"], {"track_src_ip": False}, ["track_src_ip"]),
        (
            ["unicast_peer {", "10.0.0.4", "}", "mcast_dst_ip 224.0.0.200"],
            {"is_unicast": True},
            ["mcast_dst_ip"],
        ),
        (
            ["unicast_src_ip 10.0.0.3"],
            {"is_unicast": False, "source_ip": ip_address("10.0.0.3")},
            ["unicast_src_ip"],
        ),
        (
            ["unicast_src_ip 10.0.0.3", "mcast_src_ip 10.0.0.4", "unicast_peer {", "10.0.0.5", "}"],
            {"source_ip": ip_address("10.0.0.3")},
            ["mcast_src_ip"],
        ),
    ],
)
def test_a_word_without_effect(lines: list[str], values: dict[str, Any], told: list[str]) -> None:
    one, messages = result(instance_text(*lines))
    assert {name: getattr(one, name) for name in values} == values
    assert [message.split(":")[0] for message in messages] == told


def test_a_unicast_word_without_peers_may_be_a_fault() -> None:
    one, messages = result(instance_text("unicast_src_ip 10.0.0.3", "unicast_fault_no_peer"))
    assert (one.is_unicast, one.unicast_peers, messages) == (True, (), [])


def test_the_source_of_unicast_may_be_called_that_of_multicast() -> None:
    one, messages = result(instance_text("unicast_peer {", "10.0.0.4", "}", "mcast_src_ip 10.0.0.3"))
    assert (one.source_ip, messages) == (ip_address("10.0.0.3"), [])


def test_strict_defaults_that_strict_mode_does_not_have() -> None:
    text = "global_defs {\n vrrp_strict\n vrrp_garp_lower_prio_repeat 3\n}\n" + instance_text()
    assert warnings(text)[1:] == [
        "3: global_defs: vrrp_garp_lower_prio_repeat: left out, as keepalived does: not in strict mode, "
        "the RFC announces addresses once, when it becomes master"
    ]


@pytest.mark.parametrize("word", ["vrrp_skip_check_adv_addr", "v3_checksum_as_v2"])
def test_a_global_no_that_keepalived_takes_for_yes(word: str) -> None:
    text = f"global_defs {{\n {word} no\n}}\n" + instance_text()
    assert warnings(text) == [
        f"2: global_defs: {word}: off, as it says; keepalived switches it on whatever follows"
    ]


@pytest.mark.parametrize("word", ["skip_check_adv_addr", "v3_checksum_as_v2"])
def test_a_no_that_keepalived_takes_for_yes(word: str) -> None:
    one, messages = result(instance_text(f"{word} no"))
    assert (one.skip_check_adv_addr, one.checksum) == (False, "rfc5798")
    assert messages == [f"{word}: off, as it says; keepalived switches it on whatever follows"]
    assert result(instance_text(word))[1] == []


def test_strict_mode_for_all_is_told() -> None:
    """It stands in the installed example, and is copied from there."""
    (message,) = warnings("global_defs {\n vrrp_strict\n}\n" + instance_text())
    assert message.startswith("2: global_defs: vrrp_strict: packets for the virtual addresses are dropped")
    assert warnings("global_defs {\n vrrp_strict no\n}\n" + instance_text()) == []
    assert warnings(instance_text("strict_mode")) == []


def addresses(one: Instance) -> tuple[list[str], list[str]]:
    return (
        [str(address.address) for address in one.virtual_addresses],
        [str(address.address) for address in one.excluded_addresses],
    )


@pytest.mark.parametrize(
    ("listed", "kept", "told"),
    [
        ("10.0.0.1, 2001:db8::1, 10.0.0.2", ["10.0.0.1", "10.0.0.2"], ["it is IPv6 and"]),
        ("fe80::1, 10.0.0.1", ["fe80::1"], ["it is IPv4 and"]),
        ("10.0.0.1, 10.0.0.1 label eth0:1", ["10.0.0.1"], ["stands twice in this instance"]),
        ("10.0.0.1, 10.0.0.1/24 dev eth0", ["10.0.0.1"], ["stands twice in this instance"]),
        ("10.0.0.1, 10.0.0.1 dev eth1", ["10.0.0.1", "10.0.0.1"], []),
        ("fe80::1 label eth0:1 scope link dev eth1", ["fe80::1"], ["label is left out", "scope is left out"]),
    ],
)
def test_addresses_that_an_instance_cannot_have(listed: str, kept: list[str], told: list[str]) -> None:
    one, messages = result(instance_text(addresses=listed))
    assert addresses(one) == (kept, [])
    assert len(messages) == len(told)
    assert all(piece in message for piece, message in zip(told, messages, strict=True))


def test_an_excluded_address_that_is_listed_already() -> None:
    text = instance_text("virtual_ipaddress_excluded {", "10.0.0.1", "10.0.0.2", "2001:db8::1", "}")
    one, messages = result(text)
    assert addresses(one) == (["10.0.0.1"], ["10.0.0.2", "2001:db8::1"])
    assert len(messages) == 1


@pytest.mark.parametrize(
    ("network", "room", "lines"),
    [("10.0.{}.{}", 255, []), ("10.0.{}.{}", 255, ["version 3"]), ("fe80::{}:{}", 90, [])],
)
def test_more_addresses_than_an_advert_has_room_for(network: str, room: int, lines: list[str]) -> None:
    many = [network.format(i // 100, i % 100 + 1) for i in range(room + 45)]
    text = instance_text(*lines, "virtual_ipaddress_excluded {", "192.0.2.1", "}", addresses=",".join(many))
    one, messages = result(text)
    assert addresses(one) == (
        [str(ip_address(address)) for address in many[:room]],
        ["192.0.2.1", *(str(ip_address(address)) for address in many[room:])],
    )
    (message,) = messages
    assert f"an advert has room for {room}" in message
    line = int(warnings(text)[0].split(":")[0])
    assert text.splitlines()[line - 1].strip() == many[room]


def test_a_mistake_in_an_address_that_was_moved_is_found_where_it_stands() -> None:
    many = [f"10.0.{i // 100}.{i % 100 + 1}" for i in range(300)]
    many[290] += "/33"
    text = instance_text(addresses=",".join(many))
    (error,) = errors(text)
    assert text.splitlines()[int(error.split(":")[0]) - 1].strip() == many[290]


def test_ipv6_in_version_2() -> None:
    """keepalived sends such adverts, which no RFC has, but in strict mode."""
    one, messages = result(instance_text("strict_mode", "version 2", addresses="fe80::1"))
    assert one.version == 3
    assert messages == ["version: becomes 3, as in keepalived: strict mode has no IPv6 in 2"]
    (error,) = errors(instance_text("version 2", addresses="fe80::1"))
    assert "version: 2 has no IPv6" in error


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        (["track_script {", "chk", "}"], []),
        (["track_script {", "chk weight 0", "}"], ["chk"]),
        (["track_script {", "chk weight 3", "}"], []),
        (["track_interface {", "eth1 weight 3", "eth2", "}"], ["eth2"]),
    ],
)
def test_weights_do_not_move_an_owner(lines: list[str], kept: list[str]) -> None:
    text = CHK + instance_text("priority 255", *lines)
    one = loaded(text).config.instances["one"]
    names = [track.name for track in one.tracks]
    assert names == kept
    told = [message for message in warnings(text) if "priority 255" in message]
    assert len(told) == (0 if kept == ["chk"] else 1)


def test_a_script_that_stands_below_counts() -> None:
    one, messages = result(instance_text("track_script {", "chk", "}") + CHK)
    assert [track.name for track in one.tracks] == ["chk"]
    assert messages == [
        "track_script: vrrp_script chk stands below, on line 11, where keepalived does not look: "
        "there this entry is left out, here it counts"
    ]
    assert result(CHK + instance_text("track_script {", "chk", "}"))[1] == []


@pytest.mark.parametrize(
    ("delay", "lines", "served"),
    [
        ("10 5", [], (1.996094, 1.996094)),
        ("10 1", [], (1.996094, 1)),
        ("1.5", [], (1.5, 0)),
        ("1.5 0", ["version 3", "advert_int 0.2", "down_timer_adverts 5"], (0.799219, 0)),
        ("2.5 1", ["strict_mode", "down_timer_adverts 5"], (1.996094, 1)),
    ],
)
def test_a_delay_ends_before_others_take_over(
    delay: str, lines: list[str], served: tuple[float, float]
) -> None:
    text = f"interface_up_down_delays {{\n  eth0 {delay}\n}}\n" + instance_text(*lines)
    found = loaded(text).config.interface_delays["eth0"]
    assert (found.down, found.up) == served
    told = [message for message in warnings(text) if "interface_up_down_delays" in message]
    assert len(told) == (not delay.startswith(f"{served[0]:g}"))


@pytest.mark.parametrize(
    ("lines", "key", "value", "which"),
    [
        (["priority 100", "priority 120"], "priority", 120, "this one"),
        (["nopreempt", "preempt"], "nopreempt", False, "this one"),
        (["accept", "no_accept"], "accept", False, "this one"),
        (["state MASTER", "state BACKUP"], "state", "MASTER", "that one"),
        (["state BACKUP", "state MASTER"], "state", "MASTER", "this one"),
        (["notify_master /a", "notify_master /b"], "notify_master", "/a", "that one"),
        (["garp_extra_if 5", "vmac_garp_intvl 7"], "garp_extra_if", 7, "this one"),
    ],
)
def test_a_word_that_stands_twice(lines: list[str], key: str, value: object, which: str) -> None:
    text = instance_text("interface eth0", *lines)
    assert document(text)["vrrp_instance"]["one"][key] == value
    assert (
        f"5: vrrp_instance one: {key}: stands twice, first on line 4; {which} counts, as in keepalived"
        in warnings(text)
    )


def test_blocks_that_stand_twice_are_one() -> None:
    text = "global_defs {\n router_id a\n}\nglobal_defs {\n vrrp_version 3\n}\n" + instance_text(
        "virtual_ipaddress {", "10.0.0.2", "}"
    )
    found = document(text)
    assert found["global_defs"] == {"router_id": "a", "vrrp_version": 3, "check_addresses": "strict"}
    assert found["vrrp_instance"]["one"]["virtual_ipaddress"] == ["10.0.0.2", "10.0.0.1"]


@pytest.mark.parametrize("second", ["vrrp_instance one", "vrrp_script chk"])
def test_a_name_that_stands_twice(second: str) -> None:
    (error,) = errors(CHK + instance_text("track_script {", "chk", "}") + f"{second} {{\n}}\n")
    assert "stands twice, first on line" in error


def test_an_advert_with_other_addresses_is_discarded_as_by_keepalived() -> None:
    text = instance_text("version 3") + instance_text(name="two", vrid=2, addresses="10.0.0.2")
    instances = loaded(text).config.instances
    assert (instances["one"].check_addresses, instances["two"].check_addresses) == (True, False)

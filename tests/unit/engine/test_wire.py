"""engine/wire: packing, patching, judging. The oracle is tests/reference/codec.py."""

import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reference import codec
from vrrpd_fast.engine import wire

REASONS = [reason for reason, _ in wire.REJECTS]
SOURCE = {4: bytes([192, 0, 2, 1]), 6: bytes.fromhex("fe80") + bytes(13) + b"\x01"}
ADDRESS = {4: bytes([192, 0, 2, 254]), 6: bytes.fromhex("fe80") + bytes(13) + b"\x51"}
KINDS = [(4, 2), (4, 3), (6, 3)]

Fields = dict[str, Any]

octet = st.integers(0, 255)
packed = {family: st.binary(min_size=size, max_size=size) for family, size in ((4, 4), (6, 16))}


@st.composite
def adverts(draw: st.DrawFn) -> Fields:
    """Arguments that pack_advert accepts."""
    family, version = draw(st.sampled_from(KINDS))
    interval_cs = draw(st.integers(1, 4095) if version == 3 else st.integers(1, 255).map(lambda s: s * 100))
    return {
        "family": family,
        "version": version,
        "vrid": draw(st.integers(1, 255)),
        "priority": draw(octet),
        "interval_cs": interval_cs,
        "addresses": draw(st.lists(packed[family], min_size=1, max_size=255)),
        "source": draw(packed[family]),
        "destination": draw(packed[family] | st.just(codec.GROUPS[family])),
        "ttl": draw(octet),
    }


def arguments(family: int, version: int, /, **changes: Any) -> Fields:
    return {
        "family": family,
        "version": version,
        "vrid": 51,
        "priority": 100,
        "interval_cs": 100,
        "addresses": [ADDRESS[family]],
        "source": SOURCE[family],
        "destination": codec.GROUPS[family],
        **changes,
    }


def both_ipv4(datagram: bytes, expected_version: int = 0) -> str:
    """The reason on which both codecs agree."""
    verdict, advert = wire.judge_ipv4(datagram, expected_version)
    assert (REASONS[verdict], advert) == codec.judge_ipv4(datagram, expected_version)
    return REASONS[verdict]


def both_ipv6(
    message: bytes,
    source: bytes = SOURCE[6],
    destination: bytes = codec.GROUPS[6],
    hop_limit: int = 255,
    expected_version: int = 0,
) -> str:
    verdict, advert = wire.judge_ipv6(message, source, destination, hop_limit, expected_version)
    expected = codec.judge_ipv6(message, source, destination, hop_limit, expected_version)
    assert (REASONS[verdict], advert) == expected
    return REASONS[verdict]


def judge(datagram: bytes, expected_version: int = 0) -> str:
    """Both codecs on a whole datagram; of IPv6 only what a raw socket tells."""
    if datagram[0] >> 4 == 4:
        return both_ipv4(datagram, expected_version)
    return both_ipv6(datagram[40:], datagram[8:24], datagram[24:40], datagram[7], expected_version)


def test_rejects_are_numbered_as_in_the_header() -> None:
    assert " ".join(REASONS) == (
        "accepted ttl short version type length checksum vrid own peer auth interval count addresses"
    )
    assert all(counter for _, counter in wire.REJECTS)


def test_self_test_passes() -> None:
    wire.self_test()


# Packing


@given(adverts(), st.sampled_from(["rfc5798", "rfc9568"]))
def test_packs_what_the_reference_packs(fields: Fields, form: str) -> None:
    assert wire.pack_advert(**fields, checksum=form) == codec.datagram(**fields, form=form)


@given(adverts(), st.sampled_from(["rfc5798", "rfc9568"]), st.sampled_from([0, 2, 3]))
def test_what_is_packed_is_judged_alike_and_comes_back(
    fields: Fields, form: str, expected_version: int
) -> None:
    datagram = wire.pack_advert(**fields, checksum=form)
    reason = judge(datagram, expected_version)
    if fields["ttl"] != 255:
        assert reason == "ttl"
    elif expected_version not in (0, fields["version"]):
        assert reason == "version"
    else:
        assert reason == "accepted"


@pytest.mark.parametrize(("family", "version"), KINDS)
def test_fields_come_back(family: int, version: int) -> None:
    fields = arguments(family, version, vrid=7, priority=0, interval_cs=300)
    datagram = wire.pack_advert(**fields)
    if family == 4:
        verdict, advert = wire.judge_ipv4(datagram, version)
    else:
        verdict, advert = wire.judge_ipv6(datagram[40:], SOURCE[6], codec.GROUPS[6], 255, version)
    assert verdict == 0
    assert advert is not None
    assert advert._asdict() == {
        "family": family,
        "version": version,
        "type": 1,
        "vrid": 7,
        "priority": 0,
        "interval_cs": 300,
        "auth_type": 0,
        "multicast": True,
        "source": SOURCE[family],
        "destination": codec.GROUPS[family],
        "addresses": (ADDRESS[family],),
        "ttl": 255,
        "auth_data": bytes(8) if version == 2 else b"",
    }


@pytest.mark.parametrize(("family", "version"), KINDS)
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("family", 5),
        ("version", 4),
        ("vrid", 0),
        ("vrid", 256),
        ("priority", -1),
        ("priority", 256),
        ("ttl", 256),
        ("interval_cs", 0),
        ("interval_cs", 25600),
        ("addresses", []),
        ("addresses", [b"\1\2\3"]),
        ("addresses", ["10.0.0.1"]),
        ("source", b""),
        ("destination", bytes(5)),
        ("checksum", "auto"),
    ],
)
def test_unpackable_field_is_named(family: int, version: int, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field}:"):
        wire.pack_advert(**arguments(family, version, **{field: value}))


def test_too_many_addresses() -> None:
    with pytest.raises(ValueError, match=r"^addresses: count: 256"):
        wire.pack_advert(**arguments(4, 3, addresses=[ADDRESS[4]] * 256))


def test_version_2_takes_whole_seconds_only() -> None:
    with pytest.raises(ValueError, match=r"^interval_cs: 150 is not whole seconds"):
        wire.pack_advert(**arguments(4, 2, interval_cs=150))
    with pytest.raises(ValueError, match=r"^interval_cs: 50 is not in"):
        wire.pack_advert(**arguments(4, 2, interval_cs=50))


@pytest.mark.rfc("P9")
def test_version_3_takes_12_bits() -> None:
    with pytest.raises(ValueError, match=r"^interval_cs: 4096 is not in"):
        wire.pack_advert(**arguments(4, 3, interval_cs=4096))


@pytest.mark.parametrize("password", [b"s", b"secret", b"12345678"])
def test_a_password_is_packed_and_survives_a_new_priority(password: bytes) -> None:
    fields = arguments(4, 2)
    padded = {"auth_type": 1, "auth_data": password.ljust(8, b"\0")}
    datagram = bytearray(wire.pack_advert(**fields, auth_pass=password))
    assert datagram == codec.datagram(**fields, **padded)
    wire.set_priority(datagram, 7)
    assert datagram == codec.datagram(**fields | {"priority": 7}, **padded)


@pytest.mark.parametrize(("version", "password"), [(3, b"secret"), (2, b"123456789")])
def test_a_password_that_cannot_be_packed(version: int, password: bytes) -> None:
    with pytest.raises(ValueError, match=r"^auth_pass: "):
        wire.pack_advert(**arguments(4, version), auth_pass=password)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("ttl", [-1, 0, 1, 64, 254, 255])
def test_who_wants_any_ttl_is_told_it(family: int, ttl: int) -> None:
    fields = arguments(family, 3)
    datagram = codec.datagram(family=family, **{key: fields[key] for key in fields if key != "family"})
    if family == 4:
        datagram = datagram[:8] + bytes((ttl % 256,)) + datagram[9:]
        verdict, advert = wire.judge_ipv4(datagram, 3, True)
        assert (REASONS[verdict], advert) == codec.judge_ipv4(datagram, 3, True)
    else:
        rest = (datagram[40:], datagram[8:24], datagram[24:40], ttl, 3, True)
        verdict, advert = wire.judge_ipv6(*rest)
        assert (REASONS[verdict], advert) == codec.judge_ipv6(*rest)
        assert verdict == (1 if ttl == -1 else 0)
    assert advert is None or advert.ttl == ttl % 256


def test_version_2_does_not_exist_over_ipv6() -> None:
    with pytest.raises(ValueError, match=r"^version: 2 does not exist over IPv6"):
        wire.pack_advert(**arguments(6, 2))


# Patching


@given(adverts(), octet, st.sampled_from(["rfc5798", "rfc9568"]))
def test_patching_gives_what_packing_anew_gives(fields: Fields, priority: int, form: str) -> None:
    datagram = bytearray(wire.pack_advert(**fields, checksum=form))
    wire.set_priority(datagram, priority)
    assert datagram == wire.pack_advert(**{**fields, "priority": priority}, checksum=form)


@pytest.mark.parametrize(("family", "version"), KINDS)
def test_patching_through_both_zeros_of_ones_complement(family: int, version: int) -> None:
    """Addresses chosen so that one of the priorities has checksum 0, which must not become 0xffff."""
    for target in (0, 1, 100, 254, 255):
        fields = arguments(family, version, priority=target)
        start = 20 if family == 4 else 40
        field = struct.unpack_from("!H", wire.pack_advert(**fields), start + 6)[0]
        tail = struct.unpack("!H", ADDRESS[family][-2:])[0] + field
        tail = (tail & 0xFFFF) + (tail >> 16)
        fields["addresses"] = [ADDRESS[family][:-2] + struct.pack("!H", tail)]
        assert struct.unpack_from("!H", wire.pack_advert(**fields), start + 6)[0] == 0
        for first in range(256):
            datagram = bytearray(wire.pack_advert(**{**fields, "priority": first}))
            for priority in (target, first, 0, target):
                wire.set_priority(datagram, priority)
                assert datagram == wire.pack_advert(**{**fields, "priority": priority})


def test_patching_finds_the_message_behind_ip_options() -> None:
    def with_options(priority: int) -> bytes:
        payload = codec.message(
            source=SOURCE[4], destination=codec.GROUPS[4], addresses=[ADDRESS[4]], priority=priority
        )
        return codec.ipv4(payload, source=SOURCE[4], destination=codec.GROUPS[4], options=bytes(8))

    datagram = bytearray(with_options(100))
    wire.set_priority(datagram, 0)
    assert datagram == with_options(0)


@pytest.mark.parametrize("cut", [0, 1, 19, 27])
def test_patching_refuses_what_holds_no_header(cut: int) -> None:
    with pytest.raises(ValueError, match=r"^datagram:"):
        wire.set_priority(bytearray(wire.pack_advert(**arguments(4, 3))[:cut]), 0)
    with pytest.raises(ValueError, match=r"^datagram:"):
        wire.set_priority(bytearray(wire.pack_advert(**arguments(6, 3))[: max(cut, 1) + 20]), 0)


def test_patching_refuses_a_priority_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"^priority:"):
        wire.set_priority(bytearray(wire.pack_advert(**arguments(4, 3))), 256)


# Judging


@given(st.binary(max_size=80), st.sampled_from([0, 2, 3]))
def test_random_bytes_are_judged_alike(data: bytes, expected_version: int) -> None:
    both_ipv4(data, expected_version)
    both_ipv6(data, expected_version=expected_version)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    """A good datagram with a few bytes changed, cut, or added."""
    fields = draw(adverts())
    fields["addresses"] = fields["addresses"][: draw(st.integers(1, 4))]
    fields["ttl"] = 255
    data = bytearray(wire.pack_advert(**fields))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(octet)
    change = draw(st.sampled_from(["keep", "cut", "add"]))
    if change == "cut":
        del data[draw(st.integers(1, len(data))) :]
    elif change == "add":
        data += draw(st.binary(min_size=1, max_size=20))
    return bytes(data)


@given(mutations(), st.sampled_from([0, 2, 3]))
@example(wire.pack_advert(**arguments(4, 3)) + b"\0", 0)
def test_mutations_are_judged_alike(data: bytes, expected_version: int) -> None:
    both_ipv4(data, expected_version)
    if len(data) >= 40:
        both_ipv6(data[40:], data[8:24], data[24:40], data[7], expected_version)


@given(
    st.sampled_from(KINDS),
    st.fixed_dictionaries(
        {},
        optional={
            "version": st.integers(0, 15),
            "type": st.integers(0, 15),
            "vrid": octet,
            "count": octet,
            "reserve": st.integers(0, 15),
            "auth_data": st.binary(max_size=9),
            "trailer": st.binary(max_size=9),
            "form": st.sampled_from(["rfc5798", "rfc9568"]),
            "checksum_error": st.integers(0, 65535),
            "ttl": octet,
        },
    ),
    st.sampled_from([0, 2, 3]),
)
def test_wrong_fields_under_a_right_checksum_are_judged_alike(
    kind: tuple[int, int], wrong: Fields, expected_version: int
) -> None:
    family, version = kind
    judge(codec.datagram(**{**arguments(family, version), **wrong}), expected_version)


def make(family: int, version: int, /, **changes: Any) -> bytes:
    return codec.datagram(**arguments(family, version, **changes))


def row(name: str, reason: str, changes: Fields, *rows: str) -> Any:
    return pytest.param(reason, changes, id=name, marks=pytest.mark.rfc(*rows))


@pytest.mark.parametrize(("family", "version"), KINDS)
@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        row("good", "accepted", {}, "P1", "P3"),
        row("TTL 254", "ttl", {"ttl": 254}, "R1"),
        row("TTL 0", "ttl", {"ttl": 0}, "R1"),
        row("TTL comes first", "ttl", {"ttl": 1, "checksum_error": 1}, "R1"),
        row("version 4", "version", {"version": 4}, "P4", "R3"),
        row("version 0", "version", {"version": 0}, "R3"),
        row("version before type", "version", {"version": 4, "type": 2}, "R3"),
        row("type 0", "type", {"type": 0}, "P4", "R4"),
        row("type 3", "type", {"type": 3}, "P4", "R4"),
        row("type before length", "type", {"type": 15, "count": 9}, "R4"),
        row("count lies, more", "length", {"count": 2}, "R5"),
        row("count lies, most", "length", {"count": 255}, "R5"),
        row("count lies, none", "length", {"count": 0}, "R5"),
        row("trailing bytes", "length", {"trailer": bytes(1)}, "R5"),
        row("trailing address", "length", {"trailer": bytes(16)}, "R5"),
        row("length before checksum", "length", {"trailer": bytes(1), "checksum_error": 1}, "R5"),
        row("checksum one off", "checksum", {"checksum_error": 1}, "R6"),
        row("checksum before VRID", "checksum", {"checksum_error": 32767, "vrid": 0}, "R6"),
        row("VRID 0", "vrid", {"vrid": 0}, "P5", "R7"),
        row("no addresses is for the machine to refuse", "accepted", {"addresses": []}, "R13"),
        row("reserve nibble", "accepted", {"reserve": 15}, "P8"),
        row("interval 0 is for the machine to refuse", "accepted", {"interval_cs": 0}, "P9"),
        row("owner", "accepted", {"priority": 255}, "P6"),
        row("release", "accepted", {"priority": 0}, "P6"),
    ],
)
def test_one_wrong_field(family: int, version: int, reason: str, changes: Fields) -> None:
    assert judge(make(family, version, **changes), version) == reason


@pytest.mark.rfc("R5")
@pytest.mark.parametrize(("family", "version"), KINDS)
def test_255_addresses(family: int, version: int) -> None:
    size = len(ADDRESS[family])
    addresses = [bytes(size - 1) + bytes([n]) for n in range(255)]
    datagram = make(family, version, addresses=addresses)
    assert judge(datagram) == "accepted"
    assert judge(datagram[:-1]) == "length"
    if family == 4:
        _, advert = wire.judge_ipv4(datagram)
        assert advert is not None
        assert list(advert.addresses) == addresses


@pytest.mark.rfc("R2", "R5")
@pytest.mark.parametrize(("family", "version"), KINDS)
def test_every_truncation_is_refused(family: int, version: int) -> None:
    """As a raw socket would give it (IP header unchanged), and as a short packet (length mended)."""
    datagram = make(family, version)
    start = 20 if family == 4 else 40
    for end in range(start, len(datagram)):
        expected = "short" if end - start < 8 else "length"
        assert judge(datagram[:end]) == expected
        if family == 4:
            mended = codec.ipv4(datagram[20:end], source=SOURCE[4], destination=codec.GROUPS[4])
            assert judge(mended) == expected
    if family == 4:
        for end in range(20):
            assert both_ipv4(datagram[:end]) == "short"


@pytest.mark.rfc("R3")
def test_version_that_is_not_the_configured_one() -> None:
    assert judge(make(4, 2), 3) == "version"
    assert judge(make(4, 3), 2) == "version"
    assert judge(make(6, 3), 2) == "version"


@pytest.mark.parametrize("expected_version", [0, 2, 3])
def test_version_2_over_ipv6_is_refused(expected_version: int) -> None:
    assert judge(make(6, 2), expected_version) == "version"


@pytest.mark.rfc("P14", "R5")
def test_version_2_needs_its_eight_bytes() -> None:
    assert judge(make(4, 2, auth_data=b"")) == "length"
    assert judge(make(4, 2, auth_data=bytes(7))) == "length"
    assert judge(make(4, 2, auth_data=bytes(9))) == "length"
    assert judge(make(4, 2, auth_data=b"password")) == "accepted"


def test_version_2_authentication_type_is_told() -> None:
    """R11 is the machine's."""
    verdict, advert = wire.judge_ipv4(make(4, 2, auth_type=1, auth_data=b"password"))
    assert verdict == 0
    assert advert is not None
    assert advert.auth_type == 1


@pytest.mark.rfc("P10", "R6")
def test_both_forms_of_the_checksum_over_ipv4() -> None:
    """The form without a pseudo-header is not for IPv6, the one with it is not for version 2."""
    for form in ("rfc5798", "rfc9568"):
        assert judge(make(4, 3, form=form)) == "accepted"
    message = make(6, 3)[40:]
    plain = message[:6] + bytes(2) + message[8:]
    plain = plain[:6] + struct.pack("!H", wire.checksum(plain)) + plain[8:]
    assert both_ipv6(plain) == "checksum"
    message = make(4, 2)[20:]
    pseudo = codec.pseudo_header(SOURCE[4], codec.GROUPS[4], len(message))
    covered = pseudo + message[:6] + bytes(2) + message[8:]
    with_pseudo = message[:6] + struct.pack("!H", wire.checksum(covered)) + message[8:]
    assert both_ipv4(codec.ipv4(with_pseudo, source=SOURCE[4], destination=codec.GROUPS[4])) == "checksum"


@pytest.mark.rfc("P10", "R6")
def test_checksum_covers_the_addresses_of_the_ip_header() -> None:
    message = make(6, 3)[40:]
    assert both_ipv6(message) == "accepted"
    assert both_ipv6(message, destination=SOURCE[6]) == "checksum"


ipv4_header = [
    ("options are skipped", "accepted", {"options": bytes(4)}),
    ("the longest header", "accepted", {"options": bytes(40)}),
    ("IHL below five", "short", {"header_words": 4}),
    ("IHL zero", "short", {"header_words": 0}),
    ("IHL past the end", "short", {"header_words": 15}),
    ("IHL that hides the message's start", "short", {"header_words": 7}),
    ("not IPv4", "short", {"ip_version": 6}),
    ("total length below the header", "short", {"total_length": 19}),
    ("total length zero", "short", {"total_length": 0}),
    ("total length without the fixed header", "short", {"total_length": 27}),
    ("total length one short", "length", {"total_length": 31}),
    ("total length one long", "length", {"total_length": 33}),
    ("total length longest", "length", {"total_length": 65535}),
    ("may be fragmented", "accepted", {"fragment": 0}),
    ("more fragments", "short", {"fragment": 0x2000}),
    ("last fragment", "short", {"fragment": 0x0001}),
    ("TTL comes before all that", "ttl", {"ttl": 64, "header_words": 3, "fragment": 0x2000}),
]


@pytest.mark.parametrize(("what", "reason", "header"), ipv4_header, ids=[row[0] for row in ipv4_header])
def test_ipv4_header(what: str, reason: str, header: Fields) -> None:
    payload = make(4, 3)[20:]
    datagram = codec.ipv4(payload, source=SOURCE[4], destination=codec.GROUPS[4], **header)
    assert both_ipv4(datagram) == reason


def test_link_padding_is_no_part_of_the_message() -> None:
    assert both_ipv4(make(4, 3) + bytes(14)) == "accepted"


def test_unicast_and_multicast_are_told_apart() -> None:
    for family, judge_one in ((4, lambda d: wire.judge_ipv4(d)), (6, judge_ipv6_datagram)):
        for destination, multicast in ((codec.GROUPS[family], True), (SOURCE[family], False)):
            verdict, advert = judge_one(make(family, 3, destination=destination))
            assert verdict == 0
            assert advert is not None
            assert advert.multicast is multicast


def judge_ipv6_datagram(datagram: bytes) -> tuple[int, wire.Advert | None]:
    return wire.judge_ipv6(datagram[40:], datagram[8:24], datagram[24:40], datagram[7])


def test_addresses_of_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^source:"):
        wire.judge_ipv6(b"", b"", SOURCE[6])
    with pytest.raises(ValueError, match=r"^destination:"):
        wire.judge_ipv6(b"", SOURCE[6], bytes(4))


# Peeking: which virtual router a packet would be for, however bad the rest is


def test_vrid_is_told_of_bad_packets() -> None:
    bad = make(4, 3, vrid=9, type=2, ttl=3, checksum_error=1, count=200)
    assert wire.vrid_ipv4(bad) == 9
    assert wire.vrid_ipv4(bad[:22]) == 9
    assert wire.vrid_ipv6(b"\x31\x09") == 9


@pytest.mark.parametrize("peek", [wire.vrid_ipv4, wire.vrid_ipv6])
def test_no_vrid_in_nothing(peek: Callable[[bytes], int]) -> None:
    assert peek(b"") == -1
    assert peek(b"\x31") == -1


def test_no_vrid_without_a_message() -> None:
    assert wire.vrid_ipv4(make(4, 3)[:21]) == -1
    payload = make(4, 3)[20:]
    wrong: list[Fields] = [{"header_words": 4}, {"header_words": 15}, {"fragment": 1}, {"ip_version": 6}]
    for header in wrong:
        assert wire.vrid_ipv4(codec.ipv4(payload, source=SOURCE[4], destination=SOURCE[4], **header)) == -1


# Checksum


def test_checksum_of_rfc_1071() -> None:
    """The example of RFC 1071 section 3 sums up to ddf2."""
    assert wire.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2


@given(st.binary(max_size=200))
@example(b"")
@example(b"\xff" * 64)
def test_checksum_is_that_of_the_reference(data: bytes) -> None:
    assert wire.checksum(data) == codec.checksum(data)

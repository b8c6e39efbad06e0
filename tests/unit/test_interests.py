"""Who wants to hear of what, and that nobody is left behind."""

from ipaddress import ip_address
from typing import Any

import pytest

from unit.samples import instance, on_link, on_script, packed, virtual
from vrrpd_fast.interests import ANY_DEVICE, Interests
from vrrpd_fast.model import TrackKind


@pytest.fixture
def interests() -> Interests:
    return Interests()


def test_devices_are_its_own_those_of_its_addresses_and_those_tracked(interests: Interests) -> None:
    made = instance("VI", virtual_addresses=(virtual("10.9.9.9", "a1"),))
    interests.add(made)
    interests.add(instance("other", tracks=(on_link("a2"),)))
    assert set(interests.of_device("a0")) == {"VI", "other"}
    assert set(interests.of_device("a1")) == {"VI"}
    assert set(interests.of_device("a2")) == {"other"}
    assert not interests.of_device("a3")
    assert not interests.of_device(ANY_DEVICE)


def test_addresses_and_scripts(interests: Interests) -> None:
    tracked = (on_script("chk"), on_script("chk", weight=2))
    interests.add(instance("VI", "10.9.9.9", excluded_addresses=(virtual("10.9.9.8"),), tracks=tracked))
    interests.add(instance("other", "10.9.9.9"))
    assert set(interests.of_address(packed("10.9.9.9"))) == {"VI", "other"}
    assert set(interests.of_address(packed("10.9.9.8"))) == {"VI"}
    assert interests.is_virtual(5, packed("10.9.9.8"))
    assert not interests.is_virtual(5, packed("10.9.9.7"))
    assert set(interests.of_tracked(TrackKind.SCRIPT, "chk")) == {"VI"}


@pytest.mark.parametrize(
    ("fields", "is_source", "is_anywhere"),
    [
        ({"source_ip": ip_address("10.0.0.7")}, False, False),
        ({"source_ip": ip_address("10.0.0.7"), "track_src_ip": True}, True, False),
        ({"source_ip": ip_address("10.0.0.7"), "track_src_ip": True, "interface": ""}, True, True),
        ({"track_src_ip": True}, False, False),
        ({"interface": ""}, False, True),
        ({"source_ip": ip_address("10.0.0.7"), "interface": ""}, False, False),
    ],
)
def test_a_source_address_that_must_be_there(
    interests: Interests, fields: dict[str, Any], is_source: bool, is_anywhere: bool
) -> None:
    interests.add(instance("VI", **fields))
    assert interests.is_source(packed("10.0.0.7")) is is_source
    assert ("VI" in interests.of_device(ANY_DEVICE)) is is_anywhere


def test_what_is_removed_leaves_nothing(interests: Interests) -> None:
    """Also when an address stands twice, on two interfaces."""
    twice = (virtual("10.9.9.9", "a0"), virtual("10.9.9.9", "a1"))
    made = instance(
        "VI",
        virtual_addresses=twice,
        tracks=(on_script("chk"), on_script("chk")),
        source_ip=ip_address("10.0.0.7"),
        track_src_ip=True,
    )
    interests.add(made)
    interests.add(instance("other", "10.9.9.9"))
    interests.remove(made)
    assert set(interests.of_address(packed("10.9.9.9"))) == {"other"}
    assert not interests.of_device("a1")
    interests.remove(instance("other", "10.9.9.9"))
    assert not any(index for index in vars(interests).values())

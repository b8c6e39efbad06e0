"""What a reload does for each field of a virtual router: it changes in place, or that one starts over."""

import itertools
from functools import partial
from ipaddress import ip_address
from typing import Any

import pytest
from msgspec import structs

from lab.kit.netns import in_new_namespace
from unit.samples import instance, on_file, on_link, virtual
from unit.test_fleet import INTERVAL_NS, Bench, addresses, work
from vrrpd_fast.fleet import Summary
from vrrpd_fast.model import (
    Command,
    Garp,
    Instance,
    Notify,
    Peer,
    State,
)
from vrrpd_fast.router import identity

# Every field with another value than MULTICAST, UNICAST or VERSION2 has below.
IN_PLACE: dict[str, Any] = {
    "priority": 150,
    "advert_int_cs": 20,
    "preempt": False,
    "preempt_delay": 5.0,
    "down_timer_adverts": 5,
    "lower_prio_no_advert": True,
    "accept": False,
    "checksum": "rfc9568",
    "check_addresses": True,
    "source_ip": ip_address("10.0.0.77"),
    "virtual_addresses": (virtual("10.9.0.1/32"), virtual("10.9.0.3/32")),
    "excluded_addresses": (virtual("10.9.0.2/32"),),
    "promote_secondaries": True,
    "higher_prio_send_advert": True,
    "owner_ignore_adverts": True,
    "skip_check_adv_addr": True,
    "strict": True,
    "track_src_ip": True,
    "dont_track_primary": True,
    "notify": Notify(master=Command(script="/bin/true")),
    "garp": Garp(master_refresh=60),
    "tracks": (on_link("a0", weight=1), on_file("load")),
}
UNICAST_IN_PLACE: dict[str, Any] = {
    "unicast_peers": (Peer(address=ip_address("10.0.0.8")),),
    "unicast_ttl": 64,
    "check_unicast_src": True,
}
VERSION2_IN_PLACE: dict[str, Any] = {"auth_pass": b"secret"}
RESTARTS: dict[str, Any] = {
    "interface": "a1",
    "virtual_router_id": 9,
    "version": 2,
    "group": ip_address("224.0.0.99"),
    "is_unicast": True,
}
NEEDS: dict[str, dict[str, Any]] = {  # what goes with one of these
    "version": {"advert_int_cs": 100},
    "is_unicast": {
        "source_ip": ip_address("10.0.0.1"),
        "unicast_peers": (Peer(address=ip_address("10.0.0.9")),),
    },
}
# Scripts, routes and rules have tests of their own (test_fleet.py, test_carried.py); family is addresses of
# the other kind, hence another virtual router in all it has.
ELSEWHERE = {"name", "family", "routes", "rules"}

MULTICAST = instance("VI", "10.9.0.1/32", virtual_router_id=1)
UNICAST = structs.replace(MULTICAST, is_unicast=True, **NEEDS["is_unicast"])
VERSION2 = structs.replace(MULTICAST, version=2, advert_int_cs=100, priority=255)
BYSTANDER = instance("by", "10.9.9.1/32", virtual_router_id=99, priority=255)


def test_every_field_is_decided() -> None:
    assert {*IN_PLACE, *UNICAST_IN_PLACE, *VERSION2_IN_PLACE, *RESTARTS, *ELSEWHERE} == set(
        Instance.__struct_fields__
    )


@pytest.mark.parametrize("field", RESTARTS)
def test_identity_is_what_restarts(field: str) -> None:
    assert identity(structs.replace(MULTICAST, **{field: RESTARTS[field]})) != identity(MULTICAST)


@pytest.mark.parametrize("field", [*IN_PLACE, *UNICAST_IN_PLACE, *VERSION2_IN_PLACE])
def test_identity_is_nothing_else(field: str) -> None:
    value = (IN_PLACE | UNICAST_IN_PLACE | VERSION2_IN_PLACE)[field]
    assert identity(structs.replace(UNICAST, **{field: value})) == identity(UNICAST)


def calm(bench: Bench) -> None:
    """No advert of the one that is not concerned was lost."""
    times = [each.time_ns for each in bench.heard(99)]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(gaps) > 2
    assert max(gaps) < 1.9 * INTERVAL_NS


@pytest.mark.lab
@in_new_namespace
def test_in_place_nothing_but_the_field_changes() -> None:
    """It stays MASTER without a transition, a priority 0 or a silence."""

    async def test(bench: Bench) -> None:
        for base, fields in (
            (MULTICAST, IN_PLACE),
            (UNICAST, UNICAST_IN_PLACE),
            (VERSION2, VERSION2_IN_PLACE),
        ):
            await bench.apply(base, BYSTANDER)
            await bench.state("VI", State.MASTER)
            bench.forget()
            router = bench.fleet.routers["VI"]
            before = (router.handle, router.generation)
            for field, value in fields.items():
                changed = structs.replace(base, **{field: value})
                for wanted in (changed, base):
                    assert await bench.apply(wanted, BYSTANDER) == Summary([], [], [], ["VI"], 1), field
                    assert bench.fleet.routers["VI"] is router
                    assert (router.handle, router.generation) == before, field
                    assert router.instance == wanted
                    await bench.until(lambda: not bench.fleet._claims.is_busy)
            assert router.state is State.MASTER
            await bench.until(lambda: len(bench.heard(99)) > 3)
            assert 0 not in {each.priority for each in bench.heard(1)}
            calm(bench)

    work(test)


@pytest.mark.lab
@in_new_namespace
def test_what_is_seen_of_a_change_in_place() -> None:
    async def test(bench: Bench) -> None:
        apply = partial(_apply, bench)
        await apply()
        await bench.until(lambda: bench.heard(1))
        await apply(priority=150)
        await bench.until(lambda: bench.heard(1)[-1].priority == 150)
        await apply(advert_int_cs=20)
        await bench.until(lambda: bench.heard(1)[-1].interval_cs == 20)
        await apply(source_ip=ip_address("10.0.0.77"))
        await bench.until(lambda: str(bench.heard(1)[-1].source) == "10.0.0.77")
        await apply(virtual_addresses=(virtual("10.9.0.3/32"),), excluded_addresses=(virtual("10.9.0.4/32"),))
        await bench.until(lambda: bench.heard(1)[-1].addresses == ["10.9.0.3"])
        await bench.until(lambda: addresses() == {"10.9.0.3", "10.9.0.4", "10.9.9.1"})
        assert 0 not in {each.priority for each in bench.heard(1)}
        calm(bench)

    work(test)


async def _apply(bench: Bench, **fields: Any) -> None:
    await bench.apply(structs.replace(MULTICAST, **fields), BYSTANDER)
    await bench.state("VI", State.MASTER)


@pytest.mark.lab
@in_new_namespace
def test_a_restart_says_goodbye_and_concerns_nobody_else() -> None:
    """The addresses go before the virtual router does, and come again with the new one."""

    async def test(bench: Bench) -> None:
        base = structs.replace(MULTICAST, priority=255)
        for field, value in RESTARTS.items():
            await bench.apply(base, BYSTANDER)
            await bench.state("VI", State.MASTER)
            await bench.until(lambda: "10.9.0.1" in addresses())
            router = bench.fleet.routers["VI"]
            bench.forget()
            changed = structs.replace(base, **{field: value}, **NEEDS.get(field, {}))
            assert await bench.apply(changed, BYSTANDER) == Summary([], [], ["VI"], [], 1), field
            assert bench.fleet.routers["VI"] is not router
            await bench.until(lambda: bench.heard(1) and bench.heard(1)[0].priority in (0, 255))
            assert 0 in {each.priority for each in bench.heard(1)}, field
            await bench.state("VI", State.MASTER)
            await bench.until(lambda: len(bench.heard(99)) > 3)
            calm(bench)

    work(test, links=2)

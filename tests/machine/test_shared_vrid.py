"""Several virtual routers with one VRID on an interface, and some without one: whom an advert is for."""

from typing import Any

import pytest

from machine.bench import IFINDEX, START_NS, parameters, primary, settings_of
from machine.packets import arrival
from reference.codec import GROUPS
from vrrpd_fast.engine.machine import Machine
from vrrpd_fast.model import State

FAMILIES = pytest.mark.parametrize("family", [4, 6])
NOWHERE = 0


class Crowd:
    """Virtual routers with VRID 51 in one machine, and who of them accepted an advert."""

    def __init__(self, family: int) -> None:
        self.family = family
        self.machine = Machine()
        self.handles: dict[str, int] = {}
        self.now_ns = START_NS

    def add(self, name: str, ifindex: int = IFINDEX, ours: int = 10, **options: Any) -> None:
        own = parameters(self.family, **options)
        handle = self.machine.add(ifindex=ifindex, family=self.family, vrid=51, version=3, **settings_of(own))
        self.machine.move(handle, ifindex, primary(self.family, ours))
        self.machine.start(handle, self.now_ns)
        self.handles[name] = handle

    def remove(self, name: str) -> None:
        self.machine.remove(self.handles.pop(name))

    def peers(self, *last: int) -> dict[str, Any]:
        return {"peers": tuple(primary(self.family, each) for each in last)}

    def hear(self, last: int, destination: bytes | int, ifindex: int = IFINDEX) -> str:
        """Who accepts the advert of a router; the empty string when nobody does."""
        to = destination if isinstance(destination, bytes) else primary(self.family, destination)
        packet = arrival(
            family=self.family,
            source=primary(self.family, last),
            destination=to,
            vrid=51,
            priority=200,
            addresses=(primary(self.family, 254),),
        )
        before = self._counts("advertisement_rcvd")
        self.now_ns += 1_000_000
        verdict = packet.deliver(self.machine, self.now_ns, ifindex)
        after = self._counts("advertisement_rcvd")
        accepted = [name for name in after if after[name] > before[name]]
        assert len(accepted) == (1 if verdict == 0 else 0)
        return accepted[0] if accepted else ""

    def _counts(self, name: str) -> dict[str, int]:
        return {who: self.machine.snapshot(each).statistics[name] for who, each in self.handles.items()}

    def errors(self, who: str) -> int:
        return self._counts("peer_errors")[who]

    def unknown(self) -> int:
        return self.machine.unattributed()["vrid_errors"]


def another_group(family: int) -> bytes:
    return GROUPS[family][:-1] + b"\x63"


@FAMILIES
@pytest.mark.parametrize("turned", [False, True])
def test_groups_tell_them_apart(family: int, turned: bool) -> None:
    crowd = Crowd(family)
    options: dict[str, dict[str, Any]] = {"usual": {}, "other": {"group": another_group(family)}}
    for name in sorted(options, reverse=turned):
        crowd.add(name, **options[name])
    for _ in range(2):  # the second time it is settled
        assert crowd.hear(20, GROUPS[family]) == "usual"
        assert crowd.hear(20, another_group(family)) == "other"
    assert crowd.hear(20, GROUPS[family][:-1] + b"\x64") == ""
    assert crowd.unknown() == 1
    crowd.remove("usual")
    assert crowd.hear(20, another_group(family)) == "other"
    assert crowd.hear(20, GROUPS[family]) == ""
    assert crowd.errors("other") == 1  # alone, it says what is wrong


@FAMILIES
def test_two_in_one_group_are_refused(family: int) -> None:
    crowd = Crowd(family)
    crowd.add("first")
    crowd.add("other", group=another_group(family))
    with pytest.raises(ValueError, match="51"):
        crowd.add("second", group=another_group(family))
    assert crowd.hear(20, another_group(family)) == "other"


@FAMILIES
def test_peers_and_our_own_address_tell_unicast_apart(family: int) -> None:
    crowd = Crowd(family)
    crowd.add("group")
    crowd.add("one", **crowd.peers(20, 21))
    crowd.add("two", **crowd.peers(30))
    crowd.add("elsewhere", ours=11, **crowd.peers(20))
    for _ in range(2):
        assert crowd.hear(20, 10) == "one"
        assert crowd.hear(21, 10) == "one"
        assert crowd.hear(30, 10) == "two"
        assert crowd.hear(20, 11) == "elsewhere"
        assert crowd.hear(20, GROUPS[family]) == "group"
    assert crowd.hear(40, 11) == "elsewhere"  # nobody else is there, and it hears any sender
    assert crowd.hear(40, 10) == ""  # that might be for either
    assert crowd.hear(40, 12) == ""
    assert crowd.unknown() == 2
    crowd.remove("two")
    assert crowd.hear(40, 10) == "one"
    crowd.remove("group")
    crowd.remove("elsewhere")
    assert crowd.hear(30, 10) == "one"


@FAMILIES
def test_who_hears_peers_only_leaves_strangers_to_another(family: int) -> None:
    crowd = Crowd(family)
    crowd.add("peers only", check_unicast_src=True, **crowd.peers(20))
    crowd.add("anybody", **crowd.peers(30))
    assert crowd.hear(40, 10) == "anybody"
    assert crowd.hear(20, 10) == "peers only"
    crowd.remove("anybody")
    assert crowd.hear(40, 10) == ""
    assert crowd.errors("peers only") == 1


@FAMILIES
def test_without_an_interface_it_is_heard_on_all_that_have_nobody_else(family: int) -> None:
    crowd = Crowd(family)
    crowd.add("anywhere", NOWHERE, **crowd.peers(20))
    assert crowd.hear(20, 10, ifindex=3) == "anywhere"
    assert crowd.hear(20, 10, ifindex=4) == "anywhere"
    assert crowd.hear(20, 11, ifindex=4) == ""  # not to its address
    crowd.add("group", 3)
    crowd.add("there", 4, **crowd.peers(20))
    assert crowd.hear(20, 10, ifindex=3) == "anywhere"
    assert crowd.hear(20, GROUPS[family], ifindex=3) == "group"
    assert crowd.hear(20, 10, ifindex=4) == "there"
    assert crowd.hear(20, 12, ifindex=3) == ""
    assert crowd.errors("group") == 1
    crowd.remove("anywhere")
    assert crowd.hear(20, 10, ifindex=3) == ""
    assert crowd.errors("group") == 2


@FAMILIES
@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_whoever_leaves_the_others_are_found(family: int, gone: str) -> None:
    crowd = Crowd(family)
    for number, name in enumerate("abc"):
        crowd.add(name, check_unicast_src=True, **crowd.peers(20 + number))
    crowd.remove(gone)
    for number, name in enumerate("abc"):
        assert crowd.hear(20 + number, 10) == ("" if name == gone else name)
    crowd.add(gone, check_unicast_src=True, **crowd.peers(40))
    assert crowd.hear(40, 10) == gone


@FAMILIES
def test_moving_away_from_the_others_and_back(family: int) -> None:
    crowd = Crowd(family)
    crowd.add("a", **crowd.peers(20))
    crowd.add("b", **crowd.peers(30))
    for ifindex in (8, IFINDEX):
        crowd.machine.move(crowd.handles["a"], ifindex, primary(family, 10))
        assert crowd.hear(20, 10, ifindex) == "a"
        assert crowd.hear(30, 10) == "b"
    assert crowd.machine.snapshot(crowd.handles["a"]).state is State.BACKUP

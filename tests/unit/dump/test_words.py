import time
from ipaddress import ip_address

import pytest

from unit.samples import instance as make_instance
from vrrpd_fast.dump.words import addresses, command, moment
from vrrpd_fast.model import VirtualAddress


def line(text: str, length: int, **more: object) -> str:
    virtual = VirtualAddress(address=ip_address(text), prefixlen=length, dev="eth0", **more)  # type: ignore[arg-type]
    return addresses(make_instance(), [virtual], False)[0]


def test_addresses() -> None:
    assert line("10.0.0.1", 32) == "10.0.0.1 dev eth0 scope global"
    assert line("10.0.0.1", 24, scope=253, label="eth0:1", broadcast=ip_address("10.0.0.255")) == (
        "10.0.0.1/24 brd 10.0.0.255 dev eth0 scope link label eth0:1"
    )
    assert line("10.0.0.1", 32, peer=ip_address("10.0.0.2"), peer_prefixlen=32, scope=77) == (
        "10.0.0.1 peer 10.0.0.2/32 dev eth0 scope 77"
    )
    assert line("fe80::1", 128, preferred_lft=0) == "fe80::1 dev eth0 scope global deprecated"
    assert line("2001:db8::1", 64, home=True, is_tracked=False) == (
        "2001:db8::1/64 dev eth0 scope global preferred_lft forever home no_track"
    )


def test_set_and_shielded() -> None:
    virtual = VirtualAddress(address=ip_address("10.0.0.1"), prefixlen=32, dev="eth0")
    assert addresses(make_instance(), [virtual], True) == ["10.0.0.1 dev eth0 scope global set"]
    shielded = make_instance(accept=False)
    assert addresses(shielded, [virtual], True) == ["10.0.0.1 dev eth0 scope global set nftable_set"]
    assert addresses(shielded, [virtual], False) == ["10.0.0.1 dev eth0 scope global"]


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("/bin/x", "'/bin/x'"),
        ("/bin/x 'a b' c", "'/bin/x' 'a b' 'c'"),
        ("/bin/x 'open", "/bin/x 'open"),  # cannot be read, and is told as it is
    ],
)
def test_command(script: str, told: str) -> None:
    assert command(script) == told


def test_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert moment(1795970741.793023) == "1795970741.793023 (Sun Nov 29 16:45:41.793023 2026)"
    assert moment(1793577600.9999999).startswith("1793577601.000000 (")

"""keepalived and vrrpd-fast as a pair, both with a keepalived.conf: each is the preferred one once.

Ours is held to the protocol's own times (RFC 9568 6.1, RFC 3768 6.1) plus what a busy machine excuses;
keepalived's are judged loosely.
"""

from dataclasses import dataclass

import pytest

from lab.compare.daemons import KeepalivedConf, VrrpdFastConf, make
from lab.compare.scenarios.texts import conf, instance
from lab.compare.side import ROUTER
from lab.kit.capture import Capture
from lab.kit.fixtures import Build, Tap
from lab.kit.net import now_ns
from lab.kit.packets import Advert
from lab.kit.settings import FLAVOURS, Flavour
from lab.kit.timing import EARLY_S, TOLERANCE_S
from lab.kit.waiting import wait_until

PREFERRED, OTHER = ROUTER, "r2"
HIGH, LOW = 200, 100
KEEPALIVED_SLACK_S = 0.4
PASSWORD = "  authentication {\n    auth_type PASS\n    auth_pass secret\n  }\n"


@dataclass(frozen=True)
class Pair:
    """How the two talk to each other."""

    flavour: str
    is_unicast: bool

    @property
    def kind(self) -> Flavour:
        return FLAVOURS[self.flavour]

    def text(self, number: int, priority: int) -> str:
        """The configuration of node `number`, 1 or 2."""
        prefix = "10.0.0." if self.kind.family == 4 else "fe80::"
        more = PASSWORD if self.kind.version == 2 else ""
        if self.is_unicast:
            more += f"  unicast_src_ip {prefix}{number}\n  unicast_peer {{\n    {prefix}{3 - number}\n  }}\n"
            more += "  unicast_ttl 255\n"
        timing = f"  version {self.kind.version}\n  advert_int {self.kind.interval:g}\n"
        addresses = "\n".join(self.kind.addresses)
        return conf(instance(more, priority=priority, timing=timing, addresses=addresses))


PAIRS = {
    f"{flavour}-{'unicast' if is_unicast else 'multicast'}": Pair(flavour, is_unicast)
    for flavour in FLAVOURS
    for is_unicast in (False, True)
}


class Watch:
    """Who of the two is master, by what is on the wire."""

    def __init__(self, wire: Capture, kind: Flavour) -> None:
        self.wire = wire
        self.kind = kind

    def only(self, daemon: KeepalivedConf | VrrpdFastConf, after: Advert) -> None:
        """From this advert of a daemon on it alone advertises, and has the address."""
        node = daemon.node
        other = OTHER if node == PREFERRED else PREFERRED
        self.wire.wait_adverts(4 if self.kind.version == 3 else 2, node, after=after.time_ns)
        yielded_ns = after.time_ns + round((self.kind.interval + daemon.late_s(KEEPALIVED_SLACK_S)) * 1e9)
        assert not self.wire.adverts(other, after=yielded_ns), self.wire.story()
        wait_until(lambda: daemon.holds(self.kind.vip), 3, f"{node} has the address")

    def took_over(self, daemon: KeepalivedConf | VrrpdFastConf, since: Advert, expected_s: float) -> Advert:
        """The first advert of a daemon after `since`, which comes `expected_s` later."""
        taken = self.wire.wait_advert(daemon.node, after=since.time_ns)
        silence_s = (taken.time_ns - since.time_ns) / 1e9
        is_ours = isinstance(daemon, VrrpdFastConf)
        late_s = daemon.late_s(TOLERANCE_S if is_ours else KEEPALIVED_SLACK_S)
        early_s = EARLY_S if is_ours else KEEPALIVED_SLACK_S
        assert expected_s - early_s < silence_s < expected_s + late_s, (
            f"{silence_s:.3f} s instead of {expected_s:.3f} s, up to {late_s:.3f} s late\n{self.wire.story()}"
        )
        return taken


@pytest.mark.peer("keepalived")
@pytest.mark.parametrize("preferred", ["keepalived", "vrrpd-fast"])
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_a_mixed_pair(build: Build, capture: Tap, pair: Pair, preferred: str) -> None:
    """Election, kill -9, return, stop: at every moment one master, in the protocol's time."""
    kind = pair.kind
    net = build([PREFERRED, OTHER])
    wire = capture(net)
    watch = Watch(wire, kind)
    high = make(preferred, net, PREFERRED, pair.text(1, HIGH))
    low = make("vrrpd-fast" if preferred == "keepalived" else "keepalived", net, OTHER, pair.text(2, LOW))

    low.start()
    alone = wire.wait_advert(OTHER, priority=LOW)
    watch.only(low, alone)

    high.start()
    elected = wire.wait_advert(PREFERRED, priority=HIGH, after=alone.time_ns)
    watch.only(high, elected)
    wait_until(lambda: not low.holds(kind.vip), 3, "the lower one let the address go")

    high.kill()
    taken = watch.took_over(low, wire.adverts(PREFERRED)[-1], kind.down_s(LOW))
    watch.only(low, taken)

    high.start()
    back = wire.wait_advert(PREFERRED, priority=HIGH, after=taken.time_ns)
    watch.only(high, back)
    wait_until(lambda: not low.holds(kind.vip), 3, "the lower one let the address go again")

    stopping_ns = now_ns()
    assert high.stop() == 0
    goodbye = wire.wait_advert(PREFERRED, priority=0, after=stopping_ns)
    taken = watch.took_over(low, goodbye, kind.skew_s(LOW))
    watch.only(low, taken)
    assert not high.holds(kind.vip)

    assert low.stop() == 0
    wire.wait_advert(OTHER, priority=0, after=taken.time_ns)
    assert not low.holds(kind.vip)

"""Processor time per advert received by a BACKUP that a bare sender of higher priority keeps quiet."""

from collections.abc import Mapping, Sequence

from harness.network import BenchError, Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import FLOOR, KEEPALIVED, OURS, Programs
from harness.shape import Shape
from harness.steady import observe, wait_for_members


def measure(
    shape: Shape, options: Sequence[str], programs: Programs, subject: str, effort: Effort
) -> Mapping[str, float]:
    with Wire(shape) as wire:
        sender = programs.sender(wire.far, shape)
        if subject == FLOOR:
            receiver = programs.sink(wire.near, shape)
        else:
            receiver = programs.daemon(wire.near, subject, shape, options)
        wait_for_members(wire.near, shape.memberships, programs.last_words)
        answered = wire.near.packets_sent()
        window = observe(wire.far, [receiver.pid, sender.pid], effort.window_s)
        answered = wire.near.packets_sent() - answered
        if answered > window.packets / 10:
            raise BenchError(
                f"{subject} is no BACKUP: it sent {answered} packets; log:\n{programs.last_words()}"
            )
    receiver_ns, sender_ns = window.cpu_ns
    return {
        "cpu": receiver_ns / window.packets / 1000,
        "path": (receiver_ns + sender_ns) / window.packets / 1000,
    }


def scenario(
    name: str, title: str, shape: Shape, limit: float, options: Sequence[str] = (), in_quick: bool = True
) -> Scenario:
    return Scenario(
        name,
        title,
        (OURS, KEEPALIVED, FLOOR),
        (
            Metric("cpu", "CPU per advert received, daemon alone", "µs", Budget(limit, True)),
            Metric("path", "with the kernel's receive path (daemon + sender)", "µs", Budget(0.4, True)),
        ),
        lambda programs, subject, effort: measure(shape, options, programs, subject, effort),
        in_quick=in_quick,
    )


_LAN = Shape(1, 200)
_LINKS = Shape(100, 5)

SCENARIOS = (
    scenario("receive-lan", "receive: 200 VRs @100 ms, 1 link", _LAN, 0.02),
    scenario("receive-links", "receive: 500 VRs @100 ms, 100 links", _LINKS, 0.02),
    scenario(
        "receive-unfiltered",
        "receive: 500 VRs @100 ms, 100 links, without the kernel filter",
        _LINKS,
        0.3,
        ("--no-kernel-filter",),
        in_quick=False,
    ),
    scenario(
        "receive-2000-unfiltered",
        "receive: 2000 VRs @100 ms, 500 links, without the kernel filter",
        Shape(500, 4),
        0.3,
        ("--no-kernel-filter",),
        in_quick=False,
    ),
    scenario("receive-2000", "receive: 2000 VRs @100 ms, 500 links", Shape(500, 4), 0.02, in_quick=False),
)

"""Processor time per advert sent. Nobody listens on the other end of the links: only the sender differs."""

from collections.abc import Mapping

from harness.network import Wire
from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import FLOOR, KEEPALIVED, OURS, Programs
from harness.shape import OUR_PRIORITY, Shape
from harness.steady import observe, wait_for_rate


def _measure(shape: Shape, programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    with Wire(shape) as wire:
        if subject == FLOOR:
            process = programs.sender(wire.near, shape, host=1, priority=OUR_PRIORITY)
        else:
            process = programs.daemon(wire.near, subject, shape)
        wait_for_rate(wire.near, shape.per_second, programs.last_words)
        window = observe(wire.near, [process.pid], effort.window_s)
    return {
        "cpu": window.cpu_ns[0] / window.packets / 1000,
        "rate": 100 * window.packets / window.seconds / shape.per_second,
    }


def _scenario(name: str, title: str, shape: Shape, budget: Budget) -> Scenario:
    return Scenario(
        name,
        title,
        (OURS, KEEPALIVED, FLOOR),
        (Metric("cpu", "CPU per advert sent", "µs", budget), Metric("rate", "adverts sent of nominal", "%")),
        lambda programs, subject, effort: _measure(shape, programs, subject, effort),
    )


SCENARIOS = (
    _scenario("send-lan", "200 VRs @100 ms, 1 link", Shape(1, 200), Budget(0.25, True)),
    _scenario("send-links", "500 VRs @100 ms, 100 links", Shape(100, 5), Budget(0.4, True, "500 links × 4")),
)

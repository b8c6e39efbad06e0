"""How the processor time per advert grows with the number of links, at 1000 adverts a second all the time.

Each one is compared with itself. A bare loop grows too, because the kernel's own part does, so its growth is
what a daemon is held to.
"""

from collections.abc import Mapping, Sequence

from harness.pairs import Budget, Effort, Metric, Scenario
from harness.programs import FLOOR, KEEPALIVED, OURS, Programs
from harness.shape import Shape
from scenarios import receive, send

_FULL_WINDOW_S = 5.0
# The same number of virtual routers at each number of links, except where there are more links than that.
_SEND = (Shape(100, 10, 100), Shape(500, 2, 100), Shape(1000, 1, 100), Shape(2000, 1, 200))
_SEND_QUICK = (Shape(100, 5, 50), Shape(500, 1, 50))
_RECEIVE = (Shape(1, 200, 20), Shape(100, 2, 20), Shape(1000, 1, 100))
_RECEIVE_QUICK = _RECEIVE[:2]


def growth(cpu: Mapping[int, float]) -> dict[str, float]:
    """The figures by number of links, and how many times the first the last one is."""
    figures = {f"{links}": value for links, value in cpu.items()}
    return figures | {"growth": cpu[max(cpu)] / cpu[min(cpu)]}


def _send(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    full = effort.window_s >= _FULL_WINDOW_S
    return growth(
        {
            shape.links: send.measure(shape, full, programs, subject, effort)["cpu"]
            for shape in (_SEND if full else _SEND_QUICK)
        }
    )


def _receive(programs: Programs, subject: str, effort: Effort) -> Mapping[str, float]:
    shapes = _RECEIVE if effort.window_s >= _FULL_WINDOW_S else _RECEIVE_QUICK
    return growth(
        {shape.links: receive.measure(shape, (), programs, subject, effort)["path"] for shape in shapes}
    )


def _metrics(what: str, shapes: Sequence[Shape], quick: Sequence[Shape]) -> Sequence[Metric]:
    links = sorted({shape.links for shape in (*shapes, *quick)})
    return (
        *(Metric(f"{number}", f"{what}, {number} link{'s'[: number > 1]}", "µs") for number in links),
        Metric("growth", "the last over the first", "times", Budget(1, True, against=FLOOR)),
    )


SCENARIOS = (
    Scenario(
        "growth-send",
        "growth with links at 1000 adverts/s: sending (quick: 100 and 500 links)",
        (OURS, KEEPALIVED, FLOOR),
        _metrics("CPU per advert sent", _SEND, _SEND_QUICK),
        _send,
        pairs_max=1,
    ),
    Scenario(
        "growth-receive",
        "growth with links at 1000 adverts/s: receiving, the kernel's path included (quick: 1 and 100 links)",
        (OURS, KEEPALIVED, FLOOR),
        _metrics("CPU per advert received", _RECEIVE, _RECEIVE_QUICK),
        _receive,
        pairs_max=1,
    ),
)

import pytest

from vrrpd_fast.track.priority import Fault, contribution, effective


# The rows with weight 10 and -10 are what keepalived 2.2.7 puts on the wire for base 100 (90, 100, 110).
@pytest.mark.parametrize(
    ("weight", "reverse", "up", "expected"),
    [
        (10, False, True, 10),
        (10, False, False, 0),
        (-10, False, True, 0),
        (-10, False, False, -10),
        (10, True, True, -10),
        (10, True, False, 0),
        (-10, True, True, 0),
        (-10, True, False, 10),
        (0, False, True, 0),
        (0, False, False, Fault.DOWN),
        (0, True, True, Fault.DOWN),
        (0, True, False, 0),
        (10, False, None, 0),
        (-10, True, None, 0),
        (0, False, None, Fault.UNKNOWN),
        (0, True, None, Fault.UNKNOWN),
    ],
)
def test_contribution(weight: int, reverse: bool, up: bool | None, expected: int | Fault) -> None:
    assert contribution(weight, reverse, up) == expected


@pytest.mark.parametrize(
    ("base", "contributions", "expected"),
    [
        (100, [], 100),
        (100, [2], 102),
        (100, [2, -50, 10], 62),
        (250, [253], 254),
        (10, [-253], 1),
        (100, [253, -253], 100),
        (100, [Fault.DOWN, 5], 105),
        (255, [-253], 255),
        (255, [], 255),
    ],
)
def test_effective(base: int, contributions: list[int | Fault], expected: int) -> None:
    assert effective(base, contributions) == expected

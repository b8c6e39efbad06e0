"""Plans on a made-up loop: what is done, and what a change of state makes void."""

import pytest

from unit.carry.claims_bench import Loop
from vrrpd_fast.carry.plans import Plans


class Router:
    def __init__(self, name: str) -> None:
        self.name = name
        self.generation = 1


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def plans(loop: Loop) -> Plans:
    return Plans(loop)  # type: ignore[arg-type]


def test_done_after_its_time_once(loop: Loop, plans: Plans) -> None:
    done: list[str] = []
    plans.later(Router("VI"), 2, lambda: done.append("it"))
    loop.sleep(1.9)
    assert done == []
    loop.sleep(10)
    assert done == ["it"]


def test_void_after_a_transition(loop: Loop, plans: Plans) -> None:
    done: list[str] = []
    router = Router("VI")
    plans.later(router, 2, lambda: done.append("old"))
    router.generation += 1
    plans.later(router, 2, lambda: done.append("new"))
    loop.sleep(10)
    assert done == ["new"]


def test_forget_is_for_one_and_close_for_all(loop: Loop, plans: Plans) -> None:
    done: list[str] = []
    for name in ("VI_1", "VI_2"):
        plans.later(Router(name), 2, lambda name=name: done.append(name))  # type: ignore[misc]
    plans.later(Router("VI_3"), 20, lambda: done.append("VI_3"))
    plans.forget("VI_1")
    loop.sleep(10)
    assert done == ["VI_2"]
    plans.close()
    assert loop.pending == 0
    loop.sleep(100)
    assert done == ["VI_2"]


def test_a_plan_may_make_the_next(loop: Loop, plans: Plans) -> None:
    at: list[float] = []
    router = Router("VI")

    def again() -> None:
        at.append(loop.now - 1000)
        plans.later(router, 3, again)

    again()
    loop.sleep(7)
    assert at == [0, 3, 6]

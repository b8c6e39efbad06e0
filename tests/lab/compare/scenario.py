"""What a comparison consists of: a configuration, steps, and the differences that are on purpose."""

from collections.abc import Callable
from dataclasses import dataclass, field

from lab.compare.side import Side

Act = Callable[[Side], None]
Until = Callable[[Side], object]


@dataclass(frozen=True)
class Step:
    """Something that happens to both daemons, and what must be seen of each before the next step.

    `after_advert` has the action right after an advert, so that the next regular one is a whole interval
    away and what the action causes cannot be taken for it. `slack_s` is how much further apart the times
    may be than usual. `about` is the VRID whose adverts the action follows and whose times count; other
    virtual routers of the daemon have a beat of their own.
    """

    name: str
    act: Act
    until: Until
    is_timed: bool = True
    after_advert: bool = False
    slack_s: float = 0.0
    about: int | None = None


@dataclass(frozen=True)
class Discrepancy:
    """Where the two sides differ: in which step, in which of the things observed, and how."""

    step: str
    what: str  # "advert", "announcement", "line", "call", "state" or "fact"
    where: str  # which virtual router, address, FIFO or table
    aspect: str  # "content", "count", "time" or "gap"
    keepalived: object
    ours: object

    def __str__(self) -> str:
        return (
            f"{self.step}: {self.what} {self.where}: {self.aspect} differs\n"
            f"    keepalived: {_shown(self.keepalived)}\n    vrrpd-fast: {_shown(self.ours)}"
        )


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return "".join(f"\n      {each}" for each in value) or "nothing"
    return str(value)


@dataclass(frozen=True)
class Difference:
    """A difference on purpose. Its sentence stands in docs/KEEPALIVED.md; tests/unit/lab checks that."""

    sentence: str
    forgives: Callable[[Discrepancy], bool]


@dataclass(frozen=True)
class Scenario:
    """One configuration under both daemons.

    `options` are the words of keepalived.conf that are compared. `looks` are the tables of ip(8) that are
    read after each step. In `conf` (and in a file that a step loads), @DIR@ is the side's own directory.
    """

    name: str
    options: tuple[str, ...]
    conf: str
    steps: tuple[Step, ...]
    looks: tuple[str, ...] = ("addr",)
    differences: tuple[Difference, ...] = ()
    lans: int = 1
    fifos: tuple[str, ...] = ()
    prepare: Act = field(default=lambda side: None)  # before the daemon is started

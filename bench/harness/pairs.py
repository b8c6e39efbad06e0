"""Alternating pairs: the arithmetic of "how many times keepalived's", and whether a budget is met."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from harness.programs import KEEPALIVED, OURS, Programs

Samples = Mapping[str, Mapping[str, Sequence[float]]]  # metric -> subject -> one figure per pair


@dataclass(frozen=True)
class Budget:
    """A row of the budgets: what our figure, or its ratio to another one's, may be at most."""

    limit: float
    is_ratio: bool
    note: str = ""  # what the budget is written for, when that is not quite what is measured
    against: str = KEEPALIVED  # whose figure a ratio is taken to

    def __str__(self) -> str:
        text = f"≤ {self.limit:g} ×" if self.is_ratio else f"≤ {self.limit:g}"
        if self.is_ratio and self.against != KEEPALIVED:
            text += f" {self.against}"
        return f"{text} ({self.note})" if self.note else text


@dataclass(frozen=True)
class Metric:
    """One figure a scenario measures; where it has a budget, less is better."""

    key: str
    title: str
    unit: str
    budget: Budget | None = None


@dataclass(frozen=True)
class Effort:
    """How long and how often."""

    pairs: int
    window_s: float


@dataclass(frozen=True)
class Scenario:
    """`measure` brings up one subject in namespaces of its own and returns a figure per metric.

    It may leave a metric out when the effort is small, then for every subject.
    """

    name: str
    title: str
    subjects: Sequence[str]
    metrics: Sequence[Metric]
    measure: Callable[[Programs, str, Effort], Mapping[str, float]]
    pairs_max: int = 1000
    in_quick: bool = True


@dataclass(frozen=True)
class Spread:
    """What several runs gave."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        return cls(min(figures), median(figures), max(figures))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Ours over theirs, pair by pair; pairs where they have nothing to divide by are left out."""
    return [one / other for one, other in zip(ours, theirs, strict=True) if other > 0]


def is_met(budget: Budget, subjects: Mapping[str, Sequence[float]]) -> bool:
    """Judged by the median."""
    if not budget.is_ratio:
        return median(subjects[OURS]) <= budget.limit
    return median(ratios(subjects[OURS], subjects[budget.against])) <= budget.limit


def run(
    scenario: Scenario, programs: Programs, effort: Effort, tell: Callable[[str], None]
) -> dict[str, dict[str, list[float]]]:
    """A B A B …: every subject once per pair, in the same order; the samples by metric and subject."""
    samples: dict[str, dict[str, list[float]]] = {
        metric.key: {subject: [] for subject in scenario.subjects} for metric in scenario.metrics
    }
    pairs = min(effort.pairs, scenario.pairs_max)
    for number in range(pairs):
        for subject in scenario.subjects:
            figures = scenario.measure(programs, subject, effort)
            measured = [metric for metric in scenario.metrics if metric.key in figures]
            for metric in measured:
                samples[metric.key][subject].append(figures[metric.key])
            shown = ", ".join(f"{figures[metric.key]:.3g} {metric.unit}" for metric in measured)
            tell(f"{scenario.name} {number + 1}/{pairs} {subject}: {shown}")
    return {key: subjects for key, subjects in samples.items() if any(subjects.values())}

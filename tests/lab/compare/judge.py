"""Where two daemons differ, and whether that is on purpose."""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.compare.outside import Seen
from lab.compare.scenario import Difference, Discrepancy, Step
from lab.compare.side import Mark

# How far apart the same thing may be in the two daemons, given a processor. Frames have the kernel's stamps,
# a FIFO's lines those of a reading thread, calls those that date(1) gives them in a shell.
TOLERANCE_S = {"advert": 0.12, "announcement": 0.15, "line": 0.25, "call": 0.5}
GAP_SHARE, GAP_LEAST_S = 0.25, 0.03
GAPS_NEEDED = 3


@dataclass(frozen=True)
class Record:
    """What one side showed in one step, and the last of each stream before it."""

    mark: Mark
    seen: list[Seen]
    before: dict[str, str]


def last_step(marks: Sequence[Mark], seen: Iterable[Seen]) -> Record:
    """What belongs to the step that a side is in."""
    begin_ns = marks[-1].begin_ns
    everything = list(seen)
    before = {each.where: each.text for each in everything if each.time_ns <= begin_ns}
    return Record(marks[-1], [each for each in everything if each.time_ns > begin_ns], before)


def differ(keepalived: Record, ours: Record, step: Step) -> list[Discrepancy]:
    """Everything in which a step looked different."""
    return [
        *_streams(keepalived, ours, step),
        *_tables("state", keepalived.mark.step, keepalived.mark.state, ours.mark.state),
        *_tables("fact", keepalived.mark.step, keepalived.mark.facts, ours.mark.facts),
    ]


def unforgiven(found: Iterable[Discrepancy], differences: Iterable[Difference]) -> list[Discrepancy]:
    """What no difference on purpose explains."""
    differences = list(differences)
    return [each for each in found if not any(known.forgives(each) for known in differences)]


def _tables(
    what: str, step: str, keepalived: dict[str, object], ours: dict[str, object]
) -> Iterator[Discrepancy]:
    for where in keepalived | ours:
        one, other = keepalived.get(where), ours.get(where)
        if one != other:
            yield Discrepancy(step, what, where, "content", one, other)


def _streams(keepalived: Record, ours: Record, step: Step) -> Iterator[Discrepancy]:
    one, other = _by_stream(keepalived.seen), _by_stream(ours.seen)
    waited_s = sum(mark.vague_s + mark.waited_s for mark in (keepalived.mark, ours.mark))
    for what, where in one | other:
        first, second = one.get((what, where), []), other.get((what, where), [])
        if what == "advert":
            yield from _gaps(keepalived.mark.step, where, first, second)
            first, second = _runs(first), _runs(second)
            if not (step.after_advert and keepalived.mark.is_exact):
                first = _changed(first, keepalived, where, step)
                second = _changed(second, ours, where, step)
        elif what == "announcement" and not step.is_timed:
            first, second = _news(first, keepalived, where), _news(second, ours, where)
        elif what == "call":  # scripts run beside each other, who is first is the scheduler's affair
            first, second = sorted(first, key=_text), sorted(second, key=_text)
        texts = [each.text for each in first], [each.text for each in second]
        if texts[0] != texts[1]:
            aspect = "count" if set(texts[0]) == set(texts[1]) else "content"
            yield Discrepancy(keepalived.mark.step, what, where, aspect, *texts)
            continue
        if not step.is_timed or (what == "advert" and _is_of_another(where, step)):
            continue
        after_s = _after(keepalived.mark, first), _after(ours.mark, second)
        allowed_s = TOLERANCE_S[what] + step.slack_s + waited_s
        if any(abs(early - late) > allowed_s for early, late in zip(*after_s, strict=True)):
            told = [[f"{time_s:.3f} s" for time_s in times] for times in after_s]
            yield Discrepancy(keepalived.mark.step, what, where, "time", *told)


def _is_of_another(where: str, step: Step) -> bool:
    return step.about is not None and not where.startswith(f"of vrid {step.about} ")


def _text(seen: Seen) -> str:
    return seen.text


def _by_stream(seen: Iterable[Seen]) -> dict[tuple[str, str], list[Seen]]:
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for each in seen:
        found[each.what, each.where].append(each)
    return found


def _runs(adverts: list[Seen]) -> list[Seen]:
    """The first of each run of equal adverts: how many come in a step is a matter of how long it is."""
    return [next(run) for _, run in itertools.groupby(adverts, key=_text)]


def _changed(runs: list[Seen], record: Record, where: str, step: Step) -> list[Seen]:
    """Without the beat of before that went on until the action took effect; when it is over is chance.

    Where times count, a beat that nothing follows is what there is to see.
    """
    goes_on = bool(runs) and runs[0].text == record.before.get(where)
    return runs[1:] if goes_on and (len(runs) > 1 or not step.is_timed) else runs


def _news(announcements: list[Seen], record: Record, where: str) -> list[Seen]:
    """What was announced for the first time; how often, only a step with a definite beginning tells."""
    return [each for each in _runs(announcements) if each.text != record.before.get(where)]


def _gaps(step: str, where: str, first: list[Seen], second: list[Seen]) -> Iterator[Discrepancy]:
    """The usual time between adverts, where both sides showed enough of them."""
    gaps = [
        [(later.time_ns - earlier.time_ns) / 1e9 for earlier, later in itertools.pairwise(adverts)]
        for adverts in (first, second)
    ]
    if min(map(len, gaps)) < GAPS_NEEDED:
        return
    one, other = map(statistics.median, gaps)
    if abs(one - other) > max(GAP_LEAST_S, GAP_SHARE * one):
        yield Discrepancy(step, "advert", where, "gap", f"{one:.3f} s", f"{other:.3f} s")


def _after(mark: Mark, seen: list[Seen]) -> list[float]:
    return [(each.time_ns - mark.begin_ns) / 1e9 for each in seen]

"""Gaps between adverts, in intervals, as whoever hears them sees them."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from pathlib import Path

from harness import records
from harness.network import Node


def heard(output: Path, node: Node, vrids: range) -> dict[int, list[int]]:
    """When the adverts of each virtual router arrived on v0 of the node."""
    link = next(index for index, name in node.indexes().items() if name == "v0")
    times: dict[int, list[int]] = {vrid: [] for vrid in vrids}
    for record in records.read(output.read_bytes()):
        if record.ifindex == link and not record.outgoing and record.is_advert:
            times[record.vrid].append(record.at_ns)
    return times


def figures(times: Iterable[list[int]], start_ns: int, end_ns: int, interval_ns: int) -> Mapping[str, float]:
    """Gaps that touch the stretch of time, in intervals; a silence that outlasts it counts as a gap."""
    gaps, sent, routers = [], 0, 0
    for stamps in times:
        routers += 1
        sent += sum(start_ns <= at_ns < end_ns for at_ns in stamps)
        gaps += [late - early for early, late in pairwise(stamps) if late > start_ns and early < end_ns]
        last_ns = stamps[-1] if stamps else start_ns
        if end_ns - last_ns > interval_ns:
            gaps.append(end_ns - last_ns)
    gaps.sort()
    nominal = routers * (end_ns - start_ns) / interval_ns
    shares = (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0))
    found = {key: gaps[min(int(share * len(gaps)), len(gaps) - 1)] / interval_ns for key, share in shares}
    return {**found, "lost": max(0.0, 100 * (1 - sent / nominal))}

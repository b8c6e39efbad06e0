"""The text that Prometheus reads, in its two dialects: OpenMetrics 1.0 and the older text format 0.0.4.

What differs is how a counter is called in its header, that units are told, and that the text has an end.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum


class Dialect(StrEnum):
    """The value is the content type."""

    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
    TEXT = "text/plain; version=0.0.4; charset=utf-8"


Sample = tuple[str, object]  # labels as `labels` makes them, value


class Exposition:
    """Families of metrics, one after the other; no name may come twice."""

    def __init__(self, dialect: Dialect) -> None:
        self._is_open = dialect is Dialect.OPENMETRICS
        self._parts: list[str] = []
        self._units = ("seconds",)

    def gauge(self, name: str, text: str, samples: Iterable[Sample]) -> None:
        """A family of gauges; without samples nothing is told of it."""
        self._add(name, name, "gauge", text, samples)

    def counter(self, name: str, text: str, samples: Iterable[Sample]) -> None:
        """A family of counters; `name` without its suffix _total."""
        self._add(name, f"{name}_total", "counter", text, samples)

    def histogram(self, name: str, text: str, series: Mapping[str, Mapping[float, int]]) -> None:
        """Counts by upper bound, for each set of labels; every set has the same bounds, the last infinite."""
        self._parts.append(self._header(name, name, "histogram", text))
        for labelled, counts in series.items():
            begin = labelled[:-1] + "," if labelled else "{"
            total = 0
            for bound, count in counts.items():
                total += count
                le = "+Inf" if bound == float("inf") else repr(bound)
                self._parts.append(f'{name}_bucket{begin}le="{le}"}} {total}\n')
            if not self._is_open:  # OpenMetrics has it only together with a sum, and there is none
                self._parts.append(f"{name}_count{labelled} {total}\n")

    def column(
        self, name: str, text: str, labelled: Sequence[str], values: Iterable[object], *, counts: bool = False
    ) -> None:
        """Like gauge, or counter, for many samples: labels and values apart, which is faster."""
        if labelled:
            sample = f"{name}_total" if counts else name
            self._parts.append(self._header(name, sample, "counter" if counts else "gauge", text))
            self._parts += map(f"{sample}%s %s\n".__mod__, zip(labelled, values, strict=True))

    def lines(self, name: str, text: str, samples: Iterable[str]) -> None:
        """A family of counters whose lines are made already."""
        if lines := list(samples):
            self._parts += (self._header(name, f"{name}_total", "counter", text), *lines)

    def text(self) -> str:
        """Everything so far."""
        return "".join(self._parts) + ("# EOF\n" if self._is_open else "")

    def _add(self, family: str, name: str, kind: str, text: str, samples: Iterable[Sample]) -> None:
        body = "".join([f"{name}{labelled} {value}\n" for labelled, value in samples])
        if body:
            self._parts += (self._header(family, name, kind, text), body)

    def _header(self, family: str, name: str, kind: str, text: str) -> str:
        if not self._is_open:
            return f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
        unit = "".join(f"# UNIT {family} {each}\n" for each in self._units if family.endswith(f"_{each}"))
        return f"# TYPE {family} {kind}\n{unit}# HELP {family} {text}\n"


def labels(**values: object) -> str:
    """`{name="value",…}`, escaped."""
    return "{" + ",".join([f'{name}="{escape(str(value))}"' for name, value in values.items()]) + "}"


def escape(value: str) -> str:
    """The value of a label between quotes; what no terminal should get stands there as Python writes it."""
    if not value.isprintable():
        value = "".join(
            c if c == "\n" or c.isprintable() else c.encode("unicode_escape").decode() for c in value
        )
    if "\\" in value or '"' in value or "\n" in value:
        value = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return value

"""When the timer-driven adverts of one master may come: what is known of its phase, narrowed by watching.

A new master sends at once; its next advert comes after more than 0 and at most one interval, on a phase that
the implementation chooses, and from then on gaps are exactly one interval. Timers are never early and late by
less than `TICK_NS`. So all that is known of the next due time is a window, and every look narrows it.
"""

TICK_NS = 1 << 14


class PhaseWindow:
    """The next due time lies in first_ns … last_ns, both included."""

    def __init__(self, became_master_ns: int, interval_ns: int) -> None:
        self.interval_ns = interval_ns
        self.first_ns = became_master_ns + 1
        self.last_ns = became_master_ns + interval_ns

    def fired(self, looked_ns: int, now_ns: int) -> None:
        """An advert came at now_ns; at looked_ns, when the timers were last looked at, it had not come."""
        first_ns = max(self.first_ns, looked_ns - TICK_NS + 1)
        last_ns = min(self.last_ns, now_ns)
        assert first_ns <= last_ns, (
            f"advert at {now_ns}, which was due between {self.first_ns} and {self.last_ns}"
        )
        self.first_ns = first_ns + self.interval_ns
        self.last_ns = last_ns + self.interval_ns

    def silent(self, now_ns: int) -> None:
        """The timers were looked at now_ns and no advert came."""
        self.first_ns = max(self.first_ns, now_ns - TICK_NS + 1)
        assert self.first_ns <= self.last_ns, f"no advert until {now_ns}, was due by {self.last_ns}"

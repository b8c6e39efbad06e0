"""How exactly a daemon in the lab is expected to keep a time."""

from pathlib import Path

# How much later than the formula an advert may be seen, given a processor.
TOLERANCE_S = 0.06
# How much earlier: an advert is stamped at the switch, the timer runs from its arrival at the router.
EARLY_S = 0.005


def processor_wait_s(pid: int) -> float:
    """How long the threads of a process stood ready without a processor to run on; 0 once it is gone."""
    total_ns = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            total_ns += int((thread / "schedstat").read_text().split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return total_ns / 1e9

"""Types of the fixtures that conftest.py provides."""

from collections.abc import Callable

from lab.kit.capture import Capture
from lab.kit.net import Net

Build = Callable[..., Net]  # build(["r1", "r2"], …): one list of nodes per LAN
Tap = Callable[[Net], Capture]

"""bench/ is no package of the distribution: it finds its modules beside run.py, and so do its tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "bench"))

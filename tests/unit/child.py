"""Tests that change the process they run in, run in one of their own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "src"


def in_child(program: str) -> Any:
    """What a Python program leaves in the variable `found`, as JSON carries it."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, os, sys\n{program}\nprint(json.dumps(found))"],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(SOURCE)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])

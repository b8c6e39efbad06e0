"""Try an installed vrrpd-fast: compiled modules, manual pages, both commands. Run it with `python -I`."""

import importlib
import importlib.machinery
import subprocess
import sys
from importlib.metadata import files, version
from importlib.resources import files as resources
from pathlib import Path


def main() -> int:
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    installed = [str(path) for path in files("vrrpd-fast") or []]
    compiled = [path.removesuffix(suffix).replace("/", ".") for path in installed if path.endswith(suffix)]
    wanted = {path.removesuffix(".pyx").replace("/", ".") for path in installed if path.endswith(".pyx")}
    if not wanted or set(compiled) != wanted:
        print(f"compiled modules {sorted(compiled)}, but sources of {sorted(wanted)}", file=sys.stderr)
        return 1
    pages = [path for path in installed if "share/man/" in path]
    if len(pages) != 3:
        print(f"manual pages: {pages}", file=sys.stderr)
        return 1
    for name in compiled:
        importlib.import_module(name)
    config = resources("vrrpd_fast.lab") / "vips.json"
    commands = Path(sys.executable).parent
    subprocess.run([commands / "vrrpd-fast", "--check", "--config", str(config)], check=True)
    for words in ([], *([name] for name in importlib.import_module("vrrpd_fast.cli.ctl").COMMANDS)):
        subprocess.run([commands / "vrrpctl", *words, "--help"], check=True, stdout=subprocess.DEVNULL)
    parts = f"{len(compiled)} compiled modules, {len(pages)} manual pages and both commands"
    print(f"vrrpd-fast {version('vrrpd-fast')}: {parts} are there and work")
    return 0


if __name__ == "__main__":
    sys.exit(main())

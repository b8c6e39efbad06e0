"""Pictures of `vrrpctl why` and `vrrpctl top` for the README: a real failover of two routers in namespaces.

    python bench/pictures.py [--output DIRECTORY]        needs root

Both routers carry the same virtual routers; one of them is killed. What is seen on the other is drawn as SVG.
"""

import argparse
import html
import re
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from lab.kit.net import Net  # noqa: E402
from lab.kit.vrrpd import VrrpdFast  # noqa: E402
from vrrpd_fast.observe.segment import read  # noqa: E402
from vrrpd_fast.observe.top import View  # noqa: E402

# No font is fetched from elsewhere: who looks has one of a fixed width.
FORMAT = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
BLANK = "&#160;"
RUN = re.compile(r'(<text class="[^"]*" x=")([\d.]+)("[^>]*textLength=")([\d.]+)("[^>]*>)([^<]*)')
WHY_COLUMNS, TOP_COLUMNS, TOP_LINES = 100, 100, 20
LAN = "lan"


def document(node: str, priority: int) -> dict[str, Any]:
    """A router's configuration: 12 virtual routers on a LAN, one on a link that is not there, and a check."""
    blocks = {
        name: {
            "interface": "eth0",
            "virtual_router_id": 50 + number,
            "version": 3,
            "advert_int": 0.1,
            "priority": priority,
            "virtual_ipaddress": [f"10.0.0.{50 + number}/24"],
        }
        for number, name in enumerate([LAN, "dmz", "voice", "guest", *(f"office{n}" for n in range(1, 9))])
    }
    blocks["wan"] = blocks["dmz"] | {
        "interface": "eth9",
        "virtual_router_id": 90,
        "virtual_ipaddress": ["192.0.2.75/24"],
    }
    for name in ("guest", "voice"):
        blocks[name]["track_script"] = ["CHK-DNS"]
    return {
        "global_defs": {"router_id": node, "dynamic_interfaces": True},
        "vrrp_script": {"CHK-DNS": {"script": "/bin/false", "interval": 1, "weight": 20}},
        "vrrp_instance": blocks,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Draw docs/img/why.svg and docs/img/top.svg.")
    parser.add_argument("--output", metavar="DIRECTORY", type=Path, default=ROOT / "docs" / "img")
    output: Path = parser.parse_args().output
    with (
        tempfile.TemporaryDirectory() as directory,
        closing(Net(Path(directory), ["gw1", "gw2"])) as net,
    ):
        first = VrrpdFast(net, "gw1", document("gw1", 200))
        second = VrrpdFast(net, "gw2", document("gw2", 100))
        for router in (first, second):
            router.start()
        first.wait_state(LAN, "MASTER")
        second.wait_state(LAN, "BACKUP")
        time.sleep(30)  # what was at the start is not what is to be seen
        first.kill()
        second.wait_state(LAN, "MASTER")
        time.sleep(7)  # the second announcement belongs to it
        draw(output / "why.svg", ansi(second, "why", LAN, "--last", "1"), f"vrrpctl why {LAN}", WHY_COLUMNS)
        draw(output / "top.svg", top(str(second.socket_path)), "vrrpctl top", TOP_COLUMNS)
    return 0


def ansi(router: VrrpdFast, *words: str) -> list[Text]:
    """What a command prints."""
    result: subprocess.CompletedProcess[str] = router.ctl(*words)
    assert result.returncode == 0, result.stderr
    return [Text.from_ansi(line) for line in result.stdout.splitlines()]


def top(socket: str) -> list[Text]:
    """A frame of the live screen."""
    view = View()
    for pause in (2.0, 0.0):
        snapshot = read(socket)
        view.take(snapshot, snapshot.instances, time.time())
        time.sleep(pause)
    footer = "q quit   s sort: trouble   / filter   space hold   row 1 of 13"
    return list(view.frame(TOP_COLUMNS, TOP_LINES, footer))


def without_margins(run: re.Match[str]) -> str:
    """A run of text that begins where its first letter is: some viewers drop blanks at its ends."""
    before, x, between, length, after, text = run.groups()
    inner = text
    while inner.startswith(BLANK):
        inner = inner.removeprefix(BLANK)
    cells = float(length) / max(1, len(html.unescape(text)))
    moved = (len(text) - len(inner)) // len(BLANK)
    while inner.endswith(BLANK):
        inner = inner.removesuffix(BLANK)
    place = round(float(x) + moved * cells, 1)
    size = round(len(html.unescape(inner)) * cells, 1)
    return f"{before}{place:g}{between}{size:g}{after}{inner}"


def draw(path: Path, lines: list[Text], title: str, columns: int) -> None:
    with open("/dev/null", "w") as nowhere:
        console = Console(record=True, width=columns, file=nowhere, color_system="truecolor", highlight=False)
        for line in lines:
            console.print(line, no_wrap=True, overflow="ellipsis", crop=True)
        text = console.export_svg(title=title, theme=MONOKAI, code_format=FORMAT, unique_id=path.stem)
    text = RUN.sub(without_margins, text)
    path.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")
    print(f"{path}: {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    sys.exit(main())

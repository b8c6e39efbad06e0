"""tshark as a judge of what our daemon sent: no malformed VRRP, every checksum good."""

import subprocess
from pathlib import Path

from lab.kit.capture import Frame, write_pcap


def verdicts(frames: list[Frame], path: Path) -> list[str]:
    """What tshark holds against the VRRP among the frames; nothing is an empty list."""
    write_pcap(path, frames)
    fields = ["frame.number", "_ws.malformed", "vrrp.checksum.status", "_ws.expert.message"]
    output = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-Y", "vrrp", "-T", "fields", "-E", "separator=|"]
        + [word for field in fields for word in ("-e", field)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if not output:
        return ["tshark found no VRRP at all"]
    bad = []
    for line in output:
        number, malformed, status, message = line.split("|", 3)
        if malformed or status != "1":
            bad.append(f"frame {number}: malformed={malformed!r} checksum status={status} {message}")
    return bad

"""tshark as a judge of what our daemon sent: no malformed VRRP, every checksum good."""

import subprocess
from pathlib import Path

from lab.kit.capture import Frame, write_pcap


def verdicts(sent: list[tuple[str, Frame]], path: Path) -> list[str]:
    """What tshark holds against adverts, each with the test it is from; an empty list when it is content."""
    write_pcap(path, [frame for _, frame in sent])
    fields = ["frame.number", "_ws.malformed", "vrrp.checksum.status", "_ws.expert.message"]
    output = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-Y", "vrrp", "-T", "fields", "-E", "separator=|"]
        + [word for field in fields for word in ("-e", field)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    bad = [] if len(output) == len(sent) else [f"tshark found {len(output)} adverts, not {len(sent)}"]
    for line in output:
        number, malformed, status, message = line.split("|", 3)
        if malformed or status != "1":
            bad.append(
                f"{sent[int(number) - 1][0]}: malformed={malformed!r} checksum status={status} {message}"
            )
    return bad

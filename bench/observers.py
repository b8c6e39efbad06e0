"""Everybody who may want to know, ten times a second: `python observers.py SOCKET EXPORTER`.

A round is the whole status as JSON, the events since the last round, and a scrape of the exporter that
listens on the unix socket EXPORTER. Prints `ready` after the first round; when its input ends, how many
rounds it has done since, and the seconds they took.
"""

import json
import select
import socket
import sys
import time

from vrrpd_fast.observe import events
from vrrpd_fast.observe.segment import Condition, read, status

PERIOD_S = 0.1
PATIENCE_S = 20.0


def scrape(path: str) -> int:
    """How many lines the exporter answers with."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(path)
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(1 << 20), b""))
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the exporter answers {answer[:200]!r}")
    return answer.count(b"\n")


def look(path: str, exporter: str, since: int) -> int:
    """One round; the sequence number of the last event."""
    snapshot = read(path)
    if snapshot.condition is not Condition.RUNNING:
        raise SystemExit(f"the daemon is {snapshot.condition}")
    if len(json.dumps(status(snapshot))) < 500 * len(snapshot.instances):
        raise SystemExit("a status lacks something")
    if scrape(exporter) < 10 * len(snapshot.instances):
        raise SystemExit("the metrics lack something")
    return max((each["seq"] for each in events.read(path, since)), default=since)


def main() -> None:
    path, exporter = sys.argv[1:]
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            scrape(exporter)
            break
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    since = look(path, exporter, 0)
    print("ready", flush=True)
    began = due = time.monotonic()
    rounds = 0
    while not select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        since = look(path, exporter, since)
        rounds += 1
        due = max(due + PERIOD_S, time.monotonic())
    print(rounds, time.monotonic() - began, flush=True)


if __name__ == "__main__":
    main()

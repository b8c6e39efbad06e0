"""What the daemon and the probe helper say to each other: msgpack, a list of these in a message."""

from collections.abc import Iterable, Iterator

from msgspec import Raw, Struct, msgpack

from vrrpd_fast.model import Probe

LIMIT = 64 * 1024  # bytes of a message
TEXT_LIMIT = 200  # characters of a result
PER_MESSAGE = 32  # reports: if all are changes, a millisecond of the daemon
_HEADER = 5  # bytes of a list before its members


class Start(Struct, frozen=True, array_like=True, tag="start"):
    """Run a probe now, after `share` (0 < share ≤ 1) of its interval, and at every interval from there.

    `state` is what is known of it already: only a result that rise or fall make of it is told as a change.
    """

    serial: int
    probe: Probe
    state: bool | None
    share: float


class Stop(Struct, frozen=True, array_like=True, tag="stop"):
    """Run it no more."""

    serial: int


class Report(Struct, frozen=True, array_like=True):
    """How a probe is: sent at once when `state` changes, and at most once a second otherwise."""

    serial: int
    state: bool | None
    is_success: bool  # of the last run
    text: str
    duration_ns: int
    runs: int
    skipped: int  # runs left out: the one before had not ended, or the helper came too late


Request = Start | Stop


def batches(requests: Iterable[Request]) -> Iterator[bytes]:
    """Messages with these requests. One request is below LIMIT: the configuration bounds its texts."""
    batch: list[Raw] = []
    size = 0
    for request in requests:
        raw = Raw(encode(request))
        if batch and size + len(raw) > LIMIT - _HEADER:
            yield encode(batch)
            batch, size = [], 0
        batch.append(raw)
        size += len(raw)
    if batch:
        yield encode(batch)


encode = msgpack.Encoder().encode
decode_requests = msgpack.Decoder(list[Request]).decode
decode_reports = msgpack.Decoder(list[Report]).decode

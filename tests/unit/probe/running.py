"""Runs one check on a loop of its own, as the helper does."""

import asyncio

from vrrpd_fast.model import AnyProbeKind
from vrrpd_fast.probe.check import Context, Outcome, failure
from vrrpd_fast.probe.kinds import make


async def outcome_of(settings: AnyProbeKind, context: Context, timeout: float = 5.0) -> Outcome:
    """How one run ends."""
    check = make(settings, context)
    try:
        return await run(check, context, timeout)
    finally:
        check.close()


async def run(check: object, context: Context, timeout: float = 5.0) -> Outcome:
    """One more run of a check that is there already."""
    done: asyncio.Future[Outcome] = context.loop.create_future()
    try:
        check.begin(done.set_result)  # type: ignore[attr-defined]
    except OSError as error:
        return failure(error)
    try:
        return await asyncio.wait_for(asyncio.shield(done), timeout)
    except TimeoutError:
        check.abandon()  # type: ignore[attr-defined]
        return Outcome(False, "timed out")

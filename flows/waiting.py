"""A run that waits for its turn: for whom, and how it says so."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from prefect.client.schemas.objects import FlowRun

from flows.artifacts import board
from taskcraft_core.models import Record
from tasks.logs import run_logger
from tasks.progress import watcher

LOOK_SECONDS = 1.0
REMIND_SECONDS = 180.0

Say = Callable[[str | None], Awaitable[None]]
"""Told a sentence while the run waits, and None when its turn has come."""


class Holder(Record):
    """The run whose turn it is: its name, id and run count on the Prefect server, its process, and since when."""

    run: str
    run_id: str
    attempt: int
    host: str
    pid: int
    since: str


def holder_of(run: FlowRun) -> Holder:
    """A run of this process, from now on."""
    since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Holder(
        run=run.name, run_id=str(run.id), attempt=run.run_count, host=socket.gethostname(), pid=os.getpid(), since=since
    )


def sentence(holder: Holder | None, out: object) -> str:
    """For whom a run waits that is to write to `out`."""
    who = f"the run {holder.run} ({holder.host}, since {holder.since})" if holder else "another run"
    return f"Waits for its turn: {who} writes to {out}."


async def tell(said: str | None) -> None:
    """Says it in the log of the run, in its artifacts, and to whoever watches."""
    run_logger().info(said or "Its turn has come.")
    if said is not None:
        watcher().waits(said)
    if (shown := board()) is not None:
        why = "Whether the run waits for another one that writes to its folder."
        await shown.markdown("turn", why, said or "Its turn has come.")


async def wait(
    taken: Callable[[], Awaitable[bool]], why: Callable[[], Awaitable[str]], say: Say, look: float = LOOK_SECONDS
) -> None:
    """Tries until it is taken.

    Args:
        taken: Tries; whether it could be.
        why: A sentence about for whom is waited.
        say: Told the sentence at the start and again every few minutes.
        look: Seconds between two tries.
    """
    said = None
    while not await taken():
        if said is None or time.monotonic() - said > REMIND_SECONDS:
            await say(await why())
            said = time.monotonic()
        await asyncio.sleep(look)
    if said is not None:
        await say(None)

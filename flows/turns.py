"""One writer at a time for an output folder: a run that comes while another writes waits its turn.

The turn is a lock of the kernel on a file in the folder, so it is given back however its holder ends. The file tells
who has it; what stands there when a turn begins belongs to a run that was killed.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from pydantic import ValidationError

from flows.artifacts import board
from flows.leftovers import bury
from taskcraft_core.disk import writing
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Record
from tasks.logs import run_logger
from tasks.progress import watcher

FILE = ".turn"
"""Not a part of the dataset, so it begins with a dot."""
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


@asynccontextmanager
async def turn_of_this_run(out: Path) -> AsyncIterator[None]:
    """In a flow: its turn to write to an output folder; what a killed run left on the server is cleared up first.

    While it waits, the log of the run, its artifacts and the terminal say so.
    """
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None, "a flow that runs has a run"
    async with turn(out, _say, holder_of(context.flow_run)) as killed:
        if killed is not None:
            await bury(UUID(killed.run_id), killed.attempt)
        yield


@asynccontextmanager
async def turn(out: Path, say: Say, holder: Holder) -> AsyncIterator[Holder | None]:
    """Waits until nobody else writes to an output folder, and keeps others waiting while this lasts.

    Args:
        out: The output folder; it is made.
        say: Told that and for whom it waits, at the start and again every few minutes.
        holder: Who asks, for others to be told.

    Yields:
        The run that had the turn before and was killed; None where it gave it back.

    Raises:
        ConfigError: Its file system has no locks.
        StorageError: It cannot be written to.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out / FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        await _wait(handle, out, say)
        killed = _read(handle)
        with writing(out):
            _write(handle, holder.model_dump_json().encode())
        try:
            yield killed
        finally:
            with suppress(OSError):
                os.ftruncate(handle, 0)
    finally:
        os.close(handle)


async def _say(sentence: str | None) -> None:
    said = sentence or "Its turn has come."
    run_logger().info(said)
    if sentence is not None:
        watcher().waits(sentence)
    if (shown := board()) is not None:
        await shown.markdown("turn", "Whether the run waits for another one that writes to its folder.", said)


async def _wait(handle: int, out: Path, say: Say) -> None:
    said = None
    while not _taken(handle, out):
        if said is None or time.monotonic() - said > REMIND_SECONDS:
            await say(_sentence(_read(handle), out))
            said = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)
    if said is not None:
        await say(None)


def _taken(handle: int, out: Path) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ConfigError(
            f"{out}: cannot be the output folder: its file system has no locks ({error.strerror})."
        ) from None
    return True


def _sentence(holder: Holder | None, out: Path) -> str:
    who = f"the run {holder.run} ({holder.host}, since {holder.since})" if holder else "another run"
    return f"Waits for its turn: {who} writes to {out}."


def _read(handle: int) -> Holder | None:
    """Who is written in the file; nobody where it was just being written."""
    try:
        return Holder.model_validate_json(os.pread(handle, 65536, 0))
    except ValidationError:
        return None


def _write(handle: int, data: bytes) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, data, 0)

"""One writer at a time for an output folder: a run that comes while another writes waits its turn.

The turn is a lock of the kernel on a file in the folder, so it is given back however its holder ends. The file tells
who has it; what stands there when a turn begins belongs to a run that was killed.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

from prefect.context import FlowRunContext
from pydantic import ValidationError

from flows.leftovers import bury
from flows.waiting import Holder, Say, holder_of, sentence, tell, wait
from taskcraft_core.disk import writing
from taskcraft_core.errors import ConfigError

FILE = ".turn"
"""Not a part of the dataset, so it begins with a dot."""


@asynccontextmanager
async def turn_of_this_run(out: Path) -> AsyncIterator[None]:
    """In a flow: its turn to write to an output folder; what a killed run left on the server is cleared up first.

    While it waits, the log of the run, its artifacts and the terminal say so.
    """
    context = FlowRunContext.get()
    assert context is not None and context.flow_run is not None, "a flow that runs has a run"
    async with turn(out, tell, holder_of(context.flow_run)) as killed:
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


async def _wait(handle: int, out: Path, say: Say) -> None:
    async def taken() -> bool:
        return _taken(handle, out)

    async def why() -> str:
        return sentence(_read(handle), out)

    await wait(taken, why, say)


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


def _read(handle: int) -> Holder | None:
    """Who is written in the file; nobody where it was just being written."""
    try:
        return Holder.model_validate_json(os.pread(handle, 65536, 0))
    except ValidationError:
        return None


def _write(handle: int, data: bytes) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, data, 0)

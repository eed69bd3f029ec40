"""A parser process, from its start to its end: asked one document at a time over its standard input and output."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import Mapping
from typing import Final

from taskcraft_core.config import Settings
from taskcraft_core.documents import wire
from taskcraft_core.errors import TaskCraftError

_START_SECONDS: Final = 60.0
_SECRET: Final = re.compile(r"key|token|secret|passw|credential|authorization", re.I)
_SMALL_HEAP: Final = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "4000000",
    "MALLOC_TRIM_THRESHOLD_": "4000000",
    "OMP_NUM_THREADS": "1",
}
"""Measured on the image worker: peak 460 MB instead of 600, 210 MB instead of 410 between images, and no slower
(with thresholds of 1 MB: 420 MB, but two to three times the CPU)."""


class ParserProcess:
    """A parser process that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.jobs = 0

    @classmethod
    async def start(cls, settings: Settings) -> ParserProcess:
        """Starts one, and waits until it is ready.

        Raises:
            TaskCraftError: It does not start.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "taskcraft_core.documents.worker", str(settings.parse_memory_mb),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**_without_secrets(os.environ), **_SMALL_HEAP},
            start_new_session=True,
        )  # fmt: skip
        worker = cls(process)
        try:
            await asyncio.wait_for(worker._receive(), _START_SECONDS)
        except (TimeoutError, EOFError):
            await worker.kill()
            raise TaskCraftError("The parser process does not start; run `taskcraft doctor`.") from None
        return worker

    async def ask(self, request: wire.Request) -> wire.Reply:
        """Sends one document; EOFError when the process dies over it."""
        assert self.process.stdin is not None
        self.jobs += 1
        with contextlib.suppress(ConnectionError):
            self.process.stdin.write(wire.frame(request.model_dump_json().encode()))
            await self.process.stdin.drain()
        return wire.Reply.model_validate_json(await self._receive())

    async def _receive(self) -> bytes:
        assert self.process.stdout is not None
        head = await self.process.stdout.readexactly(wire.HEAD_BYTES)
        return await self.process.stdout.readexactly(wire.frame_length(head))

    async def kill(self) -> int:
        """Ends the process, at once; returns how it ended."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        return await self.process.wait()


def _without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What a parser may know of the environment: a hostile document must find no key in it."""
    return {name: value for name, value in environment.items() if not _SECRET.search(name)}

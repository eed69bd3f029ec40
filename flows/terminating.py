"""SIGTERM (`docker stop`, `timeout`, a machine that shuts down) ends a command as orderly as Ctrl-C does."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Terminated(BaseException):
    """SIGTERM came."""


def raise_when_terminated() -> None:
    """From now on SIGTERM raises `Terminated`; where an event loop runs, `run` sees to it instead."""
    signal.signal(signal.SIGTERM, _terminated)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine as `asyncio.run` does; SIGTERM cancels it.

    While a flow runs, Prefect's own handler raises an exception wherever the program just is, and what is raised in a
    shard is taken for the failure of that shard: the others would go on. So the loop is told too.

    Raises:
        Terminated: SIGTERM came, whatever became of the coroutine.
    """
    came: list[bool] = []

    async def watched() -> T:
        task = asyncio.current_task()

        def cancel() -> None:
            came.append(True)
            if task is not None:
                task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, cancel)
        return await work

    try:
        return asyncio.run(watched())
    except BaseException as error:
        if came or _is_prefects(error):
            raise Terminated from error
        raise


def _terminated(*_: object) -> NoReturn:
    raise Terminated


def _is_prefects(error: BaseException) -> bool:
    """Whether it is what Prefect raises when SIGTERM comes; if Prefect was never imported, it is not."""
    prefect = sys.modules.get("prefect.exceptions")
    return prefect is not None and isinstance(error, prefect.TerminationSignal)

"""SIGTERM (`docker stop`, `timeout`, a machine that shuts down) and Ctrl-C end a command in good order."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")
AGAIN = 8.0
"""Seconds after which a coroutine that was cancelled is cancelled again; what it needs to put its things away."""


class Terminated(BaseException):
    """SIGTERM came."""


def raise_when_terminated() -> None:
    """From now on SIGTERM raises `Terminated`; where an event loop runs, `run` sees to it instead."""
    signal.signal(signal.SIGTERM, _terminated)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine as `asyncio.run` does; SIGTERM and Ctrl-C cancel it, and a second one stops at once.

    While a flow runs, Prefect's own handler of SIGTERM raises an exception wherever the program just is, and what is
    raised in a shard is taken for the failure of that shard: the others would go on. So the loop is told too. It is
    told again while the coroutine goes on: where an answer comes in at the same moment, a cancellation can be lost.

    Raises:
        Terminated: SIGTERM came, whatever became of the coroutine.
        KeyboardInterrupt: Ctrl-C came, whatever became of it.
    """
    came: list[signal.Signals] = []

    async def watched() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            task.cancel()
            loop.call_later(AGAIN, cancel)

        def stop(sent: signal.Signals) -> None:
            came.append(sent)
            loop.remove_signal_handler(sent)
            cancel()

        for sent in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sent, stop, sent)
        return await work

    try:
        result = asyncio.run(watched())
    except BaseException as error:
        if signal.SIGTERM in came or _is_prefects(error):
            raise Terminated from error
        if came:
            raise KeyboardInterrupt from error
        raise
    if came:
        raise Terminated if signal.SIGTERM in came else KeyboardInterrupt
    return result


def _terminated(*_: object) -> NoReturn:
    raise Terminated


def _is_prefects(error: BaseException) -> bool:
    """Whether it is what Prefect raises when SIGTERM comes; if Prefect was never imported, it is not."""
    prefect = sys.modules.get("prefect.exceptions")
    return prefect is not None and isinstance(error, prefect.TerminationSignal)

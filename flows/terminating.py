"""SIGTERM (`docker stop`, a cancel in the Prefect UI, a machine that shuts down) and Ctrl-C end a run in good order.

So does SIGHUP, a terminal that is closed, unless the command was started to outlive it (`nohup`).

While a flow runs, Prefect's own handler of SIGTERM raises an exception wherever the program just is. In a shard it is
taken for the failure of that shard, and the others go on; while everything waits for models, it breaks the event loop
off, and calls that are paid for are lost. So a flow is run `cancelled_by_sigterm`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import threading
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn, TypeVar

from flows.orphans import end_with_worker, into_nothing

T = TypeVar("T")
AGAIN = 8.0
"""Seconds after which a coroutine that was cancelled is cancelled again; what it needs to put its things away."""


_HANDLER = "_prefect_sigterm_handler"
"""What Prefect calls its handler; it looks whether that one is installed, before it says that a run is cancelled."""

_watched = False
"""Whether `run` cancels what runs when a signal comes."""


class Terminated(BaseException):
    """SIGTERM or SIGHUP came."""


def raise_when_terminated() -> None:
    """From now on SIGTERM and SIGHUP raise `Terminated`; where an event loop runs, `run` sees to it instead."""
    for sent in _terminating():
        signal.signal(sent, _terminated)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine as `asyncio.run` does; a signal cancels it, and a second SIGTERM or Ctrl-C stops at once.

    It is cancelled again while it goes on: where an answer comes in at the same moment, a cancellation can be lost.

    Raises:
        Terminated: SIGTERM or SIGHUP came, whatever became of the coroutine.
        KeyboardInterrupt: Ctrl-C came, whatever became of it.
    """
    global _watched
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
            _without_terminal(sent)
            cancel()

        for sent in (*_terminating(), signal.SIGINT):
            loop.add_signal_handler(sent, stop, sent)
        return await work

    _watched = True
    try:
        result = asyncio.run(watched())
    except BaseException as error:
        if {*came} - {signal.SIGINT} or _is_prefects(error):
            raise Terminated from error
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        _watched = False
    if came:
        raise Terminated if {*came} - {signal.SIGINT} else KeyboardInterrupt
    return result


@asynccontextmanager
async def cancelled_by_sigterm() -> AsyncIterator[None]:
    """In a flow: while this lasts, SIGTERM cancels the calling task, and nothing else happens then and there.

    The death of the worker that started the process counts as SIGTERM (see `flows.orphans`). The task is cancelled
    again while it goes on, as in `run`; where `run` does that, Prefect's handler is only silenced. Prefect
    is told on the way out, and takes it from there: a run that a worker was asked to cancel ends as cancelled, any
    other as crashed.

    Raises:
        TerminationSignal: SIGTERM came and cut short what was done; Prefect's own.
    """
    from prefect.exceptions import TerminationSignal
    from prefect.utilities import engine

    raising, task, loop = getattr(engine, _HANDLER, None), asyncio.current_task(), asyncio.get_running_loop()
    here = threading.current_thread() is threading.main_thread()
    if not here or raising is None or task is None or signal.getsignal(signal.SIGTERM) is not raising:
        yield
        return
    timers: list[asyncio.Handle] = []

    def cancel() -> None:
        task.cancel()
        timers.append(loop.call_later(AGAIN, cancel))

    def came(*_: object) -> None:
        if not _watched and not timers:
            timers.append(loop.call_soon_threadsafe(cancel))

    _replace(engine, raising, came)
    end_with_worker()
    try:
        yield
    except BaseException as error:
        if timers:
            raise TerminationSignal(signal.SIGTERM) from error
        raise
    finally:
        _replace(engine, came, raising)
        for timer in timers:
            timer.cancel()
        while task.cancelling() > 0 and timers:  # what Prefect still has to say to its server is not cut short
            task.uncancel()
        if timers:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)


def _replace(engine: Any, old: Any, new: Any) -> None:
    setattr(engine, _HANDLER, new)
    if signal.getsignal(signal.SIGTERM) is old:
        signal.signal(signal.SIGTERM, new)


def _terminating() -> list[signal.Signals]:
    """The signals that end a command besides Ctrl-C; `nohup` has SIGHUP ignored, and it stays so."""
    return [sent for sent in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(sent) is not signal.SIG_IGN]


def _terminated(sent: int, _: object) -> NoReturn:
    _without_terminal(sent)
    raise Terminated


def _without_terminal(sent: int) -> None:
    """After SIGHUP nothing can be written to the terminal, and the signal that follows from the shell says no more."""
    if sent == signal.SIGHUP:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        into_nothing(stream for stream in (1, 2) if stat.S_ISCHR(os.fstat(stream).st_mode))


def _is_prefects(error: BaseException) -> bool:
    """Whether it is what Prefect raises when SIGTERM comes; if Prefect was never imported, it is not."""
    prefect = sys.modules.get("prefect.exceptions")
    return prefect is not None and isinstance(error, prefect.TerminationSignal)

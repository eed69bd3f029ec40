"""Processes that do not outlive the one that started them: a run its worker, server and worker `taskcraft serve`.

Nobody could cancel such a run any more, and such a server would keep its port.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console

_PR_SET_PDEATHSIG = 1


def end_with_worker() -> None:
    """In a process that a worker started: from now on it gets SIGTERM when the worker dies (on Linux).

    What it still writes to the worker's pipe is lost then, and no error: by default it would exit at the first line.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        return
    for console in _consoles():
        console.on_broken_pipe = into_nothing  # type: ignore[method-assign]
    _end_with_parent()


def ending_with_us(command: Sequence[str]) -> list[str]:
    """A command that runs `python -m` with these arguments, and gets SIGTERM when this process dies (on Linux)."""
    return [sys.executable, "-m", "flows.orphans", str(os.getpid()), *command]


def into_nothing(streams: Iterable[int] = (1, 2)) -> None:
    """What is written to these file descriptors from now on is lost, and no error."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nothing, stream)
    os.close(nothing)


def _end_with_parent() -> None:
    """What is set here also holds for what this process becomes by `exec`."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _consoles() -> Iterator[Console]:
    """Those that Prefect's handlers write logs to."""
    for handler in logging.getLogger().handlers:
        console = getattr(handler, "console", None)
        if isinstance(console, Console):
            yield console


def _become(parent: int, *command: str) -> None:
    _end_with_parent()
    if os.getppid() == parent:  # it may have died before it was watched
        os.execv(sys.executable, [sys.executable, "-m", *command])


if __name__ == "__main__":
    _become(int(sys.argv[1]), *sys.argv[2:])

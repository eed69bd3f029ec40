"""The process of a run does not outlive the worker that started it: nobody could cancel it any more."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Iterator

from rich.console import Console

_PR_SET_PDEATHSIG = 1


def end_with_worker() -> None:
    """In a process that a worker started: from now on it gets SIGTERM when the worker dies (on Linux).

    What it still writes to the worker's pipe is lost then, and no error: by default it would exit at the first line.
    """
    if "PREFECT__FLOW_RUN_ID" not in os.environ:
        return
    for console in _consoles():
        console.on_broken_pipe = _into_nothing  # type: ignore[method-assign]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _consoles() -> Iterator[Console]:
    """Those that Prefect's handlers write logs to."""
    for handler in logging.getLogger().handlers:
        console = getattr(handler, "console", None)
        if isinstance(console, Console):
            yield console


def _into_nothing() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)

"""The server and the worker that `taskcraft serve` keeps running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flows.orphans import ending_with_us
from taskcraft_core.errors import TaskCraftError

STOP_SECONDS = 45.0
"""Its runs are cancelled before; a worker, or a server, has things of its own to put away."""
RESTARTS, WITHIN = 3, 600.0
"""A child that dies more often than that in so many seconds is not started again."""


@dataclass
class Child:
    """A process that is kept running, and ends when we do, however that is.

    It leads a group of its own, so that Ctrl-C reaches us alone.
    """

    name: str
    command: list[str]
    env: Mapping[str, str]
    log: Path
    started: list[float] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; its output is added to the log, which is a new one the first time, and the last one is kept."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if not self.started and self.log.exists():
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))
        with self.log.open("ab") as log, heeding_interrupts():
            self.process = subprocess.Popen(
                ending_with_us(self.command), env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.started.append(time.monotonic())

    @property
    def running(self) -> bool:
        """Whether it lives."""
        return self.process is not None and self.process.poll() is None

    def revive(self) -> None:
        """Starts it again if it has died.

        Raises:
            TaskCraftError: It dies too often.
        """
        if self.running:
            return
        recent = [when for when in self.started if time.monotonic() - when < WITHIN]
        if len(recent) > RESTARTS:
            raise TaskCraftError(f"The {self.name} dies again and again; {self.log} says why.")
        print(f"taskcraft: the {self.name} has ended and is started again; {self.log} says why.", file=sys.stderr)
        self.start()

    def stop(self) -> None:
        """Ends it; if it will not end, kills it and what it has started."""
        if not self.running:
            return
        assert self.process is not None
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kills it, with what it has started in its group."""
        if self.running and self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """What is started meanwhile heeds SIGINT, even where this command was told not to (`nohup … &` in a script).

    Whether a signal is ignored is inherited, and Prefect's worker stops itself by that one.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

"""The progress of a build on the terminal: a line a stage, drawn live; plain lines where nobody watches."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

STARTING = "starting Prefect"


@dataclass
class Line:
    """How far one stage is."""

    stage: str
    shards: int
    reused: int
    items: int | None
    bar: TaskID
    began: float = field(default_factory=time.monotonic)
    items_done: int = 0
    shards_done: int = 0

    @property
    def part(self) -> float:
        """Shards done, the unfinished ones counted by their items where those are known."""
        if not self.items or self.reused:
            return self.shards_done
        return max(self.shards_done, min(self.items_done / self.items, 1.0) * self.shards)

    @property
    def text(self) -> str:
        """The counts in words."""
        reused = f", {self.reused} reused" if self.reused else ""
        done = f", {self.items_done} items" if self.items_done else ""
        return f"{self.shards_done}/{self.shards} shards{reused}{done}"


class Display:
    """Listens to a build (see `tasks.progress.Listener`) and shows it."""

    def __init__(self, console: Console) -> None:
        """Shows on this console."""
        self._console = console
        self._line: Line | None = None
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=16),
            TimeElapsedColumn(),
            TextColumn("{task.fields[counts]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._starting: TaskID | None = None

    def __enter__(self) -> Self:
        """Starts drawing."""
        self._bars.start()
        self._starting = self._bars.add_task(STARTING, total=None, counts="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops drawing; what is drawn stays."""
        self._bars.stop()

    def waits(self, sentence: str) -> None:
        """A line of its own, above those of the stages."""
        self._console.print(sentence, highlight=False, soft_wrap=True)

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        """A new line."""
        if self._starting is not None:
            self._bars.remove_task(self._starting)
            self._starting = None
        bar = self._bars.add_task(stage, total=max(shards, 1), counts="")
        self._line = Line(stage, shards, reused, items, bar)

    def items_done(self, count: int) -> None:
        """The line goes on."""
        if self._line is not None:
            self._line.items_done += count
            self._draw(self._line)

    def shard_done(self) -> None:
        """The line goes on by a shard."""
        if self._line is not None:
            self._line.shards_done += 1
            self._draw(self._line)

    def stage_ends(self) -> None:
        """The line is done; without a terminal it is printed now."""
        if self._line is None:
            return
        self._draw(self._line)
        if not self._console.is_terminal:
            seconds = time.monotonic() - self._line.began
            self._console.print(f"{self._line.stage:<16} {self._line.text}, {seconds:.1f} s", highlight=False)
        self._line = None

    def _draw(self, line: Line) -> None:
        done = line.part if line.shards else 1
        self._bars.update(line.bar, completed=done, counts=line.text)

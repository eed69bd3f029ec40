"""When a budget ends a stage: what the stage still needs, by what its items have cost so far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from flows.money import dollars
from taskcraft_core.calls.budget import counted
from taskcraft_core.errors import BudgetExceeded
from taskcraft_core.shards import Reference
from tasks.counts import Counts
from tasks.progress import Listener


class Meter:
    """Listens to a stage for a listener, and keeps count of items and of what they cost.

    Args:
        listener: Who hears of everything too.
        items: The items to go through, 0 if that is not known.
        counts: What this process has done and spent up to now.
    """

    def __init__(self, listener: Listener, items: int, counts: Callable[[], Counts]) -> None:
        self._listener = listener
        self._counts = counts
        self._began = counts()
        self.items = items
        self.done = 0
        self.paid = 0

    def waits(self, sentence: str) -> None:
        """Passed on."""
        self._listener.waits(sentence)

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        """Passed on."""
        self._listener.stage_begins(stage, shards, reused, items)

    def items_done(self, count: int) -> None:
        """Counted and passed on; items that are done before anything was spent came from the journal."""
        self.done += count
        if self.spent.made + self.spent.searches:
            self.paid += count
        self._listener.items_done(count)

    def shard_done(self) -> None:
        """Passed on."""
        self._listener.shard_done()

    def stage_ends(self) -> None:
        """Passed on."""
        self._listener.stage_ends()

    @property
    def spent(self) -> Counts:
        """What the stage has spent."""
        return self._counts() - self._began

    def stopped(self, stage: str, error: BudgetExceeded) -> BudgetExceeded:
        """The error that ended the stage, with what the stage still needs."""
        return BudgetExceeded(f"{str(error).rstrip('.')}; {self._needs(stage)}.")

    def _needs(self, stage: str) -> str:
        left = max(self.items - self.done, 0)
        if not left or not self.paid:
            many = f", and {counted(left, 'item')} of it {_are(left)} left" if left else ""
            return (
                f"the stage {stage} has taken {self._took(1)}{many}: too few are done to tell what it still needs, but "
                "--dry-run estimates the whole build"
            )
        return (
            f"the stage {stage} has {counted(left, 'item')} left, about {self._took(left / self.paid)} more, as "
            f"estimated from the {counted(self.paid, 'item')} done so far"
        )

    def _took(self, times: float) -> str:
        """What the stage has spent, or a multiple of it."""
        spent = self.spent
        numbers = [spent.made + spent.searches, spent.tokens]
        if times != 1:
            numbers = [_round(number * times) for number in numbers]
        parts = [counted(number, noun) for number, noun in zip(numbers, ("call", "token"), strict=True)]
        if not spent.unpriced:
            parts.append(dollars(spent.usd * times, 1, 0))
        return f"{', '.join(parts[:-1])} and {parts[-1]}"


def items_of(shards: Mapping[str, Mapping[str, Any]], done: Collection[str]) -> int:
    """The records in the shards that are still to be gone through; 0 where a stage does not go by shards."""
    return sum(
        value.rows
        for name, arguments in shards.items()
        if name not in done
        for value in arguments.values()
        if isinstance(value, Reference)
    )


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _round(number: float) -> int:
    """Two digits that mean something: 1,234 is 1,200."""
    digits = len(str(int(number)))
    return round(round(number, min(2 - digits, 0)))

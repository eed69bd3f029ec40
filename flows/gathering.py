"""Runs the shards of a stage: only what is missing is computed, and one failure does not stop the others."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import Task

from flows.bars import drawn
from flows.options import RunOptions
from flows.outcome import StageRun, failure_of, parted, reason_of
from flows.outlook import Meter, items_of
from flows.runners import compute_shard, elsewhere, in_all, look, places, spent
from taskcraft_core.calls.budget import counted
from taskcraft_core.errors import BudgetExceeded, ConfigError, ProviderError, StorageError, TaskCraftError
from taskcraft_core.shards import Reference, result_reference, result_sound
from tasks.logs import run_logger
from tasks.manifest import write_manifest
from tasks.memory import give_back
from tasks.progress import watched_by, watcher
from tasks.workbench import waits

SHARDS_AT_ONCE = 2
"""Shards in flight in one process. Few, so that a run that is stopped has finished most of what it began."""
WAITING_SHARDS_AT_ONCE = 8
"""Where roles wait for models. An unfinished shard loses nothing then: its calls are in the journal."""

LOOK_SECONDS = 5.0
"""What other processes spend is looked up no more often than this."""

STOPPING = (BudgetExceeded, ProviderError, ConfigError, StorageError)
"""What the next shard would run into as well, so that none is begun after it."""


def shards_at_once(*roles: str) -> int:
    """How many shards are in flight for these roles."""
    return WAITING_SHARDS_AT_ONCE if waits(*roles) else SHARDS_AT_ONCE


@dataclass(frozen=True)
class Work:
    """The shards of a stage, to be brought up to date.

    Attributes:
        out: The output folder.
        stage: The stage's name, as in `STAGE_VERSIONS`.
        label: What it is called on the way.
        compute: The Prefect task that computes a shard.
        shards: By fingerprint, what the task is given.
        sound: Those that are there and whole.
        names: What a shard is called, by fingerprint, in the order in which they are begun.
        stopped: The errors after which no shard is begun.
    """

    out: str
    stage: str
    label: str
    compute: Task[..., Any]
    shards: Mapping[str, Mapping[str, Any]]
    sound: frozenset[str]
    names: Mapping[str, str]
    stopped: list[Exception] = field(default_factory=list)

    async def do(self, fingerprint: str) -> Reference:
        """Computes one shard, or looks it up."""
        fresh = self.compute.with_options(
            refresh_cache=fingerprint not in self.sound, task_run_name=self.names[fingerprint], tags=[self.stage]
        )
        arguments = {"out": self.out, "stage": self.stage, "fingerprint": fingerprint, **self.shards[fingerprint]}
        computed = Reference.model_validate(await compute_shard(fresh, arguments))
        return self.there(fingerprint) or computed  # another build may have made the file anew since Prefect saw it

    def there(self, fingerprint: str) -> Reference | None:
        """A shard as it is on disk, if it was there from the start."""
        return result_reference(Path(self.out), self.stage, fingerprint) if fingerprint in self.sound else None


async def run_shards(
    out: str,
    stage: str,
    compute: Task[..., Any],
    shards: Mapping[str, Mapping[str, Any]],
    options: RunOptions,
    label: str = "",
    items: int | None = None,
    at_once: int = SHARDS_AT_ONCE,
) -> StageRun:
    """Brings every shard of a stage up to date.

    Args:
        out: The output folder.
        stage: Its name, as in `STAGE_VERSIONS`.
        compute: The Prefect task that computes a shard.
        shards: By fingerprint, what the task is given.
        options: How many shards may fail, and where they are computed.
        label: What the stage is called on the way, if not by its name.
        items: How many items there are to go through, if that is known.
        at_once: How many shards are in flight.

    Returns:
        The references, in the order of the fingerprints.

    Raises:
        BudgetExceeded: A cap is reached; no other shard was begun, and those in flight were let end.
        StageFailed: More failed than may; tells how many, and the first reason. All were tried, unless a service or
            a setting was what stopped one: then as with a cap.
    """
    began = time.monotonic()
    work = _planned(out, stage, compute, shards, label or stage)
    await look()
    meter = Meter(watcher(), items_of(shards, work.sound), spent)
    run_logger().info(_begins(work, items))
    async with drawn(meter) as drawing:
        with watched_by(drawing):
            results = await _all(work, items, await places(at_once))
    if reached := next((error for error in work.stopped if isinstance(error, BudgetExceeded)), None):
        await look()
        raise meter.stopped(work.label, in_all(reached)) from reached
    done, failed = parted(work.label, results)
    if len(failed) > may_fail(options.failed_shards, len(shards)):
        raise failure_of(work.label, failed, len(shards)) from _first(list(results.values()))
    reused = sum(isinstance(results[work.names[fingerprint]], Reference) for fingerprint in work.sound)
    return StageRun(
        stage=work.label,
        manifest=write_manifest(Path(out), stage, done),
        shards=tuple(done),
        computed=len(done) - reused,
        reused=reused,
        failed=failed,
        items=items,
        seconds=round(time.monotonic() - began, 1),
    )


def may_fail(percent: float, shards: int) -> int:
    """How many of so many shards may fail: the percentage rounded up, but never all of them below 100."""
    return shards if percent == 100 else max(0, min(math.ceil(shards * percent / 100), shards - 1))


def _planned(
    out: str, stage: str, compute: Task[..., Any], shards: Mapping[str, Mapping[str, Any]], label: str
) -> Work:
    sound = frozenset(fingerprint for fingerprint in shards if result_sound(Path(out), stage, fingerprint))
    names = {fingerprint: f"{label}, {n} of {len(shards)}" for n, fingerprint in enumerate(sorted(shards), 1)}
    return Work(out, stage, label, compute, shards, sound, names)


async def _all(work: Work, items: int | None, at_once: int) -> dict[str, Reference | BaseException | None]:
    """What became of every shard, by its name; None for those that were not begun and are not there."""
    gate = asyncio.Semaphore(at_once)

    async def one(fingerprint: str) -> Reference | None:
        async with gate:
            if work.stopped:
                return work.there(fingerprint)
            try:
                reference = await work.do(fingerprint)
            except Exception as error:
                if isinstance(error, STOPPING):
                    work.stopped.append(error)
                unforeseen = None if isinstance(error, TaskCraftError) else error
                run_logger().error(_fails(work.names[fingerprint], error), exc_info=unforeseen)
                raise
        if elsewhere() and fingerprint not in work.sound:
            await look(stale=LOOK_SECONDS)
            watcher().items_done(items_of({fingerprint: work.shards[fingerprint]}, ()))
        watcher().shard_done()
        return reference

    watcher().stage_begins(work.label, len(work.shards), len(work.sound), items)
    try:
        results = await asyncio.gather(*map(one, work.names), return_exceptions=True)
    finally:
        watcher().stage_ends()
        give_back()
    return dict(zip(work.names.values(), results, strict=True))


def _begins(work: Work, items: int | None) -> str:
    there = f", {len(work.sound):,} of them there already" if work.sound else ""
    through = f"; {counted(items, 'item')} to go through" if items is not None else ""
    return f"{work.label}: {counted(len(work.shards), 'shard')}{there}{through}."


def _fails(shard: str, error: Exception) -> str:
    others = "no other is begun" if isinstance(error, STOPPING) else "the others go on"
    return f"{shard} failed, and {others}: {reason_of(error)}"


def _first(results: Sequence[object]) -> BaseException | None:
    return next((result for result in results if isinstance(result, BaseException)), None)

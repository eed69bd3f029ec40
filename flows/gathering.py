"""Runs the shards of a stage: only what is missing is computed, and one failure does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import Task

from flows.options import RunOptions
from flows.outlook import Meter, items_of
from flows.runners import compute_shard
from taskcraft_core.errors import BudgetExceeded, ConfigError, ProviderError, TaskCraftError
from taskcraft_core.models import Record
from taskcraft_core.shards import Reference, result_sound
from tasks.manifest import write_manifest
from tasks.memory import give_back
from tasks.progress import watched_by, watcher
from tasks.workbench import counts, waits

SHARDS_AT_ONCE = 2
"""Shards in flight in one process. Few, so that a run that is stopped has finished most of what it began."""
WAITING_SHARDS_AT_ONCE = 8
"""Where roles wait for models. An unfinished shard loses nothing then: its calls are in the journal."""


STOPPING = (BudgetExceeded, ProviderError, ConfigError)
"""What the next shard would run into as well, so that none is begun after it."""


def shards_at_once(*roles: str) -> int:
    """How many shards are in flight for these roles."""
    return WAITING_SHARDS_AT_ONCE if waits(*roles) else SHARDS_AT_ONCE


NOT_BEGUN = "It was not begun, for what stopped another would have stopped it too."


class FailedShard(Record):
    """A shard that failed: its stage, its name there, and why, in one sentence."""

    stage: str
    shard: str
    reason: str


class StageRun(Record):
    """What became of a stage: its manifest, how many of its shards this run computed, and which it goes on without."""

    stage: str
    manifest: str
    shards: tuple[Reference, ...]
    computed: int
    reused: int
    failed: tuple[FailedShard, ...] = ()

    @property
    def rows(self) -> int:
        """The records that the stage gave."""
        return sum(shard.rows for shard in self.shards)


class StageFailed(TaskCraftError):
    """Some shards of a stage failed; all others are kept."""


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
    label = label or stage
    sound = {fingerprint for fingerprint in shards if result_sound(Path(out), stage, fingerprint)}
    names = {fingerprint: f"{label}, {n} of {len(shards)}" for n, fingerprint in enumerate(sorted(shards), 1)}
    meter = Meter(watcher(), items_of(shards, sound), counts)
    gate = asyncio.Semaphore(at_once)
    stopped: list[Exception] = []

    async def one(fingerprint: str) -> Reference | None:
        async with gate:
            if stopped:
                return None
            fresh = compute.with_options(
                refresh_cache=fingerprint not in sound, task_run_name=names[fingerprint], tags=[stage]
            )
            try:
                arguments = {"out": out, "stage": stage, "fingerprint": fingerprint, **shards[fingerprint]}
                reference = await compute_shard(fresh, arguments)
            except STOPPING as error:
                stopped.append(error)
                raise
        meter.shard_done()
        return Reference.model_validate(reference)

    with watched_by(meter):
        meter.stage_begins(label, len(shards), len(sound), items)
        try:
            results = await asyncio.gather(*map(one, sorted(shards)), return_exceptions=True)
        finally:
            meter.stage_ends()
            give_back()
    if reached := next((error for error in stopped if isinstance(error, BudgetExceeded)), None):
        raise meter.stopped(label, reached) from reached
    done, failed = _parted(label, dict(zip(sorted(shards), results, strict=True)), names)
    if 100 * (len(shards) - len(done)) > options.failed_shards * len(shards):
        raise StageFailed(_failure(label, failed, len(shards))) from _first(results)
    manifest = write_manifest(Path(out), stage, done)
    computed = len([one for one in shards if one not in sound]) - len(failed)
    return StageRun(
        stage=label, manifest=manifest, shards=tuple(done), computed=computed, reused=len(sound), failed=failed
    )


def _parted(
    stage: str, results: Mapping[str, Reference | BaseException | None], names: Mapping[str, str]
) -> tuple[list[Reference], tuple[FailedShard, ...]]:
    """What is there, and what is not: those that were tried come first."""
    done = [result for result in results.values() if isinstance(result, Reference)]
    missing = [(name, result) for name, result in results.items() if not isinstance(result, Reference)]
    failed = [
        FailedShard(stage=stage, shard=names[fingerprint], reason=_reason(result))
        for fingerprint, result in sorted(missing, key=lambda item: item[1] is None)
    ]
    return done, tuple(failed)


def _reason(failure: BaseException | None) -> str:
    if failure is None:
        return NOT_BEGUN
    text = str(failure) if isinstance(failure, TaskCraftError) else f"{type(failure).__name__}: {failure}"
    return f"{text.rstrip('.')}."


def _first(results: Sequence[object]) -> BaseException | None:
    return next((result for result in results if isinstance(result, BaseException)), None)


def _failure(stage: str, failed: Sequence[FailedShard], shards: int) -> str:
    first = failed[0]
    tried = sum(one.reason != NOT_BEGUN for one in failed)
    return (
        f"{tried} of {shards} shards of the stage {stage} failed ({first.shard}: {first.reason.rstrip('.')}); "
        "the others are kept, so the same command, or a retry, goes on from there."
    )

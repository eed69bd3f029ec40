"""Runs the shards of a stage: only what is missing is computed, and one failure does not stop the others."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import Task

from flows.outlook import Meter, items_of
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


class StageRun(Record):
    """What became of a stage: its manifest, and how many of its shards this run computed."""

    stage: str
    manifest: str
    shards: tuple[Reference, ...]
    computed: int
    reused: int

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
        label: What the stage is called on the way, if not by its name.
        items: How many items there are to go through, if that is known.
        at_once: How many shards are in flight.

    Returns:
        The references, in the order of the fingerprints.

    Raises:
        BudgetExceeded: A cap is reached; no other shard was begun, and those in flight were let end.
        StageFailed: Some failed; tells how many, and the first reason. All were tried, unless a service or a
            setting was what stopped one: then as with a cap.
    """
    label = label or stage
    sound = {fingerprint for fingerprint in shards if result_sound(Path(out), stage, fingerprint)}
    meter = Meter(watcher(), items_of(shards, sound), counts)
    gate = asyncio.Semaphore(at_once)
    stopped: list[Exception] = []

    async def one(fingerprint: str) -> Reference | None:
        async with gate:
            if stopped:
                return None
            fresh = compute.with_options(refresh_cache=fingerprint not in sound)
            try:
                reference = await fresh(out=out, stage=stage, fingerprint=fingerprint, **shards[fingerprint])
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
    done = _unless_failed(label, results)
    manifest = write_manifest(Path(out), stage, done)
    return StageRun(
        stage=label, manifest=manifest, shards=tuple(done), computed=len(shards) - len(sound), reused=len(sound)
    )


def _unless_failed(stage: str, results: Sequence[Reference | BaseException | None]) -> list[Reference]:
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        first = failures[0]
        reason = str(first) if isinstance(first, TaskCraftError) else f"{type(first).__name__}: {first}"
        raise StageFailed(
            f"{len(failures)} of {len(results)} shards of the stage {stage} failed ({reason.rstrip('.')}); "
            "the others are kept, so the same command goes on from there."
        ) from first
    return [result for result in results if isinstance(result, Reference)]

"""What became of the shards of a stage, as records and in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from flows.naming import shortened
from taskcraft_core.calls.budget import counted
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Record
from taskcraft_core.shards import Reference

NOT_BEGUN = "It was not begun, for what stopped another would have stopped it too."

LONGEST_REASON = 600

ONE_FOR_ONE = frozenset({"own tasks", "verify", "depth, balanced", "audit"})
"""Where every item is accepted or rejected; elsewhere an item may give many things, or none."""


class FailedShard(Record):
    """A shard that failed: its stage, its name there, and why, in one sentence."""

    stage: str
    shard: str
    reason: str


class StageRun(Record):
    """What became of a stage.

    Attributes:
        stage: What it is called.
        manifest: The file that lists its shards.
        shards: What it gave, those of earlier runs included.
        computed: How many shards this run computed.
        reused: How many were there already.
        failed: The shards that it goes on without.
        items: What went in, if it was known before.
        seconds: How long it took.
    """

    stage: str
    manifest: str
    shards: tuple[Reference, ...]
    computed: int
    reused: int
    failed: tuple[FailedShard, ...] = ()
    items: int | None = None
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """The records that the stage gave."""
        return sum(shard.rows for shard in self.shards)


class StageFailed(TaskCraftError):
    """Some shards of a stage failed; all others are kept.

    Args:
        detail: How many, the first of them, and why.
        failed: All of them.
    """

    def __init__(self, detail: str, failed: Sequence[FailedShard] = ()) -> None:
        super().__init__(detail)
        self.failed = tuple(failed)


def parted(
    stage: str, results: Mapping[str, Reference | BaseException | None]
) -> tuple[list[Reference], tuple[FailedShard, ...]]:
    """What is there and what is not, of results by the shards' names; those that were tried come first."""
    done = [result for result in results.values() if isinstance(result, Reference)]
    missing = [(name, result) for name, result in results.items() if not isinstance(result, Reference)]
    failed = [
        FailedShard(stage=stage, shard=name, reason=reason_of(result))
        for name, result in sorted(missing, key=lambda item: item[1] is None)
    ]
    return done, tuple(failed)


def reason_of(failure: BaseException | None) -> str:
    """Why a shard is not there, in one sentence."""
    if failure is None:
        return NOT_BEGUN
    text = str(failure) if isinstance(failure, TaskCraftError) else f"{type(failure).__name__}: {failure}"
    return f"{shortened(text, LONGEST_REASON).rstrip('.')}."


def failure_of(stage: str, failed: Sequence[FailedShard], shards: int) -> StageFailed:
    """The error that ends a stage: a count, the first shard that failed, and what to do."""
    first = failed[0]
    tried = sum(one.reason != NOT_BEGUN for one in failed)
    return StageFailed(
        f"{tried} of {shards} shards of the stage {stage} failed ({first.shard}: {first.reason.rstrip('.')}); "
        "the others are kept, so the same command, or a retry, goes on from there.",
        failed,
    )


def reasons_of(out: Path, run: StageRun) -> dict[str, int]:
    """How many things a stage left out for which reason, the commonest first."""
    counts: dict[str, int] = {}
    for shard in run.shards:
        file = (out / shard.path).with_suffix(".rejected.parquet")
        for one in pc.value_counts(pq.ParquetFile(file).read(columns=["reason"])["reason"]).to_pylist():
            counts[one["values"]] = counts.get(one["values"], 0) + one["counts"]
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def told(run: StageRun, rejected: int) -> str:
    """What became of a stage, in one sentence.

    Args:
        run: The stage.
        rejected: How many things it left out.
    """
    if run.stage in ONE_FOR_ONE:
        made = f"{run.rows:,} of {run.rows + rejected:,} accepted"
    else:
        made = f"{_made(run)}, {rejected:,} left out"
    shards = counted(run.computed + run.reused + len(run.failed), "shard")
    reused = f", {run.reused:,} of them reused" if run.reused else ""
    failed = f", {len(run.failed):,} of them failed and left out" if run.failed else ""
    return f"{run.stage}: {made}; {shards}{reused}{failed}; {_duration(run.seconds)}."


def _made(run: StageRun) -> str:
    if run.stage == "ingest":
        return counted(run.rows, "document")
    return counted(run.rows, "task")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def listed(failed: Iterable[FailedShard]) -> list[dict[str, str]]:
    """Failed shards as the rows of a table."""
    return [{"shard": one.shard, "why": one.reason} for one in failed]

"""What a build did, as a record: documents, tasks, rejections, version, and how much had to be computed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.outcome import FailedShard, StageRun
from taskcraft_core.dataset.releases import release_path
from taskcraft_core.dataset.remote.address import is_address
from taskcraft_core.dataset.store import Published
from taskcraft_core.models import Record, Rejection
from taskcraft_core.shards import Reference, write_shard
from tasks.counts import Counts
from tasks.manifest import read_rejections

REJECTIONS = "rejections.parquet"
"""Everything that the last build left out, under the output folder."""


class TaskCount(Record):
    """So many published tasks of this kind, with these reading tools and so many hops."""

    kind: str
    tools: str
    hops: int
    count: int


class RejectionCount(Record):
    """So many things left out of this stage for this reason."""

    stage: str
    reason: str
    count: int


class StageCount(Record):
    """The shards and rows of a stage."""

    stage: str
    computed: int
    reused: int
    rows: int


class BuildSummary(Record):
    """What a build did.

    Attributes:
        out: The output folder.
        documents: Documents by media type, embedded figures included.
        tasks: The audited tasks of this build.
        rejections: What was left out.
        stages: In the order in which they ran.
        published: The version that holds the rows, and how many of them are new.
        retired: How many rows of earlier builds left for which reason.
        not_pruned: Why none did although asked for; None if nothing was in the way.
        failed_shards: The shards that it went on without.
        release: The folder of that version; None while nothing was ever published.
        example: The id of one of the deepest tasks, to be looked at.
        solved: Solutions worked out by this process.
        carried: Solutions carried over from earlier builds.
        calls_made: Model calls made by this process.
        calls_found: Model calls that needed none, in a folder whose journal held some at the start.
        searches: Searches of the web made by this process.
        usd: What calls and searches cost, as far as their price is known.
        unpriced: Those of them whose price is not known.
        seconds: How long it took.
    """

    out: str
    documents: dict[str, int]
    tasks: tuple[TaskCount, ...]
    rejections: tuple[RejectionCount, ...]
    stages: tuple[StageCount, ...]
    published: Published
    retired: dict[str, int] = {}
    not_pruned: str | None = None
    failed_shards: tuple[FailedShard, ...] = ()
    release: str | None
    example: str | None
    solved: int
    carried: int
    calls_made: int = 0
    calls_found: int = 0
    searches: int = 0
    usd: float = 0.0
    unpriced: int = 0
    seconds: float

    @property
    def computed(self) -> int:
        """Shards that this run computed."""
        return sum(stage.computed for stage in self.stages)

    @property
    def reused(self) -> int:
        """Shards that were there already."""
        return sum(stage.reused for stage in self.stages)

    def told_at(self, out: str) -> BuildSummary:
        """The same, of an output folder that goes by another name."""
        if not is_address(out):
            return self
        release = self.release and self.release.replace(self.out, out.rstrip("/"))
        return self.model_copy(update={"out": out.rstrip("/"), "release": release})


def summarise(
    out: Path,
    runs: Sequence[StageRun],
    published: Published,
    counts: Counts,
    began: float,
    not_pruned: str | None = None,
) -> BuildSummary:
    """Counts what the stages gave and left out, and writes all rejections into one file.

    Args:
        out: The output folder.
        runs: The stages in order: ingest first, audit last.
        published: What publishing did.
        counts: What the roles did.
        began: `time.monotonic()` at the start.
        not_pruned: Why nothing was retired although asked for.
    """
    rejections = [one for run in runs for one in read_rejections(out, run.shards)]
    retired = read_rejections(out, [published.reasons]) if published.reasons else []
    write_shard(out / REJECTIONS, [*rejections, *retired], Rejection, out)
    return BuildSummary(
        out=str(out),
        documents=_documents(out, runs[0]),
        tasks=_tasks(out, runs[-1]),
        rejections=_rejections(rejections),
        stages=tuple(
            StageCount(stage=run.stage, computed=run.computed, reused=run.reused, rows=run.rows) for run in runs
        ),
        published=published,
        retired=dict(Counter(one.reason.value for one in retired).most_common()),
        not_pruned=not_pruned,
        failed_shards=tuple(one for run in runs for one in run.failed),
        release=str(release_path(out, published.version)) if published.version else None,
        example=_example(out, runs[-1]),
        solved=counts.solved,
        carried=counts.carried,
        calls_made=counts.made,
        calls_found=counts.found,
        searches=counts.searches,
        usd=counts.usd,
        unpriced=counts.unpriced,
        seconds=round(time.monotonic() - began, 1),
    )


def _documents(out: Path, ingested: StageRun) -> dict[str, int]:
    rows = [row for shard in ingested.shards for row in _columns(out, shard, "id", "media_type")]
    types = {row["id"]: row["media_type"] for row in rows}
    return dict(sorted(Counter(types.values()).items()))


def _tasks(out: Path, audited: StageRun) -> tuple[TaskCount, ...]:
    rows = _columns(out, audited.shards[0], "kind", "hops", "tools")
    counts = Counter((row["kind"], row["hops"], "+".join(sorted(set(row["tools"])))) for row in rows)
    return tuple(
        TaskCount(kind=kind, hops=hops, tools=tools, count=count)
        for (kind, hops, tools), count in sorted(counts.items())
    )


def _example(out: Path, audited: StageRun) -> str | None:
    rows = _columns(out, audited.shards[0], "task_id", "hops")
    return min(rows, key=lambda row: (-row["hops"], row["task_id"]))["task_id"] if rows else None


def _columns(out: Path, shard: Reference, *names: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.ParquetFile(out / shard.path).read(columns=[*names]).to_pylist()
    return rows


def _rejections(rejections: Sequence[Rejection]) -> tuple[RejectionCount, ...]:
    counts = Counter((one.stage, one.reason.value) for one in rejections)
    order = {stage: place for place, stage in enumerate(("ingest", "generate", "verify", "depth", "width", "audit"))}
    ranked = sorted(counts.items(), key=lambda item: (order[item[0][0]], -item[1], item[0][1]))
    return tuple(RejectionCount(stage=stage, reason=reason, count=count) for (stage, reason), count in ranked)

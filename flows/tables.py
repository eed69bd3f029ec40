"""The tables at the end of a build."""

from __future__ import annotations

from shlex import quote

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from flows.money import dollars
from flows.outcome import FailedShard
from flows.shard_sizes import too_large
from flows.summary import REJECTIONS, BuildSummary
from flows.verdict import told_published
from taskcraft_core.dataset.store import Published


def print_summary(summary: BuildSummary, console: Console) -> None:
    """Prints what a build read, made, left out and published."""
    console.print()
    console.print(_documents(summary))
    if summary.tasks:
        console.print(_tasks(summary))
    if summary.rejections:
        console.print(_rejections(summary))
    for line in _closing(summary):
        console.print(line, highlight=False, soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in ("count", "hops") else "left")
    return table


def _documents(summary: BuildSummary) -> Table:
    table = _table(f"{sum(summary.documents.values())} documents", "media type", "count")
    for media_type, count in summary.documents.items():
        table.add_row(media_type, str(count))
    return table


def _tasks(summary: BuildSummary) -> Table:
    table = _table(f"{sum(row.count for row in summary.tasks)} tasks", "kind", "hops", "read with", "count")
    for row in summary.tasks:
        table.add_row(row.kind, str(row.hops), row.tools, str(row.count))
    return table


def _rejections(summary: BuildSummary) -> Table:
    table = _table(f"{sum(row.count for row in summary.rejections)} rejections", "stage", "reason", "count")
    for row in summary.rejections:
        table.add_row(row.stage, row.reason, str(row.count))
    return table


def _closing(summary: BuildSummary) -> list[str]:
    out = escape(summary.out)
    solutions = f"Solutions: {summary.solved} solved, {summary.carried} carried over. " if _solved(summary) else ""
    dataset = [f"Dataset:    {out}/dataset", f"Release:    {escape(summary.release)}"] if summary.release else []
    shown = [f"A task:     taskcraft show {summary.example[:12]} --out {escape(quote(summary.out))}"] if (
        summary.example
    ) else []  # fmt: skip
    return [
        _version(summary.published),
        *_retired(summary),
        *_without(summary),
        f"Shards: {summary.computed} computed, {summary.reused} reused. {solutions}{summary.seconds:.1f} s.",
        *_shard_sizes(summary),
        *_calls(summary),
        *dataset,
        f"Rejections: {out}/{REJECTIONS}",
        *shown,
    ]


def _version(published: Published) -> str:
    told, version = told_published(published), f"Version {published.version}"
    return told.replace(version, f"[bold]{version}[/]", 1) if published.new_version else told


def _retired(summary: BuildSummary) -> list[str]:
    """Why tasks left, or why none did; nothing where nobody asked or nothing was gone."""
    if summary.not_pruned is not None:
        return [f"Not pruned, for not every source was listed completely: {escape(summary.not_pruned)}."]
    if not summary.retired:
        return []
    return [f"Retired for: {', '.join(f'{count:,} {reason}' for reason, count in summary.retired.items())}."]


def _without(summary: BuildSummary) -> list[str]:
    """One line for each stage that the build went on without shards of."""
    shards = {stage.stage: stage.computed + stage.reused for stage in summary.stages}
    failed: dict[str, list[FailedShard]] = {}
    for one in summary.failed_shards:
        failed.setdefault(one.stage, []).append(one)
    return [
        f"Went on without {len(some)} of {shards[stage] + len(some)} shards of {stage}: {escape(some[0].reason)}"
        for stage, some in failed.items()
    ]


def _shard_sizes(summary: BuildSummary) -> list[str]:
    ingested = next((stage for stage in summary.stages if stage.stage == "ingest"), None)
    advice = too_large(ingested.rows, ingested.computed + ingested.reused) if ingested else None
    return [advice] if advice else []


def _solved(summary: BuildSummary) -> bool:
    """Whether a solver worked that keeps its solutions; what a model was asked is told as calls."""
    return bool(summary.solved or summary.carried)


def _calls(summary: BuildSummary) -> list[str]:
    """What the models and the web were asked; nothing for a build without either."""
    made, searches = summary.calls_made, summary.searches
    if not made and not searches and not summary.calls_found:
        return []
    cost = dollars(summary.usd, made + searches, summary.unpriced).replace("unknown", "at unknown cost")
    searched = f", {searches:,} {'search' if searches == 1 else 'searches'} of the web" if searches else ""
    known = f"; {summary.calls_found:,} more were answered from the journal" if summary.calls_found else ""
    return [f"Model calls: {made:,} made{searched}, {cost}{known}."]

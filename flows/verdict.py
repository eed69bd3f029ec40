"""What became of a build, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from flows.money import dollars
from flows.summary import REJECTIONS, BuildSummary
from taskcraft_core.calls.budget import counted
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.dataset.reading import count_rows
from taskcraft_core.dataset.remote.address import is_address
from taskcraft_core.dataset.store import Published, open_dataset
from taskcraft_core.errors import ConfigError

REPORT = "report/index.html"
DOCS = "quality/index.html"


def told_build(summary: BuildSummary, folder: Path, paid: CostLine) -> tuple[str, bool]:
    """How a build ended, what went wrong on the way first, and whether something did.

    Args:
        summary: What it did.
        folder: Where the dataset lies on this machine.
        paid: What its calls have cost.
    """
    cost = f"; {dollars(paid.usd, paid.calls, paid.unpriced)} for {counted(paid.calls, 'call')}" if paid.calls else ""
    message = f"{told_published(summary.published).rstrip('.')}{_in_all(folder)}{cost}."
    degraded = "; ".join(_degraded(summary))
    return (f"Degraded: {degraded}. {message}" if degraded else message), bool(degraded)


def told_published(published: Published) -> str:
    """What a publication did."""
    if published.new_version:
        changes = f"{published.added:,} added, {published.updated:,} updated, {published.retired:,} retired"
        return f"Version {published.version} is new: {changes}."
    if not published.version:
        return f"No task was accepted, so no version was made; see {REJECTIONS}."
    return f"Version {published.version} is unchanged: nothing new."


def where_it_lies(summary: BuildSummary, folder: Path) -> str:
    """Where to find what was made, as Markdown.

    Args:
        summary: What the build did.
        folder: Where the dataset lies on this machine.
    """
    version = summary.published.version
    places = {"dataset": "Dataset", REPORT: "Report", DOCS: "Quality", REJECTIONS: "Rejections"}
    if version:
        places = {f"releases/v{version}": f"Release v{version}"} | places
    there = [(name, place) for place, name in places.items() if (folder / place).exists()]
    return "\n".join(f"- {_link(name, f'{summary.out}/{place}')}" for name, place in there)


def _link(name: str, path: str) -> str:
    address = quote(path, safe=":/") if is_address(path) else Path(path).as_uri()
    return f"[{name}]({address}): `{path.replace('`', '')}`"


def _degraded(summary: BuildSummary) -> Iterator[str]:
    if summary.failed_shards:
        first = summary.failed_shards[0]
        several = counted(len(summary.failed_shards), "shard")
        yield f"{several} failed and left out ({first.shard}: {first.reason.rstrip('.')})"
    if summary.not_pruned:
        yield f"nothing was retired, as not every source was listed completely ({summary.not_pruned.rstrip('.')})"


def _in_all(folder: Path) -> str:
    try:
        dataset = open_dataset(folder)
    except ConfigError:
        return ""
    return f"; {counted(count_rows(dataset), 'task')} in all"

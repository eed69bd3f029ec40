"""`taskcraft build --dry-run`: reads the documents, which is free, and estimates what the models will take."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from rich.console import Console

from flows.build_dataset import named_by
from flows.environment import read_settings
from flows.money import decimals_of, dollars, table
from flows.options import RunOptions
from flows.stages import ingest_stage
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.calls.prices import Prices
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.folder import check_folder
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.generation import SUPPORTED_LANGUAGES
from taskcraft_core.models import Document
from taskcraft_core.own_tasks import read_own_tasks
from taskcraft_core.roles.llm.estimate import Estimate, Measured, estimate
from taskcraft_core.roles.llm.expected import measure, sampled
from taskcraft_core.shards import Reference
from tasks.manifest import read_all, read_manifest, read_pairs
from tasks.spending import costs_of


async def estimate_build(sources: list[str], out: str, config: BuildConfig, tasks: str | None = None) -> Estimate:
    """Estimates what `build_dataset` would take with the same arguments; makes no call that costs, publishes nothing.

    Raises:
        TaskCraftError: A source, the table of prices or the journal cannot be used.
    """
    folder = Path(out).absolute()
    check_folder(folder)
    settings = read_settings()
    prices = Prices.load(settings.prices)
    ingested = await ingest_stage([*sources, *named_by(tasks)], str(folder), config, RunOptions())
    shards = read_manifest(folder, ingested.manifest)
    usable = dict(read_pairs(folder, shards, "id", "language"))
    count = sum(language in SUPPORTED_LANGUAGES for language in usable.values())
    drawn = sampled(one for one in read_all(folder, shards, Document) if one.language in SUPPORTED_LANGUAGES)
    own = len(read_own_tasks(Path(tasks))[0]) if tasks else 0
    known = measured(folder, await costs_of(folder, settings), count)
    return estimate(measure(drawn, count), config, prices, known, own, bool(sources))


def measured(out: Path, costs: list[CostLine], documents: int) -> Measured:
    """What the folder's journal and its newest shards tell of models that worked here before."""
    chats = [line for line in costs if line.kind == "chat" and line.calls]
    calls = {(line.stage, line.role): 0 for line in chats}
    read, written = dict(calls), dict(calls)
    for line in chats:
        key = line.stage, line.role
        calls[key] += line.calls
        read[key] += line.prompt_tokens
        written[key] += line.completion_tokens
    authored, verified = (sum(one.rows for one in _newest(out, stage)) for stage in ("generate", "verify"))
    per = {"generate": documents, "verify": authored, "depth": verified, "width": verified}
    rates: dict[str, float] = {}
    if ("generate", "author") in calls and documents and authored:
        rates["questions a document"] = authored / documents
    if ("verify", "solver") in calls and authored and verified:
        rates["share of questions that pass verification"] = min(verified / authored, 1.0)
    return Measured(
        rates=rates,
        calls={key: count / per[key[0]] for key, count in calls.items() if per.get(key[0])},
        tokens={key: (read[key] / count, written[key] / count) for key, count in calls.items()},
    )


def print_estimate(found: Estimate, console: Console) -> None:
    """Prints an estimate: by stage and role, in all, and what it stands on."""
    sample = found.sample
    console.print()
    if not found.lines:
        console.print(f"{sample.documents} documents. No role is a chat model, so a build costs nothing.")
        return
    title = f"Estimate for {sample.documents} documents, from the prompts of {sample.sampled} of them"
    lines = table(title, ("stage", "role", "model"), ("calls", "tokens in", "tokens out", "USD"))
    decimals = decimals_of(line.usd or 0.0 for line in found.lines)
    for line in found.lines:
        counts = (line.calls, line.prompt_tokens, line.completion_tokens)
        lines.add_row(line.stage, line.role, line.model, *(f"{one:,}" for one in counts), _price(line.usd, decimals))
    lines.add_section()
    sums = [sum(getattr(one, name) for one in found.lines) for name in ("calls", "prompt_tokens", "completion_tokens")]
    unpriced = sum(line.usd is None for line in found.lines)
    total = dollars(sum(line.usd or 0.0 for line in found.lines), len(found.lines), unpriced, decimals)
    lines.add_row("in all", "", "", *(f"{one:,}" for one in sums), total)
    console.print(lines)
    stands_on = table("It stands on", ("assumption",), ("value", ""))
    for one in found.assumptions:
        stands_on.add_row(one.name, f"{one.value:,.2f}", "measured here" if one.measured else "assumed")
    console.print(stands_on)
    console.print(
        "Four characters are taken for one token; hidden reasoning is not counted, and calls that are in the journal "
        "already are not taken off. Nothing was called and nothing was published.",
        soft_wrap=True,
    )
    if found.unpriced:
        console.print(
            "A model without a price costs an unknown sum: name a table that has it in TASKCRAFT_PRICES.",
            soft_wrap=True,
        )


def _price(usd: float | None, decimals: int) -> str:
    return "unknown" if usd is None else dollars(usd, 1, 0, decimals)


def _newest(out: Path, stage: str) -> list[Reference]:
    """The shards of a stage's newest manifest of several, else of the newest; none if none can be read."""
    files = (out / "work" / stage).glob("*.shards.json")
    newest: list[Reference] | None = None
    for path in sorted(files, key=lambda path: (path.stat().st_mtime, path.name), reverse=True):
        with suppress(TaskCraftError):
            shards = read_manifest(out, path.relative_to(out).as_posix())
            if len(shards) > 1:
                return shards
            newest = shards if newest is None else newest
    return newest or []

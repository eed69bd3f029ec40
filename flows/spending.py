"""`taskcraft costs`: what the calls of an output folder have cost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.environment import read_settings
from flows.mirror import reading
from flows.money import decimals_of, dollars, table
from flows.preflight import PREFLIGHT
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.dataset.reading import count_rows
from taskcraft_core.dataset.store import open_dataset
from taskcraft_core.errors import ConfigError
from tasks.spending import costs_of

STAGES = ("generate", "verify", "depth", "width")


def show_costs(out: str, as_json: bool) -> None:
    """Prints spend by stage and role, in all, and for each accepted task.

    Raises:
        ConfigError: There is no such folder, or its journal cannot be read.
    """
    with reading(out, "dataset/") as folder:
        if not folder.is_dir():
            raise ConfigError(f"{out}: there is no such folder; run `taskcraft build SOURCE --out {out}` first.")
        lines = sorted(asyncio.run(costs_of(folder, read_settings())), key=_in_order)
        tasks, version = _accepted(folder)
    if as_json:
        print(json.dumps(_as_json(lines, tasks, version), indent=2))
        return
    console = Console()
    if not lines:
        console.print(f"{out}: no call was journalled here, so nothing was paid.", soft_wrap=True, markup=False)
        return
    _print(lines, tasks, version, console)


def _print(lines: Sequence[CostLine], tasks: int, version: int | None, console: Console) -> None:
    shown = _table(lines, ("calls", "in", "out", "USD", "s a call"))
    boundless = console.options.update(width=10_000)
    if console.measure(shown, options=boundless).maximum > console.width:
        shown = _table(lines, ("calls", "in", "out", "USD"))
    console.print(shown)
    if not tasks:
        console.print("No task is published yet.")
        return
    console.print(f"For each of the {tasks:,} tasks of version {version}", soft_wrap=True, highlight=False)
    each = table("", (), ("calls", "in", "out", "USD"))
    calls, unpriced = _sum(lines, "calls"), _sum(lines, "unpriced")
    per_task = [f"{_sum(lines, name) / tasks:,.1f}" for name in ("calls", "prompt_tokens", "completion_tokens")]
    each.add_row(*per_task, dollars(_usd(lines) / tasks, calls, unpriced))
    console.print(each)


def _table(lines: Sequence[CostLine], numbers: Sequence[str]) -> Table:
    shown = table("What the calls took (in and out are tokens)", ("stage", "role", "model"), numbers)
    decimals = decimals_of(line.usd for line in lines)
    for line in lines:
        # who tries a model out beforehand is not one of the roles yet
        stage, role = ("first try", "-") if line.stage == PREFLIGHT else (line.stage or "-", line.role)
        shown.add_row(stage, role, line.model or f"({line.kind})", *_figures([line], decimals)[: len(numbers)])
    shown.add_section()
    shown.add_row("in all", "", "", *_figures(lines, decimals)[: len(numbers)])
    return shown


def _in_order(line: CostLine) -> tuple[int, str]:
    """The order of the stages; what is asked outside of them comes first."""
    return (STAGES.index(line.stage) if line.stage in STAGES else -1), line.role


def _figures(lines: Sequence[CostLine], decimals: int) -> list[str]:
    calls = _sum(lines, "calls")
    counts = [f"{_sum(lines, name):,}" for name in ("calls", "prompt_tokens", "completion_tokens")]
    seconds = sum(line.seconds for line in lines) / calls
    return [*counts, dollars(_usd(lines), calls, _sum(lines, "unpriced"), decimals), f"{seconds:,.2f}"]


def _as_json(lines: Sequence[CostLine], tasks: int, version: int | None) -> dict[str, Any]:
    """`usd` is what is known; it is null where nothing is, and the least that was paid where `unpriced` is not 0."""
    return {
        "lines": [asdict(line) | {"usd": _known([line])} for line in lines],
        "total": {name: _sum(lines, name) for name in ("calls", "prompt_tokens", "completion_tokens", "unpriced")}
        | {"usd": _known(lines), "seconds": sum(line.seconds for line in lines)},
        "accepted_tasks": tasks,
        "version": version,
        "usd_per_accepted_task": _per_task(_known(lines), tasks),
    }


def _known(lines: Sequence[CostLine]) -> float | None:
    calls = _sum(lines, "calls")
    return None if calls and _sum(lines, "unpriced") >= calls else _usd(lines)


def _per_task(usd: float | None, tasks: int) -> float | None:
    return None if usd is None or not tasks else usd / tasks


def _usd(lines: Sequence[CostLine]) -> float:
    return sum(line.usd for line in lines)


def _sum(lines: Sequence[CostLine], name: str) -> int:
    return sum(getattr(line, name) for line in lines)


def _accepted(out: Path) -> tuple[int, int | None]:
    """How many tasks the newest version holds, and which that is."""
    try:
        dataset = open_dataset(out)
    except ConfigError:
        return 0, None
    return count_rows(dataset), dataset.version()

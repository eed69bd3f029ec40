"""What a build shows of itself, as tables: the funnel, the costs, the quality, and where everything lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from flows.money import decimals_of, dollars
from flows.outcome import StageRun
from taskcraft_core.calls.budget import counted
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.dataset.reading import read_rows
from taskcraft_core.models import Rejection
from taskcraft_core.shards import read_shard

MOST_REASONS = 8


def passage(run: StageRun, reasons: Mapping[str, int]) -> dict[str, Any]:
    """A row of the funnel: what went into a stage, what came out, and why the rest did not.

    Args:
        run: The stage.
        reasons: What it left out, by reason, the commonest first.
    """
    rejected = sum(reasons.values())
    shown = [f"{reason} {count:,}" for reason, count in list(reasons.items())[:MOST_REASONS]]
    more = [f"{len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
    return {
        "stage": run.stage,
        "in": run.rows + rejected if run.items is None else run.items,
        "accepted": run.rows,
        "rejected": rejected,
        "reasons": ", ".join([*shown, *more]),
    }


def funnel_told(passages: Sequence[Mapping[str, Any]]) -> str:
    """The funnel in a sentence: what went in, and what the last stage so far has accepted."""
    first, last = passages[0], passages[-1]
    left = sum(one["rejected"] for one in passages)
    return (
        f"{counted(first['in'], 'document')} in, {last['accepted']:,} accepted by {last['stage']}, {left:,} left out."
    )


def cost_told(lines: Sequence[CostLine], before: Sequence[CostLine]) -> str:
    """The costs in a sentence."""
    now, ever = spent(lines, before), spent(lines, [])
    mine, all_ = (dollars(one.usd, one.calls, one.unpriced) for one in (now, ever))
    return f"{mine} this run ({counted(now.calls, 'call')}), {all_} so far ({counted(ever.calls, 'call')})."


def cost_rows(lines: Sequence[CostLine], before: Sequence[CostLine]) -> list[dict[str, Any]]:
    """The rows of the table of costs: by stage, role and model, what this run paid and what was paid in all.

    Args:
        lines: The journal's costs now.
        before: Those when the run began.
    """
    rows = []
    decimals = decimals_of(line.usd for line in lines)
    for line in lines:
        paid = spent([line], before)
        rows.append(
            {
                "stage": line.stage or "-",
                "role": line.role or "-",
                "model": line.model or f"({line.kind})",
                "calls of this run": paid.calls,
                "paid by this run": dollars(paid.usd, paid.calls, paid.unpriced, decimals),
                "calls so far": line.calls,
                "paid so far": dollars(line.usd, line.calls, line.unpriced, decimals),
            }
        )
    return rows


def spent(lines: Sequence[CostLine], before: Sequence[CostLine]) -> CostLine:
    """What was spent between two looks at the journal, as one line."""
    earlier = {_key(line): line for line in before}
    pairs = [(line, earlier.get(_key(line))) for line in lines]

    def more(name: str) -> Any:
        return sum(getattr(line, name) - (getattr(old, name) if old else 0) for line, old in pairs)

    return CostLine(
        "", "", "", "", more("calls"), more("prompt_tokens"), more("completion_tokens"), more("usd"), more("unpriced"),
        more("seconds"),
    )  # fmt: skip


def _key(line: CostLine) -> tuple[str, str, str, str]:
    return line.stage, line.role, line.model, line.kind


def quality_rows(out: Path, audited: StageRun) -> list[dict[str, Any]]:
    """The rows of the table of quality: how many passed the audit, and how many broke which rule."""
    files = [(out / shard.path).with_suffix(".rejected.parquet") for shard in audited.shards]
    left = [one for file in files for one in read_shard(file, Rejection)]
    rules = Counter(_rules(out, left))
    quarantined = [{"rule": rule, "rows": count, "what became of them": "quarantined"} for rule, count in
                   sorted(rules.items(), key=lambda item: (-item[1], item[0]))]  # fmt: skip
    return [{"rule": "(all)", "rows": audited.rows, "what became of them": "passed"}, *quarantined]


def quality_told(rows: Sequence[Mapping[str, Any]]) -> str:
    """The quality in a sentence."""
    return f"{counted(rows[0]['rows'], 'row')} passed the audit, {sum(one['rows'] for one in rows[1:]):,} did not."


def _rules(out: Path, left: Sequence[Rejection]) -> list[str]:
    """The rules that the rows broke; their quarantine names them."""
    if not left:
        return []
    columns = ["task_id", "detail", "rule"]
    rows = read_rows(DeltaTable(out / "quarantine"), columns).to_pylist()
    rules = {(row["task_id"], row["detail"]): row["rule"] for row in rows}
    return [rules.get((one.item, one.detail), one.reason.value) for one in left]


def left_out_rows(left_out: Sequence[Rejection]) -> list[dict[str, Any]]:
    """The rows of the table of what could not be listed."""
    return [{"source": one.item, "reason": one.reason.value, "what happened": one.detail} for one in left_out]

"""The dataset card: the README.md of a release, with the front matter by which loaders find the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_CARD = Template(Path(__file__).with_name("card.md").read_text(encoding="utf-8"))

_EXTRACTIVE_SOLVER = """\
**How far the scores go.** The solver is a set of rules, not a language model. Its no-tools score comes from a
guess out of the words of the question alone: a score of 0 shows that the question does not give its answer
away, not that a language model could not recall it. Its agent score shows that the answer can be found and
read with the tools."""

_SAME_MODEL = """\
**The judge marks its own work.** Author or solver, and judge, are the same model (`$judge`); read the scores
with that in mind."""

_WITHOUT = """\
**Not everything was computed.** The build that made this release went on without $shards, whose tasks are missing
unless an earlier build had made them; `manifest.json` says why. This release stays as it is. When a later build
computes them and a row changes by it, that is another version."""

_SHOWN = 10


def dataset_card(facts: Mapping[str, Any]) -> str:
    """The card of a release.

    Args:
        facts: What its manifest says: version, rows, counts, config, code_version, failed_shards.
    """
    roles = {role: facts["config"][role] for role in ("author", "solver", "judge")}
    return _CARD.substitute(
        languages="\n".join(f"- {code}" for code in facts["counts"]["language"]) or "[]",
        size=next((name for limit, name in _SIZES if facts["rows"] < limit), "n>1M"),
        version=facts["version"],
        rows=f"{facts['rows']:,}",
        code_version=facts["code_version"],
        counts=_counts(facts["counts"]),
        caveats="\n\n".join([*_without(facts["failed_shards"]), *_caveats(**roles)]),
        **roles,
    )


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    lines = [f"| {name} | {value} | {number:,} |" for name, of in counts.items() for value, number in of.items()]
    return "\n".join(["| by | | tasks |", "|---|---|---|", *lines])


def _without(failed: Sequence[Mapping[str, str]]) -> list[str]:
    """What is missing, by the names of the shards: reasons are for the manifest."""
    if not failed:
        return []
    named = "; ".join(one["shard"] for one in failed[:_SHOWN])
    more = f" and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
    count = "one shard" if len(failed) == 1 else f"{len(failed)} shards"
    return [Template(_WITHOUT).substitute(shards=f"{count} ({named}{more})")]


def _caveats(author: str, solver: str, judge: str) -> list[str]:
    told = []
    if solver == "extractive":
        told.append(_EXTRACTIVE_SOLVER)
    if judge != "extractive" and _model(judge) in (_model(author), _model(solver)):
        told.append(Template(_SAME_MODEL).substitute(judge=judge))
    return told


def _model(spec: str) -> str:
    """The spec without how it is sampled: other sampling does not make another judge."""
    return spec.partition("?")[0]

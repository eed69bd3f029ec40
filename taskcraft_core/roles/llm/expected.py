"""Which calls a build with chat models makes, and how long their prompts are.

The prompts are the real ones, rendered for a sample of the documents; what is not known before a model was asked
stands in at its usual length. How many calls there are follows from a few rates.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from taskcraft_core.config import BuildConfig
from taskcraft_core.documents.chunks import split
from taskcraft_core.models import Document, content_hash
from taskcraft_core.prompts import prompt
from taskcraft_core.roles.llm.answers import schema_of
from taskcraft_core.roles.llm.request import tokens_of

SAMPLE = 20
"""Documents whose prompts are rendered."""

DEFAULTS: Mapping[str, float] = {
    "questions a document": 6.0,
    "share of questions that pass verification": 0.5,
    "judge's calls a try": 2.0,
    "tool calls a run of an agent": 2.5,
    "supersets looked for from a task": 2.0,
    "share of supersets that hold": 0.5,
    "merges tried for a superset": 1.3,
    "tasks with one hop more for a task": 0.4,
    "width groups for a verified task": 0.3,
}
"""What is assumed as long as nothing has been built here."""

PER: Mapping[str, str] = {
    "generate": "document", "verify": "question", "depth": "verified task", "width": "verified task",
}  # fmt: skip
"""What the calls of a stage are counted by."""

_STAND_INS = {
    "quote": 160, "context": 400, "answer": 12, "relation": 60, "question": 140, "questions": 420, "parts": 420,
    "about": 600, "excluded": 60, "tries": 120, "candidates": 40, "golden": 12, "title": 25, "identifier": 25,
    "core_question": 140, "auxiliary_question": 140, "told_apart_by": 60,
}  # fmt: skip
"""The usual length of what prompts are given, in characters."""

_WRITTEN = {"author_conclude": 700, "author_superset": 120, "solver_solve": 60}
"""Tokens that a model writes for these prompts; for others `_BRIEF`. Hidden reasoning is not among them."""
_BRIEF = 60
_TOOL_CALL = 35
_TOOLS = 450
"""Tokens of the tools' schemas, which go with every call of an agent."""
_HITS = 700
"""Tokens that a search returns."""


@dataclass(frozen=True)
class Sample:
    """What a sample of the documents says of all.

    Attributes:
        documents: How many documents there are.
        sampled: How many were looked at.
        parts: Parts that an author reads of a document.
        concluding: Tokens of the prompt for a part.
        reading: Tokens that a reading tool returns.
    """

    documents: int
    sampled: int
    parts: float
    concluding: float
    reading: float


def sampled(documents: Iterable[Document]) -> list[Document]:
    """Up to `SAMPLE` documents, drawn by their content: the same ones every time."""
    return heapq.nsmallest(SAMPLE, documents, key=lambda document: content_hash(["sample", document.id]))


def measure(sample: Sequence[Document], documents: int) -> Sample:
    """Renders the prompts of an author for the sample.

    Args:
        sample: Documents; none gives an estimate of nothing.
        documents: How many there are in all.
    """
    parts = [(document, part.text) for document in sample for part in split(document)]
    if not parts:
        return Sample(documents, len(sample), 0, 0, 0)
    given = [
        {"title": one.title, "language": one.language, "medium": one.tool, "document": text, "most": "20"}
        for one, text in parts
    ]
    return Sample(
        documents=documents,
        sampled=len(sample),
        parts=len(parts) / len(sample),
        concluding=fmean(_asked("author_conclude", values) for values in given),
        reading=fmean(tokens_of(text) for _, text in parts),
    )


def items_of(sample: Sample, rates: Mapping[str, float], own: int, authors: bool) -> dict[str, float]:
    """How many things each stage goes through."""
    asked = own + (sample.documents * rates["questions a document"] if authors else 0.0)
    verified = asked * rates["share of questions that pass verification"]
    return {"generate": sample.documents, "verify": asked, "depth": verified, "width": verified}


Calls = tuple[str, str, float, float, float]
"""Stage, prompt (or "search"), calls, and the tokens read and written in each."""


def expected(
    sample: Sample, config: BuildConfig, rates: Mapping[str, float], own: int, authors: bool
) -> Iterator[Calls]:
    """The calls of a build, stage by stage; see `estimate` for what is given."""
    per = items_of(sample, rates, own, authors)
    asked, verified = per["verify"], per["depth"]
    if authors:
        yield (
            "generate",
            "author_conclude",
            sample.documents * sample.parts,
            sample.concluding,
            _WRITTEN["author_conclude"],
        )
        yield _one("generate", "author_ask", asked - own)
    yield from _tries("verify", asked, sample, config, rates)
    yield from _depth(verified, sample, config, rates)
    if config.max_width > 1:
        groups = verified * rates["width groups for a verified task"]
        yield _one("width", "author_merge_width", groups)
        yield _one("width", "judge_parts", groups)
        yield from _tries("width", groups, sample, config, rates)


def _depth(cores: float, sample: Sample, config: BuildConfig, rates: Mapping[str, float]) -> Iterator[Calls]:
    for _ in range(2, config.max_hops + 1):
        supersets = cores * rates["supersets looked for from a task"]
        held = supersets * rates["share of supersets that hold"]
        merges = held * rates["merges tried for a superset"]
        yield from _agent("depth", "author_superset", supersets, sample, config, rates)
        yield _one("depth", "author_auxiliary", supersets)
        yield _one("depth", "judge_superset", supersets)
        yield _one("depth", "author_merge_depth", merges)
        yield _one("depth", "judge_merge", merges)
        yield from _tries("depth", 2 * held, sample, config, rates)  # the merged question, and the auxiliary one
        cores *= rates["tasks with one hop more for a task"]


def _tries(
    stage: str, count: float, sample: Sample, config: BuildConfig, rates: Mapping[str, float]
) -> Iterator[Calls]:
    """Questions tried without tools and with them, and the votes on their answers."""
    yield _one(stage, "solver_guess", count)
    yield from _agent(stage, "solver_solve", count, sample, config, rates)
    yield _one(stage, "judge_score", count * rates["judge's calls a try"])


def _agent(
    stage: str, name: str, runs: float, sample: Sample, config: BuildConfig, rates: Mapping[str, float]
) -> Iterator[Calls]:
    """Runs of an agent: every call reads again what the tools returned before."""
    steps = rates["tool calls a run of an agent"]
    seen = (_HITS + sample.reading) / 2
    read = _asked(name) + _TOOLS + seen * steps / 2
    yield stage, name, runs * (steps + 1), read, (_TOOL_CALL * steps + _WRITTEN[name]) / (steps + 1)
    if config.search == "tavily":
        yield stage, "search", runs * steps / 2, 0, 0


def _one(stage: str, name: str, calls: float) -> Calls:
    return stage, name, calls, _asked(name), _BRIEF


def _asked(name: str, values: Mapping[str, str] | None = None) -> float:
    """Tokens of a prompt with its schema; what it is not given stands in at its usual length."""
    known = values or {}
    given = {one: known.get(one, "x" * _STAND_INS.get(one, 8)) for one in prompt(name).variables}
    return tokens_of(prompt(name).instructions + prompt(name).render(given) + json.dumps(schema_of(name)))

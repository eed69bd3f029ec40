"""The judge that is a chat model: scores answers by vote, and looks for what is wrong with supersets and merges."""

from __future__ import annotations

from collections.abc import Sequence

from taskcraft_core.models import Task
from taskcraft_core.roles import Superset
from taskcraft_core.roles.llm.answers import Parts, Score, Validity
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.facts import numbered
from taskcraft_core.roles.llm.structured import ask


class ModelJudge:
    """Judges with a chat model.

    Args:
        engine: What model calls go through.
        spec: `openai:<model>…`.
    """

    panel = 3

    def __init__(self, engine: Engine, spec: str) -> None:
        self.spec = spec
        self._model = engine.model("judge", spec)

    async def score(self, question: str, golden: str, candidates: Sequence[str], vote: int = 0) -> int:
        """2 = the same, 1 = contains it and more, 0 = wrong (paper, section 3.3); every vote is asked on its own."""
        values = {"question": question, "golden": golden, "candidates": numbered(candidates)}
        return (await ask(self._model, Score, "judge_score", values, sample=vote)).score

    async def superset_fault(self, identifier: str, superset: Superset) -> str | None:
        """Why the superset is none; None if it is valid."""
        values = {
            "identifier": identifier,
            "title": superset.document.title,
            "quote": superset.auxiliary.evidence.quote,
            "relation": superset.auxiliary.relation,
            "auxiliary_question": superset.auxiliary.question,
        }
        return _fault(await ask(self._model, Validity, "judge_superset", values))

    async def merge_fault(self, question: str, core: Task, superset: Superset) -> str | None:
        """Why the merged question is not the core's, asked through the superset; None if it is."""
        values = {
            "question": question,
            "core_question": core.question,
            "auxiliary_question": superset.auxiliary.question,
            "identifier": core.identifier,
        }
        return _fault(await ask(self._model, Validity, "judge_merge", values))

    async def decomposes(self, question: str, parts: Sequence[str]) -> bool:
        """Whether a width question asks for exactly these parts, in this order."""
        found = await ask(self._model, Parts, "judge_parts", {"question": question, "parts": numbered(parts)})
        return not found.missing and not found.added


def _fault(found: Validity) -> str | None:
    return None if found.valid else " ".join(found.reason.split())[:300] or "the judge gives no reason"

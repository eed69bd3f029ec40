"""The extractive judge: compares canonical forms, and takes questions apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taskcraft_core.models import Task
from taskcraft_core.roles import Superset
from taskcraft_core.roles.extractive.normalise import fold, same
from taskcraft_core.roles.extractive.reading.question import decompose
from taskcraft_core.roles.extractive.writing.supersets import names


class ExtractiveJudge:
    """Scores by rule: no judgement where none is needed, and one vote is as good as any other."""

    spec = "extractive"
    panel = 1

    async def score(self, question: str, golden: str, candidates: Sequence[str], vote: int = 0) -> int:
        """How the candidates compare with the golden answer (paper, section 3.3).

        Args:
            question: A width question's answers are compared part by part, in order.
            golden: The golden answer, parts joined with "; ".
            candidates: Every answer that the solver gave.
            vote: Makes no difference.

        Returns:
            2 when the golden is all that was answered, 1 when it was answered among others or inside a longer
            answer, 0 otherwise.
        """
        parts = len(decompose(question))
        given = {fold(candidate): candidate for candidate in candidates if candidate.strip()}
        if not given or not golden.strip():
            return 0
        scores = [_compare(golden, candidate, parts) for candidate in given.values()]
        return 2 if scores == [2] else min(1, max(scores))

    async def superset_fault(self, identifier: str, superset: Superset) -> str | None:
        """The auxiliary question is about the superset, and its answer is what the element is called."""
        auxiliary, title = superset.auxiliary, superset.document.title
        if not same(auxiliary.identifier, title):
            return f"the auxiliary question is about {auxiliary.identifier!r} and not about {title!r}"
        if not names(auxiliary.answer, identifier):
            return f"the auxiliary question is answered {auxiliary.answer!r}, which does not name {identifier!r}"
        return None

    async def merge_fault(self, question: str, core: Task, superset: Superset) -> str | None:
        """The merged question names the superset, and ends as the core's question does after its identifier."""
        if superset.document.title.casefold() not in question.casefold():
            return f"the question does not name {superset.document.title!r}"
        asked = re.split(re.escape(core.identifier), core.question, flags=re.I)[-1].lstrip("”》\"', ，")
        return None if question.endswith(asked) else f"the question no longer asks {asked[:120]!r} at its end"

    async def decomposes(self, question: str, parts: Sequence[str]) -> bool:
        """Whether a width question, taken apart by its form, gives exactly these questions in this order."""
        return decompose(question) == list(parts)


def _compare(golden: str, candidate: str, parts: int) -> int:
    wanted, given = golden.split("; "), candidate.split("; ")
    if parts < 2 or len(wanted) != parts:
        return _compare_one(golden, candidate)
    if len(given) != parts:
        return 0
    return min(_compare_one(w, g) for w, g in zip(wanted, given, strict=True))


def _compare_one(golden: str, candidate: str) -> int:
    if same(golden, candidate):
        return 2
    return 1 if _contains(fold(candidate), fold(golden)) else 0


def _contains(text: str, part: str) -> bool:
    """Whether `part` stands in `text` as whole words; "12" stands in neither "1,120", "12.5" nor "2012-12-01"."""
    if not part:
        return False
    before = r"(?<![\w.,-])" if part[0].isdigit() else r"(?<![^\W\u3400-\u9fff])" if part[0].isascii() else ""
    after = r"(?![\w]|[.,-]\d)" if part[-1].isdigit() else r"(?![^\W\u3400-\u9fff])" if part[-1].isascii() else ""
    return re.search(before + re.escape(part) + after, text) is not None

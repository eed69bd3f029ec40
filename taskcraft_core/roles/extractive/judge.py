"""The extractive judge: compares canonical forms, and takes width questions apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from taskcraft_core.roles.extractive.normalise import fold, same
from taskcraft_core.roles.extractive.reading.question import decompose


class ExtractiveJudge:
    """Scores by rule: no judgement where none is needed."""

    spec = "extractive"

    async def score(self, question: str, golden: str, candidates: Sequence[str]) -> int:
        """How the candidates compare with the golden answer (paper, section 3.3).

        Args:
            question: A width question's answers are compared part by part, in order.
            golden: The golden answer, parts joined with "; ".
            candidates: Every answer that the solver gave.

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

    async def decompose(self, question: str) -> list[str]:
        """The part questions that a width question asks; of any other, the question itself."""
        return decompose(question)


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

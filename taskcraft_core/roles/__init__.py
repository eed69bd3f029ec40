"""Who does the thinking: an Author writes questions, a Solver answers them, a Judge scores answers.

The rules of the paper (acceptance, limits, cycle, uniqueness, leakage, votes) are not here: they are written
once, over these Protocols, in generation, verification and extension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import AtomicTask, Conclusion, Document, Rejection, Selector, Solution, Task
from taskcraft_core.tools import Toolbox


@dataclass(frozen=True)
class Superset:
    """A superset that an Author proposes for a document: who holds it, how it is told apart, and how it is asked.

    Attributes:
        document: The superset document S.
        target: The document that the relation leads to.
        selector: The relation in a form that a machine can check.
        auxiliary: The question about S whose answer is the target's name.
        hint: What the element is called in the merged question ("element", "chart", "page").
    """

    document: Document
    target: Document
    selector: Selector
    auxiliary: AtomicTask
    hint: str


class Author(Protocol):
    """Writes: conclusions, questions, supersets and merges."""

    spec: str

    async def conclude(self, document: Document) -> tuple[list[Conclusion], list[Rejection]]:
        """What the document states that can be asked, best first, and what was set aside."""

    async def ask(self, document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
        """A natural, complete question that names the document's identifier."""

    async def supersets(self, identifier: str, document: Document, corpus: Corpus) -> list[Superset]:
        """Supersets that lead to `document`, known by `identifier`, best first."""

    async def merge_depth(self, core: Task, superset: Superset) -> str | None:
        """The core's question with its identifier replaced by the superset's relation; None if it cannot be said."""

    async def merge_width(self, parts: Sequence[Task]) -> str | None:
        """One question that needs the answers of all parts, in their order; None if it cannot be said."""


class Solver(Protocol):
    """Answers: with tools, knowing the question and the tools only, and without."""

    spec: str

    async def solve(self, question: str, tools: Toolbox, max_steps: int) -> Solution:
        """Every candidate answer that fits, and the trajectory."""

    async def guess(self, question: str) -> list[str]:
        """Answers from the question alone, without tools."""


class Judge(Protocol):
    """Scores: answers, supersets and merges."""

    spec: str

    async def score(self, question: str, golden: str, candidates: Sequence[str]) -> int:
        """2 = the same, 1 = contains it and more, 0 = wrong (paper, section 3.3)."""

    async def decompose(self, question: str) -> list[str]:
        """The part questions that a width question asks."""


AUTHORS = {"extractive": "taskcraft_core.roles.extractive.author:ExtractiveAuthor"}
SOLVERS = {"extractive": "taskcraft_core.roles.extractive.solver:ExtractiveSolver"}
JUDGES = {"extractive": "taskcraft_core.roles.extractive.judge:ExtractiveJudge"}

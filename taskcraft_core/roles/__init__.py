"""Who does the thinking: an Author writes questions, a Solver answers them, a Judge scores answers.

The rules of the paper (acceptance, limits, cycle, uniqueness, leakage, votes) are not here: they are written
once, over these Protocols, in generation, verification and extension.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
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


@dataclass(frozen=True)
class Try:
    """A merged question that did not pass, and why: what an Author may learn from."""

    question: str
    fault: str


class Author(Protocol):
    """Writes: conclusions, questions, supersets and merges."""

    spec: str

    async def conclude(self, document: Document) -> tuple[list[Conclusion], list[Rejection]]:
        """What the document states that can be asked, best first, and what was set aside."""

    async def ask(self, document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
        """A natural, complete question that names the document's identifier."""

    def supersets(
        self, identifier: str, document: Document, corpus: Corpus, tools: Toolbox
    ) -> AsyncIterator[Superset | Rejection]:
        """Supersets that lead to `document`, known by `identifier`, best first; each is looked for when asked for."""

    async def merge_depth(self, core: Task, superset: Superset, tries: Sequence[Try]) -> str | None:
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
    """Scores: answers, supersets and merges.

    Attributes:
        panel: How many may vote on one score: 1 for a judge that always says the same, 3 for a model.
    """

    spec: str
    panel: int

    async def score(self, question: str, golden: str, candidates: Sequence[str], vote: int = 0) -> int:
        """2 = the same, 1 = contains it and more, 0 = wrong (paper, section 3.3); `vote` is the number of the vote."""

    async def superset_fault(self, identifier: str, superset: Superset) -> str | None:
        """Why the superset is none: a synonym, a part, or true of others too; None if it is valid."""

    async def merge_fault(self, question: str, core: Task, superset: Superset) -> str | None:
        """Why the merged question is not the core's, asked through the superset; None if it is."""

    async def decomposes(self, question: str, parts: Sequence[str]) -> bool:
        """Whether a width question asks for exactly these parts, in this order."""


AUTHORS = {
    "extractive": "taskcraft_core.roles.extractive.author:ExtractiveAuthor",
    "openai": "taskcraft_core.roles.llm.author:ModelAuthor",
}
SOLVERS = {
    "extractive": "taskcraft_core.roles.extractive.solver:ExtractiveSolver",
    "openai": "taskcraft_core.roles.llm.solver:ModelSolver",
}
JUDGES = {
    "extractive": "taskcraft_core.roles.extractive.judge:ExtractiveJudge",
    "openai": "taskcraft_core.roles.llm.judge:ModelJudge",
}

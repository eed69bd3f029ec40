"""The extractive author: the Author Protocol over rules, every claim of which can be proved from the corpus."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from taskcraft_core.corpus import Corpus
from taskcraft_core.models import AtomicTask, Conclusion, Document, Rejection, Task
from taskcraft_core.roles import Superset, Try
from taskcraft_core.roles.extractive.writing import merging, questions, supersets
from taskcraft_core.roles.extractive.writing.conclusions import conclusions
from taskcraft_core.tools import Toolbox


class ExtractiveAuthor:
    """Reads tables, boxes, lists, captions and plain sentences; asks only what their words give."""

    spec = "extractive"

    async def conclude(self, document: Document) -> tuple[list[Conclusion], list[Rejection]]:
        """What the document states that can be asked, best first, and what was set aside."""
        found = list(conclusions(document))
        return (
            [item for item in found if isinstance(item, Conclusion)],
            [item for item in found if isinstance(item, Rejection)],
        )

    async def ask(self, document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
        """A natural, complete question that names the document."""
        return questions.ask(document, conclusion)

    async def supersets(
        self, identifier: str, document: Document, corpus: Corpus, tools: Toolbox
    ) -> AsyncIterator[Superset | Rejection]:
        """Entries of other documents that describe `document` and name it as `identifier`; no tool is needed."""
        for superset in supersets.supersets(identifier, document, corpus):
            yield superset

    async def merge_depth(self, core: Task, superset: Superset, tries: Sequence[Try]) -> str | None:
        """The core's question, asked through the superset; a rule says the same at every try."""
        return merging.merge_depth(core, superset)

    async def merge_width(self, parts: Sequence[Task]) -> str | None:
        """One question for the answers of all parts."""
        return merging.merge_width(parts)

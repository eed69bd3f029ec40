"""The author that is a chat model: the Author Protocol, one prompt a method."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.chunks import split
from taskcraft_core.errors import ResponseError
from taskcraft_core.models import AtomicTask, Conclusion, Document, Reason, Rejection, Task, content_hash
from taskcraft_core.roles import Superset, Try
from taskcraft_core.roles.llm import proposals
from taskcraft_core.roles.llm.agent import Agents
from taskcraft_core.roles.llm.answers import AuxiliaryQuestion, Conclusions, FoundSuperset, Question
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.facts import MOST_CONCLUSIONS, concluded, numbered
from taskcraft_core.roles.llm.quoting import context_of, one_line
from taskcraft_core.roles.llm.structured import ask
from taskcraft_core.tools import Toolbox

MOST_PROPOSALS = 6
"""Supersets looked for from one element (paper: up to 6 attempts)."""
SEARCH_STEPS = 6
"""Tool calls for one of them."""
ABOUT_CHARS = 600
LANGUAGES = {"en": "English", "zh": "Chinese"}
MEDIUM = {"page": "page", "pdf": "PDF", "image": "image"}


class ModelAuthor:
    """Writes with a chat model.

    Args:
        engine: What model calls go through.
        spec: `openai:<model>…`.
    """

    def __init__(self, engine: Engine, spec: str) -> None:
        self.spec = spec
        self._engine = engine
        self._model = engine.model("author", spec)
        self._agents = Agents(self._model)
        self._found: dict[tuple[Toolbox, str], FoundSuperset | None] = {}

    async def conclude(self, document: Document) -> tuple[list[Conclusion], list[Rejection]]:
        """What the document states that can be asked, read part by part until there are enough conclusions."""
        found: list[Conclusion] = []
        left_out: list[Rejection] = []
        image = self._engine.picture(document) if self._model.spec.vision else None
        for part in split(document):
            values = _of(document) | {"document": part.text, "most": str(MOST_CONCLUSIONS)}
            answer = await ask(self._model, Conclusions, "author_conclude", values, image=image)
            for fact in answer.conclusions:
                made = concluded(document, part.text, fact)
                if isinstance(made, Conclusion):
                    found.append(made)
                else:
                    left_out.append(made)
            if len(found) >= MOST_CONCLUSIONS:
                break
        return found, left_out

    async def ask(self, document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
        """A natural, complete question that names the document."""
        evidence = conclusion.evidence
        values = _of(document) | {
            "quote": evidence.quote,
            "context": context_of(document, evidence.place),
            "answer": evidence.answer_span,
            "relation": conclusion.relation,
        }
        answer = await ask(self._model, Question, "author_ask", values)
        if answer.question is None:
            return Rejection(
                stage="generate", reason=Reason.NO_PHRASE, item=evidence.quote[:200],
                detail=f"{document.uri}: {answer.reason[:300]}", document_id=document.id,
            )  # fmt: skip
        return AtomicTask(
            question=one_line(answer.question),
            answer=conclusion.answer,
            identifier=document.title,
            relation=conclusion.relation,
            language=document.language,
            tool=document.tool,
            evidence=evidence,
        )

    async def supersets(
        self, identifier: str, document: Document, corpus: Corpus, tools: Toolbox
    ) -> AsyncIterator[Superset | Rejection]:
        """Supersets that the author's own search agent finds, one run each, never the same document twice."""
        excluded: list[str] = []
        about = corpus.text(document.id)[:ABOUT_CHARS]
        for _ in range(MOST_PROPOSALS):
            values = {"identifier": identifier, "about": about, "excluded": "\n".join(excluded) or "none",
                      "most_steps": str(SEARCH_STEPS)}  # fmt: skip
            try:
                found = await self._find(values, tools)
            except ResponseError as error:  # asked again it would be the same call
                yield proposals.failed(document, error)
                return
            if found is None or found.uri is None:
                return
            repeated = found.uri in excluded
            excluded.append(found.uri)
            try:
                yield await self._superset(identifier, document, corpus, found)
            except ResponseError as error:
                yield proposals.failed(document, error)
            if repeated:
                return

    async def _find(self, values: Mapping[str, str], tools: Toolbox) -> FoundSuperset | None:
        """What the search agent finds; for all tasks about an element it is the same, and looked for once."""
        known = (tools, content_hash(dict(values)))
        if known not in self._found:
            run = await self._agents.run(FoundSuperset, "author_superset", values, tools, SEARCH_STEPS)
            self._found[known] = run.answer
        return self._found[known]

    async def _superset(
        self, identifier: str, target: Document, corpus: Corpus, found: FoundSuperset
    ) -> Superset | Rejection:
        """A proposal made checkable, and its auxiliary question."""
        proposal = proposals.checked(found, identifier, target, corpus)
        if isinstance(proposal, Rejection):
            return proposal
        values = _of(proposal.document) | {
            "identifier": identifier,
            "quote": proposal.quote,
            "context": context_of(proposal.document, proposal.place),
            "told_apart_by": found.told_apart_by,
            "relation": found.relation,
        }
        answer = await ask(self._model, AuxiliaryQuestion, "author_auxiliary", values)
        if answer.question is None:
            return proposals.refused(found, target, Reason.NO_PHRASE, "the relation gives no question")
        return proposals.superset(proposal, target, one_line(answer.question), found.relation, one_line(answer.noun))

    async def merge_depth(self, core: Task, superset: Superset, tries: Sequence[Try]) -> str | None:
        """The core's question, asked through the superset."""
        values = {
            "question": core.question,
            "identifier": core.identifier,
            "title": superset.document.title,
            "relation": superset.auxiliary.relation,
            "told_apart_by": superset.selector.value,
            "auxiliary_question": superset.auxiliary.question,
            "noun": superset.hint,
            "language": LANGUAGES[core.language],
            "tries": "\n".join(f"{one.question}\n{one.fault}" for one in tries) or "none",
        }
        answer = await ask(self._model, Question, "author_merge_depth", values, sample=len(tries))
        return one_line(answer.question) if answer.question else None

    async def merge_width(self, parts: Sequence[Task]) -> str | None:
        """One question for the answers of all parts."""
        values = {"questions": numbered([part.question for part in parts]), "language": LANGUAGES[parts[0].language]}
        answer = await ask(self._model, Question, "author_merge_width", values)
        return one_line(answer.question) if answer.question else None


def _of(document: Document) -> dict[str, str]:
    return {
        "title": document.title,
        "language": LANGUAGES[document.language],
        "medium": MEDIUM[document.tool],
    }

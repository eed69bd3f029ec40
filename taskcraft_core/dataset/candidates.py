"""The candidate rows of a build, with what the rules need to know about all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Evidence, Task


class Texts(Protocol):
    """Where the text of a document is looked up; `taskcraft_core.corpus.Corpus` is one."""

    def text(self, document_id: str) -> str:
        """The rendered document; KeyError when there is none."""


@dataclass(frozen=True)
class Candidates:
    """What a rule may look at besides the row itself.

    Attributes:
        tasks: All candidate rows by id.
        verbatim: Evidence whose quote stands in its document.
        auxiliaries: Ids of the tasks that a depth task was built on besides its core.
        disputed: Questions that have more than one answer among the candidates.
        config: The build's configuration.
    """

    tasks: Mapping[str, Task]
    verbatim: frozenset[Evidence]
    auxiliaries: frozenset[str]
    disputed: frozenset[str]
    config: BuildConfig


def gather(tasks: Sequence[Task], texts: Texts, config: BuildConfig) -> Candidates:
    """What the rules need to know about all candidates together."""
    answers: dict[str, set[tuple[str, ...]]] = {}
    for task in tasks:
        answers.setdefault(task.question, set()).add(task.answers)
    return Candidates(
        tasks={task.task_id: task for task in tasks},
        verbatim=_verbatim((evidence for task in tasks for evidence in task.evidence), texts),
        auxiliaries=frozenset(i for task in tasks if task.kind == "depth" for i in task.parent_ids[1:]),
        disputed=frozenset(question for question, given in answers.items() if len(given) > 1),
        config=config,
    )


def _verbatim(evidence: Iterable[Evidence], texts: Texts) -> frozenset[Evidence]:
    """Goes by document, so that each document is rendered once however many quotes it has."""
    found = set()
    for item in sorted(set(evidence), key=lambda item: item.document_id):
        try:
            text = texts.text(item.document_id)
        except KeyError:
            continue
        if item.quote in text:
            found.add(item)
    return frozenset(found)

"""The author's prompts, answered by the rules of the embedded author."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from taskcraft_core.loopback.unrender import LANGUAGES, unrender
from taskcraft_core.models import AtomicTask, Conclusion, Document, Figure, Selector, Task, Tool
from taskcraft_core.roles import Superset
from taskcraft_core.roles.extractive.normalise import same
from taskcraft_core.roles.extractive.writing import merging
from taskcraft_core.roles.extractive.writing.conclusions import conclusions
from taskcraft_core.roles.extractive.writing.phrasing import open_question, opened, with_article
from taskcraft_core.roles.extractive.writing.questions import ask

Values = Mapping[str, str]
Answer = dict[str, object]

_MEDIUM = re.compile(r"^(?:According to the (page|PDF|image) “|根据(页面|PDF文件|图片)《)")
_TOOLS: dict[str, Tool] = {
    "page": "page", "PDF": "pdf", "image": "image", "页面": "page", "PDF文件": "pdf", "图片": "image",
}  # fmt: skip
_WHICH = re.compile(r"which (?P<noun>[^“”]+?) is (?:listed )?(?P<trait>(?:described as|with) .+)")
_WHICH_ZH = re.compile(r"哪个(?P<noun>[^的“”]+)的(?P<trait>.+)")
_FIGURE_TITLE = {
    "en": "what is the title of the figure captioned “{}”",
    "zh": "图注为“{}”的图的标题是什么",
}
_SHOWN = re.compile(
    r"what is the title of the (?P<trait>figure captioned “.+”)|(?P<trait_zh>图注为“.+”)的图的标题是什么"
)
_NUMBERED = re.compile(r"^\d+\. ", re.M)


def conclude(values: Values) -> Answer:
    """What a text states."""
    document = unrender(values["document"], values["title"], values["language"], values["medium"])
    listed = [
        {"quote": one.evidence.quote, "answer": one.evidence.answer_span, "relation": one.relation}
        for one in stated(document)
    ]
    return {"conclusions": listed[: int(values["most"])]}


def ask_for(values: Values) -> Answer:
    """The question for a conclusion."""
    document = unrender(values["context"], values["title"], values["language"], values["medium"])
    found = _stated_as(document, values["quote"], values["answer"], values["relation"])
    return _question(found, "the relation gives no natural question")


def auxiliary(values: Values) -> Answer:
    """The question for an entry that describes an element."""
    document = unrender(values["context"], values["title"], values["language"], values["medium"])
    shown = next((block for block in document.blocks if isinstance(block, Figure)), None)
    if shown is not None and shown.caption:
        clause = _FIGURE_TITLE[document.language].format(shown.caption)
        return {"question": open_question(values["title"], document.tool, clause, document.language),
                "noun": "figure"}  # fmt: skip
    for one in stated(document):
        if one.evidence.quote == values["quote"] and one.relation == values["relation"]:
            asked = ask(document, one)
            if isinstance(asked, AtomicTask) and (split := _apart(asked.question)):
                return {"question": asked.question, "noun": split[0]}
    return {"question": None, "noun": ""}


def merge_depth(values: Values) -> Answer:
    """The core's question, asked through the superset: the statement that the auxiliary question makes, then it."""
    language = LANGUAGES[values["language"]]
    split = _apart(values["auxiliary_question"])
    if split is None or ("》" in values["auxiliary_question"]) != (language == "zh"):
        return _none("the auxiliary question is in no form that is known")
    noun, told_apart, shown = split
    kind = "atomic" if opened(values["question"]) else "depth"
    core = _task(kind=kind, question=values["question"], identifier=values["identifier"], language=language)
    superset = _superset(values, noun, shown)
    # the rules' own later half: the first half needs a selector, which no prompt shows
    later = merging._last_step if core.kind == "atomic" else merging._later_steps
    rest = later(core, superset)
    if rest is None:
        return _none("the element cannot be replaced")
    statement = _statement(values["title"], noun, told_apart, shown, language)
    return {"question": f"{statement}{'' if language == 'zh' else ' '}{rest}", "reason": ""}


def merge_width(values: Values) -> Answer:
    """One question for several."""
    language = LANGUAGES[values["language"]]
    parts = [_task(question=text, language=language, tools=(_tool(text),)) for text in numbered(values["questions"])]
    merged = merging.merge_width(parts)
    return {"question": merged, "reason": ""} if merged else _none("the parts give no more than their sum")


def numbered(text: str) -> list[str]:
    """The texts of a numbered list."""
    return [part.strip() for part in _NUMBERED.split(text) if part.strip()]


def stated(document: Document) -> tuple[Conclusion, ...]:
    """What a document states that can be asked."""
    return tuple(one for one in conclusions(document) if isinstance(one, Conclusion))


def _stated_as(document: Document, quote: str, answer: str, relation: str) -> AtomicTask | None:
    fitting = [one for one in stated(document) if one.evidence.quote == quote and same(one.answer, answer)]
    exact = [one for one in fitting if one.relation == relation] or fitting
    asked = [ask(document, one) for one in exact]
    return next((one for one in asked if isinstance(one, AtomicTask)), None)


def _question(found: AtomicTask | None, reason: str) -> Answer:
    return {"question": found.question, "reason": ""} if found else _none(reason)


def _none(reason: str) -> Answer:
    return {"question": None, "reason": reason}


def _apart(question: str) -> tuple[str, str, bool] | None:
    """What an auxiliary question asks for: the noun, how it is told apart, and whether it is a figure."""
    parts = opened(question)
    if parts is None:
        return None
    if shown := _SHOWN.fullmatch(parts.clause):
        return "figure", shown["trait"] or shown["trait_zh"], True
    match = _WHICH.fullmatch(parts.clause) or _WHICH_ZH.fullmatch(parts.clause)
    return (match["noun"], match["trait"], False) if match else None


def _statement(title: str, noun: str, told_apart: str, shown: bool, language: str) -> str:
    """The first step of a merged question, as `merging` writes it."""
    if language == "zh":
        return f"《{title}》中有一幅图，{told_apart}。" if shown else f"《{title}》列出了一个{told_apart}的{noun}。"
    if shown:
        return f"“{title}” contains a {told_apart}."
    return f"“{title}” lists {with_article(noun)} {told_apart}."


def _task(**known: Any) -> Task:
    """As much of a task as a prompt tells."""
    return Task.model_construct(**known)


def _superset(values: Values, noun: str, shown: bool) -> Superset:
    """As much of a superset as the later half of a merge looks at."""
    medium = {"page": "page", "pdf": "PDF", "image": "image"}[_tool(values["question"])]
    target = unrender("", values["identifier"], values["language"], medium)
    selector: dict[str, Any] = {"kind": "figure" if shown else "row"}
    asked: dict[str, Any] = {"question": values["auxiliary_question"]}
    return Superset(
        document=target,
        target=target,
        selector=Selector.model_construct(**selector),
        auxiliary=AtomicTask.model_construct(**asked),
        hint=noun,
    )


def _tool(question: str) -> Tool:
    """What a question calls the document that it names; of a chain, that of its first step is not told."""
    match = _MEDIUM.match(question)
    return _TOOLS[match[1] or match[2]] if match else "page"

"""Merges: a core and a superset into one question that states its steps forward, related parts into one question."""

from __future__ import annotations

import os.path
import re
from collections.abc import Sequence

from taskcraft_core.models import Document, Task
from taskcraft_core.roles import Superset
from taskcraft_core.roles.extractive.writing.extremes import End, extreme_trait
from taskcraft_core.roles.extractive.writing.phrasing import MEDIUM, opened, trait, with_article, without_unit

DOCUMENT_NOUNS = frozenset(
    "page list document report article chapter section table index guide file 页面 列表 文档 文章".split()
)


def merge_depth(core: Task, superset: Superset) -> str | None:
    """The core's question with its identifier replaced; None where the words do not allow it."""
    if core.language != superset.document.language or core.language not in MEDIUM:
        return None
    statement = _statement(superset, core.language)
    rest = _later_steps(core, superset) if core.kind == "depth" else _last_step(core, superset)
    return f"{statement}{'' if core.language == 'zh' else ' '}{rest}" if rest else None


def _statement(superset: Superset, language: str) -> str:
    """The first step: which entry of the superset is meant."""
    title, selector = superset.document.title, superset.selector
    if language == "zh":
        if selector.kind == "figure":
            return f"《{title}》中有一幅图，图注为“{selector.value}”。"
        name, unit = without_unit(selector.field if selector.kind == "row" else "描述")
        return f"《{title}》列出了一个{name}为“{selector.value}{unit}”的{superset.hint}。"
    if selector.kind == "figure":
        return f"“{title}” contains a figure captioned “{selector.value}”."
    if selector.kind in {"highest", "lowest"}:
        end: End = "highest" if selector.kind == "highest" else "lowest"
        told_apart = f"{extreme_trait(selector.field, selector.value, end)} of all those listed"
    else:
        told_apart = trait(selector.field, selector.value, language)
    return f"“{title}” lists {with_article(superset.hint)} {told_apart}."


def _reference(superset: Superset, document: Document, language: str) -> str:
    """How the merged question speaks of the target once it is known: "the page on that moon"."""
    hint = superset.hint
    if superset.selector.kind == "figure":
        return "该图" if language == "zh" else "that figure"
    medium = MEDIUM[language][document.tool]
    if language == "zh":
        return f"该{hint}" if hint in DOCUMENT_NOUNS else f"关于该{hint}的{medium}"
    return f"that {hint}" if hint.split()[-1] in DOCUMENT_NOUNS else f"the {medium} on that {hint}"


def _last_step(core: Task, superset: Superset) -> str | None:
    """The core's clause, asked of the target: "According to the page on that moon, clause?"."""
    parts = opened(core.question)
    if parts is None or parts.title != core.identifier:
        return None
    reference = _reference(superset, superset.target, core.language)
    if core.language == "zh":
        return f"根据{reference}，{parts.clause.replace(core.identifier, '该' + superset.hint)}？"
    # the clause may name the element as well: "when was the Forth Bridge opened"
    named = re.compile(rf"(?<![\w-])(?:the )?{re.escape(core.identifier)}(?![\w-])", re.I)
    clause = named.sub(f"that {superset.hint}", parts.clause)
    return f"According to {reference}, {clause}?"


def _later_steps(core: Task, superset: Superset) -> str | None:
    """A chain's steps, its first document now known only through the superset."""
    mark = f"《{core.identifier}》" if core.language == "zh" else f"“{core.identifier}” "
    if not core.question.startswith(mark):
        return None
    rest = core.question.removeprefix(mark)
    reference = _reference(superset, superset.target, core.language)
    # two elements of one name would leave "that …" open
    same_noun = f"该{superset.hint}" if core.language == "zh" else f"that {superset.hint},"
    if same_noun in rest or mark.strip() in rest:
        return None
    if core.language == "zh":
        return f"{reference}{rest}"
    return f"{reference[0].upper()}{reference[1:]} {rest}"


def merge_width(parts: Sequence[Task]) -> str | None:
    """One question for several: one clause asked of several documents, or several values of one document."""
    taken = [opened(part.question) for part in parts]
    if None in taken or len({(part.language, part.tools) for part in parts}) != 1:
        return None
    titles = [one.title for one in taken if one]
    clauses = [one.clause for one in taken if one]
    language, medium = parts[0].language, MEDIUM[parts[0].language][parts[0].tools[0]]
    if len(set(clauses)) == 1 and len(set(titles)) == len(titles):
        return _of_each(titles, clauses[0], medium, language)
    if len(set(titles)) == 1 and len(set(clauses)) == len(clauses):
        return _together(titles[0], clauses, medium, language)
    return None


def _of_each(titles: list[str], clause: str, medium: str, language: str) -> str | None:
    if language == "zh":
        match = re.fullmatch(r"(?P<name>[^的]{1,12})是(?P<asked>多少|什么|什么时候)", clause)
        named = "》、《".join(titles[:-1]) + f"》和《{titles[-1]}"
        return f"根据{medium}《{named}》，它们各自的{match['name']}依次是{match['asked']}？" if match else None
    named = _listed([f"“{title}”" for title in titles])
    asked = _each(clause)
    return f"According to the {medium}s {named}, {asked}, in that order?" if asked else None


def _each(clause: str) -> str | None:
    if re.search(r"\bit\b", clause):
        return re.sub(r"\bit\b", "each", clause, count=1)
    if re.match(r"what (?:is|are|was|were) the ", clause) and " of " not in clause and " in " not in clause:
        return f"{clause} of each"
    return f"{clause} in each case" if re.match(r"what value is shown for ", clause) else None


def _together(title: str, clauses: list[str], medium: str, language: str) -> str | None:
    if language == "zh":
        asked = [re.fullmatch(r"([^的、和]{1,10})是(多少|什么|什么时候)", clause) for clause in clauses]
        names = [match[1] for match in asked if match]
        if len(names) < len(clauses) or len({match[2] for match in asked if match}) > 1:
            return None
        return f"根据{medium}《{title}》，{'、'.join(names[:-1])}和{names[-1]}依次是{clauses[0].rpartition('是')[2]}？"
    asked_en = _several_rows(clauses) or _several_labels(clauses) or _several_descriptions(clauses)
    return f"According to the {medium} “{title}”, {asked_en}, in that order?" if asked_en else None


def _several_rows(clauses: list[str]) -> str | None:
    """The same header for several rows: "what is the radius of Io and of Europa"."""
    common = os.path.commonprefix(clauses)
    for link in (" of ", " for "):
        head = common[: common.rfind(link)] if link in common else ""
        rows = [clause.removeprefix(head + link) for clause in clauses]
        if re.match(r"what (?:is|are) the |what value is shown$", head) and not any(" in " in row for row in rows):
            return f"{head} {_listed([f'{link.strip()} {row}' for row in rows])}"
    return None


def _several_labels(clauses: list[str]) -> str | None:
    labels = [re.fullmatch(r"what (?:is|are) the (.+)", clause) for clause in clauses]
    if not all(labels) or any(" of " in clause or " in " in clause for clause in clauses):
        return None
    return f"what are {_listed([f'the {match[1]}' for match in labels if match])}"


def _several_descriptions(clauses: list[str]) -> str | None:
    """Entries of one kind by their descriptions: "which moon is described as “A” and which as “B”"."""
    split = [re.fullmatch(r"(which [^“”]+? is (?:described|listed)) ((?:as|with) .+)", clause) for clause in clauses]
    if not all(split) or len({match[1] for match in split if match}) != 1:
        return None
    told_apart = [match[2] for match in split if match]
    opening = clauses[0].removesuffix(told_apart[0]).rstrip()
    return f"{opening} {_listed([told_apart[0], *(f'which {one}' for one in told_apart[1:])])}"


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"

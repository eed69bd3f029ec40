"""From a conclusion to its question."""

from __future__ import annotations

import re

from taskcraft_core.models import (
    AtomicTask,
    Block,
    Box,
    Conclusion,
    Definitions,
    Document,
    Items,
    Reason,
    Rejection,
    Table,
)
from taskcraft_core.roles.extractive.writing.conclusions import block_at, describing_columns, entries_of
from taskcraft_core.roles.extractive.writing.phrasing import (
    DESCRIBING,
    box_clause,
    cell_clause,
    noun_of,
    open_question,
    shown_clause,
    trait,
    which_clause,
    without_unit,
)

_ACTS = frozenset(
    "return returns raise raises set sets get gets create creates remove removes add adds check checks compute "
    "computes convert converts open opens close closes read reads write writes send sends print prints call calls "
    "run runs register registers delete deletes insert inserts copy copies encode encodes decode decodes parse "
    "parses".split()
)
_VALUE_HEADERS = frozenset("value values amount figure number data datum reading 数值 数据 值".split())
SENTENCE_SOURCES = frozenset({"date", "measure", "defining_name"})


def ask(document: Document, conclusion: Conclusion) -> AtomicTask | Rejection:
    """The question for a conclusion, or why it cannot be phrased."""
    clause = _clause(document, conclusion)
    if clause is None:
        return Rejection(
            stage="generate",
            reason=Reason.NO_PHRASE,
            item=conclusion.evidence.quote[:200],
            detail=f"{document.uri}: {conclusion.relation!r} gives no natural question.",
            document_id=document.id,
        )
    return AtomicTask(
        question=open_question(document.title, document.tool, clause, document.language),
        answer=conclusion.answer,
        identifier=document.title,
        relation=conclusion.relation,
        language=document.language,
        tool=document.tool,
        evidence=conclusion.evidence,
    )


def _clause(document: Document, conclusion: Conclusion) -> str | None:
    if conclusion.source in SENTENCE_SOURCES:
        return conclusion.relation
    block, row = block_at(document, conclusion.evidence.place)
    if row is None:
        return None
    match block:
        case Box():
            key, value = block.entries[row]
            charted = block.caption and document.tool == "image"
            return (
                shown_clause(key, block.caption, document.language)
                if charted
                else box_clause(key, value, document.language)
            )
        case Table() if conclusion.source == "row_name":
            return _which_row(block, row, conclusion, document.language)
        case Table():
            header = conclusion.relation.removesuffix(f" of {block.rows[row][0]}")
            noun = noun_of(without_unit(block.header[0])[0], document.language)
            if len(block.header) == 2 and header.casefold() in _VALUE_HEADERS:
                return box_clause(block.rows[row][0], block.rows[row][1], document.language)
            return cell_clause(header, block.rows[row][0], noun, document.language)
        case Definitions() | Items():
            return which_entry(block, row, document.language)
        case _:
            return None


def _which_row(table: Table, row: int, conclusion: Conclusion, language: str) -> str | None:
    header = conclusion.relation.removeprefix(f"{table.header[0]} by ")
    column = table.header.index(header)
    if column not in describing_columns(table):
        return None
    noun = noun_of(without_unit(table.header[0])[0], language)
    return which_clause(noun, trait(header, table.rows[row][column], language), language)


def which_entry(block: Definitions | Items, row: int, language: str) -> str | None:
    """The clause that asks for the entry of a list by its description."""
    entry = entries_of(block)[row]
    if entry is None:
        return None
    told_apart = trait(_describing(language), entry[1], language)
    return which_clause(entry_noun(block, row, language), told_apart, language)


def entry_noun(block: Block, row: int, language: str) -> str:
    """What an entry of a list is called, as far as its form tells."""
    if language == "zh":
        return "条目"
    if not isinstance(block, Definitions):
        return "entry"
    term, description = block.entries[row]
    if term.startswith("-"):
        return "option"
    if re.fullmatch(r"[\w.]*[A-Z]\w*(?:Error|Exception|Warning)", term):
        return "exception"
    acts = description.split(maxsplit=1)[0].casefold() in _ACTS if description else False
    return "function" if acts and re.fullmatch(r"[A-Za-z_][\w.]*(?:\(\))?", term) else "entry"


def _describing(language: str) -> str:
    header = {"en": "description", "zh": "描述"}[language]
    assert header in DESCRIBING
    return header

"""The question forms of the extractive author, in English and Chinese.

Every question opens with the document it is about, its title in quotes, and then asks one clause. Extensions put
these pieces together again, so the forms are written here once.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from taskcraft_core.models import Tool
from taskcraft_core.roles.extractive.normalise import answer_type
from taskcraft_core.roles.extractive.writing.words import is_adjective, is_noun, is_participle, is_plural, singular

LANGUAGES = ("en", "zh")
MEDIUM = {
    "en": {"page": "page", "pdf": "PDF", "image": "image"},
    "zh": {"page": "页面", "pdf": "PDF文件", "image": "图片"},
}
PEOPLE = frozenset(
    "architect artist astronomer author builder chemist composer designer director discoverer editor engineer "
    "explorer founder inventor keeper king maintainer owner painter photographer pilot president sculptor "
    "scientist writer".split()
)
_OPENING = re.compile(r"According to the (?:page|PDF|image) “(?P<title>[^”]+)”, (?P<clause>.+)\?")
_OPENING_ZH = re.compile(r"根据(?:页面|PDF文件|图片)《(?P<title>[^》]+)》，(?P<clause>.+)？")
_UNIT = re.compile(r"^(?P<name>.+?) ?[\[(（](?P<unit>[^()\[\]（）]{1,20})[\])）]$")
_ORDER = frozenset({"first", "last", "second", "third"})
_OF_NOBODY = frozenset({"year", "date", "day", "month", "time", "value", "number", "place", "note"})
_VOWEL = re.compile(r"[aeio]|u(?!n[iu]|s|r)|hour|honou?r|[FHLMNRSX](?:[A-Z]|$)")
_DATED = re.compile(r"\d{4}")


class Opened(NamedTuple):
    """An atomic question taken apart."""

    title: str
    clause: str


def open_question(title: str, tool: Tool, clause: str, language: str) -> str:
    """An atomic question: "According to the page “T”, clause?"."""
    medium = MEDIUM[language][tool]
    if language == "zh":
        return f"根据{medium}《{title}》，{clause}？"
    return f"According to the {medium} “{title}”, {clause}?"


def opened(question: str) -> Opened | None:
    """The title and the clause of an atomic question; None for any other text."""
    match = _OPENING.fullmatch(question) or _OPENING_ZH.fullmatch(question)
    return Opened(match["title"], match["clause"]) if match else None


def quoted(text: str, language: str) -> str:
    """A text in the quotes of the language."""
    return f"“{text}”"


def without_unit(header: str) -> tuple[str, str]:
    """A header split into its name and its unit: "Mass (kg)" -> ("Mass", "kg")."""
    match = _UNIT.match(header.strip())
    return (match["name"].strip(), match["unit"].strip()) if match else (header.strip(), "")


def lower_name(name: str) -> str:
    """A label as it reads inside a sentence: its first letter small unless the word is an acronym or a name."""
    first = name.split()[0] if name.strip() else ""
    keep = len(first) > 1 and any(c.isupper() or c.isdigit() for c in first[1:])
    return name if keep or len(first) == 1 else name[:1].lower() + name[1:]


def is_noun_phrase(label: str) -> bool:
    """Whether "what is the <label>?" reads well: up to five words, no verb in front, a noun at the end."""
    tokens = label.split()
    if not 1 <= len(tokens) <= 5 or not re.fullmatch(r"[A-Za-z][A-Za-z0-9 /’'-]*", label):
        return False
    head = label.split(" of ")[0].split()[-1]
    opener = tokens[0].casefold()
    if len(tokens) > 1 and (
        tokens[-1].casefold() in {"by", "in", "for", "at", "to", "as", "of", "after", "from", "on"}
    ):
        return False
    if opener in {"how", "what", "when", "where", "why", "who", "is", "has"} or (len(tokens) == 1 and opener in _ORDER):
        return False
    return is_noun(head) and not (len(tokens) > 1 and opener in {"is", "has", "used", "known", "see"})


def box_clause(key: str, value: str, language: str) -> str | None:
    """The clause that asks for the value under a key of a key-value box; None if it cannot be said."""
    name, unit = without_unit(key)
    if language == "zh":
        return _box_clause_zh(name, unit, value)
    label = lower_name(name)
    in_unit = f" in {unit}" if unit else ""
    parts = label.split()
    if _DATED.search(value) and is_participle(parts[0]) and len(parts) == 1:
        return f"{'in what year' if re.fullmatch(r'[0-9]{4}', value) else 'when'} was it {label}"
    if len(parts) == 2 and parts[1] == "by" and is_participle(parts[0]):
        return f"by whom was it {label.removesuffix(' by')}"
    if label == "named after":
        return "after whom or what is it named"
    if len(parts) == 2 and parts[1] == "began" and _DATED.search(value) and is_noun(parts[0]):
        return f"{'in what year' if re.fullmatch(r'[0-9]{4}', value) else 'when'} did {parts[0]} begin"
    if not is_noun_phrase(name):
        return None
    head = label.split(" of ")[0].split()[-1]
    if is_plural(head):
        counted = answer_type(value) == "number" and not unit
        return f"how many {label} are there" if counted else f"what are the {label}{in_unit}"
    return f"{'who' if head in PEOPLE else 'what'} is the {label}{in_unit}"


def _box_clause_zh(name: str, unit: str, value: str) -> str | None:
    if not 1 <= len(name) <= 10:
        return None
    suffix = f"（单位：{unit}）" if unit else ""
    if re.fullmatch(r".*(?:时间|日期|年份|年代)", name):
        return f"{name}是什么时候{suffix}"
    return f"{name}是{'多少' if value[:1].isdigit() else '什么'}{suffix}"


def shown_clause(label: str, caption: str, language: str) -> str:
    """The clause that asks for a labelled value of a chart."""
    return f"{label}对应的数值是多少" if language == "zh" else f"what value is shown for {label}"


def cell_clause(header: str, row_key: str, noun: str, language: str) -> str | None:
    """The clause that asks for the cell under a header in the row of a key; the rows are `noun`s."""
    name, unit = without_unit(header)
    if language == "zh":
        return f"{row_key}的{name}是什么" + (f"（单位：{unit}）" if unit else "")
    if not is_noun_phrase(name):
        return None
    if is_adjective(row_key):
        row_key = f"the {lower_name(row_key)} {noun}"
    label = lower_name(name)
    head = label.split(" of ")[0].split()[-1]
    be = "are" if is_plural(head) else "is"
    whose = "listed for" if head in _OF_NOBODY else "of"
    return f"what {be} the {label} {whose} {row_key}" + (f" in {unit}" if unit else "")


DESCRIBING = frozenset(
    "description meaning purpose explanation summary definition notes note remarks details effect result usage "
    "comment comments 说明 描述 简介 特点 含义 备注 介绍".split()
)


def noun_of(header: str, language: str) -> str:
    """What the things in a column are called: its header, in the singular and small."""
    if language == "zh":
        return header
    first, *rest = lower_name(header).split()
    tokens = [first, *(word.lower() if word.istitle() and is_noun(word) else word for word in rest)]
    return " ".join([*tokens[:-1], singular(tokens[-1])])


def trait(header: str, value: str, language: str) -> str:
    """How an entry is told apart: "with a mean radius of 1,560.8 km", "described as “…”", "with “…” under “…”"."""
    name, unit = without_unit(header)
    if language == "zh":
        return f"{name}为{quoted(value + unit, language)}"
    label, kind = lower_name(name), answer_type(value)
    if label.casefold() in DESCRIBING:
        return f"described as {quoted(value.rstrip('.'), language)}"
    if is_noun_phrase(name) and not is_plural(label.split()[-1]):
        if kind == "measure" or (kind in {"number", "year"} and unit):
            return f"with {with_article(label)} of {value}{' ' + unit if unit else ''}"
        if kind in {"number", "year", "date"}:
            return f"with the {label} {value}"
    return f"with {quoted(value + (' ' + unit if unit else ''), language)} under {quoted(name, language)}"


def which_clause(noun: str, told_apart: str, language: str) -> str:
    """The clause that asks for the entry with a trait."""
    if language == "zh":
        return f"哪个{noun}的{told_apart}"
    return f"which {noun} is {'listed ' if told_apart.startswith('with ') else ''}{told_apart}"


def with_article(noun: str) -> str:
    """A noun phrase with "a" or "an" in front."""
    return f"{'an' if _VOWEL.match(noun) else 'a'} {noun}"

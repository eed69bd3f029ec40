"""Words as a reader compares them: tokens, their dictionary form, and a rougher root shared by kindred words.

"discovered", "discovery" and "discoverer" share a root; "long" and "length" do by a small list. Chinese text is
compared character by character, without the grammatical ones.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from lemminflect import getAllLemmas

TOKEN = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?|[^\W\d_]+|[0-9]+")
_CHINESE = re.compile(r"[\u3400-\u9fff]")

STOP = frozenset(
    """a an the of in on at by for from to with as and or is are was were be been being has have had do does did
    it its they them their this that these those there what which who whom whose when where how many much each into
    than s t one page pdf image order according given called named used also respectively under listed
    described shown captioned
    的 是 为 了 在 于 有 被 由 与 和 其 它 们 该 之 此 及""".split()
)
_KINDRED = """
birth born birthday birthdate; death die dead died; long length; tall high height; deep depth; wide width breadth
heavy weigh weight mass; fast speed velocity; old age; far distance; build construct construction built
author write writer wrote written; locate location situate place position; found establish foundation founder
create creator creation; open inaugurate; cost price; publish publication publisher; complete completion finish
population inhabitant people; elevation altitude; begin start; produce production producer; strong strength
maintain maintainer maintenance; divide division; introduce introduction; destroy destruction; marry marriage spouse
hot temperature; large area size big; describe description; decide decision; sink sank sunk; bright magnitude
"""
_SUFFIXES = (
    "ization", "isation", "ational", "ation", "ition", "ment", "ance", "ence", "ness", "ally", "ion", "ery", "ate",
    "ive", "ing", "ed", "er", "or", "al", "ly", "th", "y", "e",
)  # fmt: skip


class Word(NamedTuple):
    """A word in three degrees of likeness: as written (lower case), its dictionary form, its root."""

    surface: str
    lemma: str
    root: str
    capital: bool


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[Word, ...]:
    """The words of a text in order, grammatical ones left out."""
    return tuple(word for token in tokens(text) if (word := _word(token)).surface not in STOP)


def tokens(text: str) -> list[str]:
    """Letters, numbers (without their commas) and single Chinese characters, in order, as written."""
    found: list[str] = []
    for token in TOKEN.findall(text):
        if token[0].isdigit():
            found.append(token.replace(",", ""))
        elif _CHINESE.search(token):
            found.extend(re.findall(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+", token))
        else:
            found.append(token)
    return found


@lru_cache(maxsize=65536)
def _word(token: str) -> Word:
    surface = token.casefold()
    lemma = _lemma(surface)
    return Word(surface, lemma, _root(surface, lemma), token[:1].isupper() or token[:1].isdigit())


def _lemma(surface: str) -> str:
    if not (surface.isascii() and surface.isalpha()) or len(surface) < 3:
        return surface
    lemmas = getAllLemmas(surface)
    for kind in ("VERB", "NOUN", "ADJ", "ADV"):
        if kind in lemmas:
            return str(lemmas[kind][0])
    return surface[:-1] if surface.endswith("s") and not surface.endswith("ss") and len(surface) > 4 else surface


def _root(surface: str, lemma: str) -> str:
    kin = _KIN.get(surface) or _KIN.get(lemma)
    return kin or _stripped(lemma)


def _stripped(lemma: str) -> str:
    if not (lemma.isascii() and lemma.isalpha()):
        return lemma
    suffix = next((s for s in _SUFFIXES if lemma.endswith(s) and len(lemma) - len(s) >= 4), "")
    return _stripped(lemma[: -len(suffix)]) if suffix else lemma


_KIN = {member: f"={group.split()[0]}" for group in re.split("[;\n]", _KINDRED.strip()) for member in group.split()}

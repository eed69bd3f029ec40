"""How well the words of a unit account for the words of a clause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from taskcraft_core.roles.extractive.reading.clause import Clause
from taskcraft_core.roles.extractive.reading.stems import Word, words
from taskcraft_core.roles.extractive.units import is_unit

KINDRED = 0.85
_TYPE_WORDS = frozenset(
    "date year time name number value total by 时 间 年 份 日 期 月 者 人 名 姓 地 点 位 置 址 数 量 约".split()
)

Bag = frozenset[str]


class Layer(NamedTuple):
    """Words that may account for a clause, and how much such an account is worth."""

    words: Bag
    worth: float


class Match(NamedTuple):
    """How well a clause is accounted for, and by which layers."""

    score: float
    layers: frozenset[int]


@lru_cache(maxsize=16384)
def bag(text: str) -> Bag:
    """The words of a text in all three degrees of likeness; a root is marked by "~"."""
    return frozenset(form for word in words(text) for form in (word.surface, word.lemma, f"~{word.root}"))


def likeness(word: Word, among: Bag) -> float:
    """1 for the word or its dictionary form, less for a kindred word, 0 for none."""
    if word.surface in among or word.lemma in among:
        return 1.0
    return KINDRED if f"~{word.root}" in among else 0.0


def weight(word: Word) -> float:
    """Names and numbers tell more than other words."""
    return 2.0 if word.capital else 1.0


def explain(clause: Clause, layers: Sequence[Layer]) -> Match | None:
    """Accounts for every needed word, each by the layer that does it best; None when one is left over.

    Args:
        clause: Its `needed` words must be accounted for, its `hints` add a little.
        layers: The unit's own words first, what stands around it after.
    """
    total, earned, used = 0.0, 0.0, set()
    for word in clause.needed:
        worth, at = _best(word, layers)
        if not worth:
            return None
        used.add(at)
        total += weight(word)
        earned += weight(word) * worth
    hinted = [worth_at for word in clause.hints if (worth_at := _best(word, layers))[0]]
    used.update(at for _, at in hinted)
    bonus = 0.05 * sum(worth for worth, _ in hinted) / max(1, len(clause.hints))
    return Match((earned / total if total else 0.9) + bonus, frozenset(used))


def touches(clause: Clause, among: Bag) -> bool:
    """Whether these words account for any of the needed ones, be it as well as others do."""
    return any(likeness(word, among) for word in clause.needed)


def _best(word: Word, layers: Sequence[Layer]) -> tuple[float, int]:
    worths = [likeness(word, layer.words) * layer.worth for layer in layers]
    worth = max(worths, default=0.0)
    return worth, worths.index(worth) if worth else -1


def verbatim(clause: Clause, key: str) -> float:
    """A little for a key that the clause names letter by letter: "A Ring" is not any ring, "N" is not "n"."""
    named = re.compile(rf"(?<!\w){re.escape(key)}(?!\w)")
    if named.search(clause.text):
        return 0.06
    return 0.03 if re.search(named.pattern, clause.text, re.I) else 0.0


def extras(clause: Clause, key: str, cost: float) -> float:
    """What the words of a key cost that the clause does not mention: "melting point of the oxide"."""
    asked = _asked(clause)
    unasked = [
        word for word in words(key)
        if not likeness(word, asked) and word.lemma not in _TYPE_WORDS and not is_unit(word.surface)
    ]  # fmt: skip
    return min(cost * len(unasked), 4 * cost)


@lru_cache(maxsize=1024)
def _asked(clause: Clause) -> Bag:
    every = (*clause.needed, *clause.hints)
    return frozenset(form for word in every for form in (word.surface, word.lemma, f"~{word.root}"))

"""Words and values as the rules see them: content words, nouns, what counts as one atomic value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from lemminflect import getAllLemmas, getInflection

STOP_WORDS = frozenset(
    "a an and are as at be been by did do does each for from given had has have how in into is it its listed "
    "many much of on or order page pdf image shown than that the their there this to value was were what when "
    "where which who whom whose why will with according described entry figure under your you".split()
)
PRONOUNS = frozenset(
    "i me my mine you your yours we us our he him his she her hers it its they them their theirs this that these "
    "those here there such former latter following above below respectively one ones same other others another "
    "who whom whose which".split()
)
GENERIC_TITLES = frozenset(
    "home index untitled introduction overview contents document page welcome about notes readme glossary".split()
)
_ORDINALS = frozenset("first second third fourth fifth sixth seventh eighth ninth tenth last".split())
_SHORT = 500
"""Characters of a question, a title or a line, whose words one check after the other asks for."""
_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:[’'][^\W_]+)*")
_CJK = re.compile(r"[\u3400-\u9fff]")
_NOT_ATOMIC = re.compile(
    r"[;；、()（）\[\]?？!！→•|…]|\s[-–—]\s|\b(?:and|or|about|approx|circa|ca|various|see|e\.g)\b|^[~≈<>]", re.I
)


def words(text: str) -> list[str]:
    """The words of a text, folded; every Chinese character is a word of its own."""
    return list(_words(text))


def _words(text: str) -> tuple[str, ...]:
    return _split_once(text) if len(text) <= _SHORT else _split(text)


def _split(text: str) -> tuple[str, ...]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    found: list[str] = []
    for token in _WORD.findall(folded):
        found += list(token) if _CJK.search(token) else [token]
    return tuple(found)


_split_once = lru_cache(maxsize=4_096)(_split)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """A word's dictionary form: its noun lemma, else its verb lemma, else itself."""
    lemmas = getAllLemmas(word)
    for part in ("NOUN", "VERB", "ADJ"):
        if part in lemmas:
            return str(lemmas[part][0])
    return word


def content_words(text: str) -> set[str]:
    """The stems of the words that carry meaning."""
    return {stem(word) for word in _words(text) if word not in STOP_WORDS}


def is_noun(word: str) -> bool:
    """Whether the dictionary knows the word, or the last part of a hyphenated one, as a noun."""
    return "NOUN" in getAllLemmas(word.casefold().rpartition("-")[2])


def is_adjective(word: str) -> bool:
    """Whether a single word names nothing by itself: "first", "southern"."""
    lemmas = getAllLemmas(word.casefold())
    return ("ADJ" in lemmas and "NOUN" not in lemmas) or word.casefold() in _ORDINALS


def singular(noun: str) -> str:
    """The singular of a noun of the dictionary; an unknown word stays as it is."""
    lemmas = getAllLemmas(noun).get("NOUN")
    return str(lemmas[0]) if lemmas else noun


def is_plural(noun: str) -> bool:
    """Whether a noun of the dictionary stands in its plural and not in its singular form."""
    lemma = singular(noun)
    return lemma != noun and noun in getInflection(lemma, "NNS")


def base_verb(past: str) -> str | None:
    """The base form of a verb in the past tense ("sank" -> "sink"), or None when it is no past tense."""
    lemmas = getAllLemmas(past).get("VERB")
    if not lemmas or past == lemmas[0] or past not in getInflection(lemmas[0], "VBD"):
        return None
    return str(lemmas[0])


def is_participle(word: str) -> bool:
    """Whether a word can be a past participle ("opened", "built")."""
    lemmas = getAllLemmas(word).get("VERB")
    return bool(lemmas) and any(word in getInflection(lemma, "VBN") for lemma in lemmas)


def is_atomic(value: str, *, most_words: int = 7, most_chars: int = 60) -> bool:
    """Whether a value is one thing: a number, a date, a measure or a short name, and no list or remark."""
    text = value.strip().rstrip(".。")
    if not text or len(text) > most_chars or _NOT_ATOMIC.search(text):
        return False
    if not any(character.isalnum() for character in text):
        return False
    tokens = text.split()
    if len(tokens) > most_words or (_CJK.search(text) and len(text) > 20):
        return False
    if "," in text and not re.fullmatch(r"[^,]*\d{1,3}(,\d{3})+[^,]*|[A-Z][a-z]+ \d{1,2}, \d{4}", text):
        return False
    return text.casefold() not in {"yes", "no", "none", "n/a", "true", "false", "unknown", "是", "否", "无"}


def has_digit(text: str) -> bool:
    """Whether any digit stands in the text."""
    return any(character.isdigit() for character in text)


def contains_words(text: str, part: str) -> bool:
    """Whether the words of `part` stand in `text` one after the other."""
    inner, outer = _words(part), _words(text)
    size = len(inner)
    return bool(inner) and any(outer[i : i + size] == inner for i in range(len(outer) - size + 1))


def standing(pattern: str, text: str, flags: int = 0) -> Iterator[tuple[int, int]]:
    """Where a pattern stands as words and numbers of its own, not inside longer ones."""
    for found in re.finditer(pattern, text, flags):
        before, inside, after = text[: found.start()][-2:], found[0], text[found.end() :][:2]
        if not _joined(before[-1:], inside[:1]) and not _joined(inside[-1:], after[:1]):
            cut_left = inside[0].isdigit() and re.search(r"[0-9][.,]$", before)
            cut_right = inside[-1].isdigit() and re.match(r"[.,][0-9]", after)
            if not cut_left and not cut_right:
                yield found.span()


def _joined(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word; Chinese has no word borders."""
    return left.isalnum() and right.isalnum() and left < "\u3000" and right < "\u3000"

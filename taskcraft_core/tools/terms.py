"""Words of texts and queries as the local index knows them: stemmed English, and Chinese in 1-2-grams."""

from __future__ import annotations

import re
from functools import cache

import tantivy

ANALYZER = "words"
MAX_QUERY_CHARS = 400
_MAX_TERMS = 64

_DENSE = "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(f"[{_DENSE}]+")
_ASKING = re.compile(
    "什么|哪个|哪一个|哪些|哪里|哪位|哪种|哪|多少|几个|是否|怎么|怎样|如何|根据|按照|的|了|是|在|吗|呢|和|与|为"
)
"""What Chinese questions are asked with; a query is cut there, since it says nothing of what is looked for."""
_COMMA = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_POINT = re.compile(r"(?<=[0-9])[.](?=[0-9])")
_STOP_WORDS = frozenset(
    [
        "a", "an", "and", "are", "as", "at", "be", "been", "by", "can", "did", "do", "does", "each", "for", "from",
        "had", "has", "have", "how", "i", "in", "into", "is", "it", "its", "many", "me", "much", "of", "on", "or",
        "s", "tell", "than", "that", "the", "their", "there", "these", "this", "to", "was", "were", "what", "when",
        "where", "which", "who", "whom", "whose", "why", "will", "with", "according",
    ]
)  # fmt: skip


@cache
def analyzer() -> tantivy.TextAnalyzer:
    """Lower case, no accents, light English stemming; tokens of over 40 characters are dropped."""
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    for step in (
        tantivy.Filter.remove_long(40),
        tantivy.Filter.lowercase(),
        tantivy.Filter.ascii_fold(),
        tantivy.Filter.stemmer("english"),
    ):
        builder = builder.filter(step)
    return builder.build()


def spaced(text: str) -> str:
    """What the word fields index: no Chinese, Japanese and Korean runs, and every number one word."""
    return _POINT.sub("p", _COMMA.sub("", _RUN.sub(" ", text)))


def as_written(word: str) -> tuple[str, ...]:
    """How a word of a query may stand in a text: a number with its point, and with commas as well."""
    whole, point, fraction = word.partition("p")
    if not whole.isdecimal() or (point and not fraction.isdecimal()):
        return (word,)
    rest = f".{fraction}" if point else ""
    return tuple(dict.fromkeys((f"{whole}{rest}", f"{int(whole):,}{rest}")))


def grams(text: str) -> str:
    """Every character and pair of neighbours of the Chinese runs, with spaces between: what the gram field indexes."""
    return " ".join(gram for run in _RUN.findall(text) for gram in (*run, *_pairs(run)))


def query_words(query: str) -> list[str]:
    """The stems that a query asks for, each once; without stop words unless it has nothing else."""
    words = [word for word in re.split(r"[\W_]+", spaced(_whole(query))) if word]
    telling = [word for word in words if word.lower() not in _STOP_WORDS] or words
    stems = analyzer().analyze(" ".join(telling))
    return list(dict.fromkeys(stems))[:_MAX_TERMS]


def query_grams(query: str) -> list[str]:
    """The grams that a query asks for, each once: pairs of neighbours, or the character of a run of one."""
    runs = _RUN.findall(_whole(query))
    telling = [piece for run in runs for piece in _ASKING.split(run) if piece] or runs
    found = (gram for run in telling for gram in (_pairs(run) if len(run) > 1 else run))
    return list(dict.fromkeys(found))[:_MAX_TERMS]


def _whole(query: str) -> str:
    """As much of a query as is looked at; halves of surrogate pairs, which JSON can hold, become question marks."""
    return query[:MAX_QUERY_CHARS].encode("utf-8", "replace").decode()


def _pairs(run: str) -> list[str]:
    return [first + second for first, second in zip(run, run[1:], strict=False)]

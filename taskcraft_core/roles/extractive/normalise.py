"""The one canonical form of an answer: what two answers are compared in, and what the dataset publishes.

Dates YYYY-MM-DD, numbers 3,045, money $1,000, percentages "8 %", measures "3,045 m" with the unit as written;
a name keeps its letters. Whatever is not wholly one of these only has its spaces and quotes put in order.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from functools import lru_cache
from typing import Literal

from taskcraft_core.roles.extractive.units import is_unit

AnswerType = Literal["date", "year", "number", "measure", "name", "text"]

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
)  # fmt: skip
MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?"
    r"|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
DAY = r"[0-3]?[0-9](?:st|nd|rd|th)?"
YEAR = r"(?:1[0-9]{3}|20[0-9]{2}|2100)"
NUMBER = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?"
CURRENCY = r"(?:US\$|A\$|C\$|[$€£¥₹￥])"

LONGEST = 400
"""A longer text is no date, number or name: it keeps its form, and no pattern is tried on it."""

_WEEKDAY = r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,?\s+)?"
_DATES = [
    re.compile(rf"{_WEEKDAY}(?P<d>{DAY})(?: of)? (?P<m>{MONTH}),? (?P<y>[0-9]{{4}})", re.I),
    re.compile(rf"{_WEEKDAY}(?P<m>{MONTH}) (?P<d>{DAY}),? (?P<y>[0-9]{{4}})", re.I),
    re.compile(rf"(?P<m>{MONTH})(?: of|,)? (?P<y>[0-9]{{4}})", re.I),
    re.compile(r"(?P<y>[0-9]{4}) ?年 ?(?:(?P<m>[01]?[0-9]) ?月 ?(?:(?P<d>[0-3]?[0-9]) ?[日号])?)?"),
    re.compile(r"(?P<y>[0-9]{4})([-/.])(?P<m>[01]?[0-9])\2(?P<d>[0-3]?[0-9])"),
    re.compile(r"(?P<y>[0-9]{4})-(?P<m>[01][0-9])"),
]
_MONEY = re.compile(rf"(?P<sign>[-+]?)(?P<cur>{CURRENCY}) ?(?P<num>{NUMBER})(?P<scale> [a-z]+)?")
_MONEY_AFTER = re.compile(rf"(?P<num>{NUMBER}) ?(?P<cur>[$€£¥₹])(?P<sign>)(?P<scale>)")
_PERCENT = re.compile(rf"(?P<num>[-+]?{NUMBER}) ?(?:%|％|per ?cent)", re.I)
_MEASURE = re.compile(rf"(?P<num>[-+]?{NUMBER})(?P<gap> ?)(?P<unit>[^0-9.,; ].*)")
_BARE = re.compile(rf"[-+]?{NUMBER}")
_GROUP_SPACES = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3}(?![0-9]))")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_PLURAL = re.compile(r"[a-z]{3,}[a-rt-z]s")
_NO_COUNT = {"series", "games", "olympics", "elections", "championships", "editions", "models"}
_PAIRS = {"“": "”", '"': '"', "'": "'", "‘": "’", "«": "»", "「": "」", "『": "』", "《": "》", "`": "`"}
_KEEP_STOP = re.compile(r"^[^0-9]*(?:\.\w|\b(?:[A-Z]|Inc|Ltd|Jr|Sr|Co|Corp|Bros|St|etc))\.$")


def normalise(answer: str) -> str:
    """The canonical form of an answer.

    Args:
        answer: An answer as somebody wrote it, or a span of a document.

    Returns:
        The form that answers are compared and published in; `normalise` of it is itself.
    """
    return _normalised(answer) if len(answer) <= LONGEST else _form(answer)


def _form(answer: str) -> str:
    text = tidy(answer)
    return text if len(text) > LONGEST else _date(text) or _money(text) or _quantity(text) or text


_normalised = lru_cache(maxsize=16384)(_form)  # long texts would fill the memory


def same(a: str, b: str) -> bool:
    """Whether two answers say the same: equal after `normalise`, case and a leading article apart."""
    return fold(a) == fold(b)


def fold(answer: str) -> str:
    """What `same` compares: the canonical form without case, leading article and trailing full stop."""
    return _folded(answer) if len(answer) <= LONGEST else _plain(answer)


def _plain(answer: str) -> str:
    return re.sub(r"^(?:the|an?) (?=\S)", "", normalise(answer).casefold().rstrip("."))


_folded = lru_cache(maxsize=16384)(_plain)


def answer_type(text: str) -> AnswerType:
    """What kind of answer a text is; a name is short and has no sentence in it."""
    form = normalise(text)
    if re.fullmatch(r"[0-9]{4}-[01][0-9](?:-[0-3][0-9])?", form):
        return "date"
    if re.fullmatch(YEAR, form):
        return "year"
    if _BARE.fullmatch(form):
        return "number"
    if _money(form) or _PERCENT.fullmatch(form) or _quantity(form):
        return "measure"
    words = len(form.split()) + sum("\u4e00" <= c <= "\u9fff" for c in form) // 2
    return "name" if form and words <= 8 and not re.search(r"[.!?;] |[。！？；]", form) else "text"


def tidy(text: str) -> str:
    """Spaces folded, NFC, no invisible characters, no surrounding quotes, no closing full stop."""
    text = _GROUP_SPACES.sub(",", _INVISIBLE.sub("", text).replace("\u2212", "-"))
    text = unicodedata.normalize("NFC", " ".join(text.split()))
    while len(text) <= LONGEST and (shorter := _unwrapped(text)) != text:
        text = shorter
    return text


def _unwrapped(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[-1] in ".。" and not _KEEP_STOP.search(text):
        return text[:-1]
    closing = _PAIRS.get(text[:1])
    if closing and len(text) > 2 and text.endswith(closing):
        inner = text[1:-1]
        if closing not in inner and text[0] not in inner and inner.strip():
            return inner
    return text


def _date(text: str) -> str | None:
    for pattern in _DATES:
        if match := pattern.fullmatch(text):
            parts = match.groupdict()
            return _iso(int(parts["y"]), parts.get("m"), parts.get("d"))
    return None


def _iso(year: int, month_text: str | None, day_text: str | None) -> str | None:
    """The ISO form of what was written, as exact as it was written; None when there is no such day."""
    if month_text is None:
        return f"{year:04d}"
    month = _month(month_text)
    if not 1 <= month <= 12 or year < 1:
        return None
    if day_text is None:
        return f"{year:04d}-{month:02d}"
    day = int(re.sub(r"\D", "", day_text))
    return f"{year:04d}-{month:02d}-{day:02d}" if 1 <= day <= monthrange(year, month)[1] else None


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return next(i for i, name in enumerate(MONTHS, 1) if name.startswith(text.lower().rstrip(".")[:3]))


def _money(text: str) -> str | None:
    match = _MONEY.fullmatch(text) or _MONEY_AFTER.fullmatch(text)
    if not match:
        return None
    currency = match["cur"].replace("￥", "¥")
    return f"{match['sign']}{currency}{_grouped(match['num'])}{match['scale'] or ''}"


def _quantity(text: str) -> str | None:
    """A bare number, a percentage or a number with its unit; None when the text is something else."""
    if _BARE.fullmatch(text):
        return text if re.fullmatch(YEAR, text) else _grouped(text)
    if match := _PERCENT.fullmatch(text):
        return f"{_grouped(match['num'])} %"
    match = _MEASURE.fullmatch(text)
    if match and _measures(match["num"], match["gap"], match["unit"]):
        return f"{_grouped(match['num'])} {match['unit']}"
    return None


def _measures(number: str, gap: str, unit: str) -> bool:
    """Whether the second word is a unit of the first: "230V", "1,500 employees"; not "3D", "1984 series"."""
    if not gap and re.fullmatch("[A-Z]", unit):
        return is_unit(unit) and len(number) > 1
    counted = bool(gap) and bool(_PLURAL.fullmatch(unit)) and unit not in _NO_COUNT
    return is_unit(unit) or counted


def _grouped(number: str) -> str:
    """Thousands separated, decimals kept; a number with leading zeros is a code and stays."""
    sign, digits = (number[0], number[1:]) if number[0] in "+-" else ("", number)
    whole, dot, decimals = digits.partition(".")
    plain = whole.replace(",", "")
    if plain.startswith("0") and plain != "0":
        return number
    return f"{sign}{int(plain):,}{dot}{decimals}"

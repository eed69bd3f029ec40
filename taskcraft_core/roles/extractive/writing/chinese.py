"""Chinese sentences that hold one date or measure, and the clause that asks for it."""

from __future__ import annotations

import re

from taskcraft_core.models import Source
from taskcraft_core.roles.extractive.writing.sentences import Asked

MOST_CHARACTERS = 120

_DATE = r"(?:公元前?)?\d{3,4}年(?:\d{1,2}月(?:\d{1,2}日)?)?"
_UNIT = r"(?:平方公里|平方千米|平方米|公里|千米|厘米|毫米|公斤|千克|立方米|亿立方米|米|吨|年|天|小时|摄氏度|℃|%)"
_MEASURE = rf"\d[\d,]*(?:\.\d+)?(?:万|亿)?{_UNIT}"
_PRONOUN = re.compile(r"它|他|她|这|那|其|此|该|我|你|约|左右|大约|多米|余|近|超过|以上")
_SUBJECT = r"(?P<subject>[^，。；：、（）“”0-9]{2,14})"
_DONE = r"(?P<rest>(?:建成|通车|完工|开工|竣工|正式通车|被列入[^，。；0-9]{2,14}))"
_SIZE = r"(?P<rest>全长|高|长|宽|深|面积|海拔|总长|跨度|周长|最大水深|平均水深|主峰海拔)"
_NAME = r"(?P<rest>[^，。；：、（）的0-9]{2,8})"
_WHEN, _HOW_MUCH, _OF = "{subject}是什么时候{rest}的", "{subject}{rest}是多少", "{subject}的{rest}是多少"
_TURNS: tuple[tuple[re.Pattern[str], str, Source], ...] = (
    (re.compile(rf"{_SUBJECT}(?:于|在)(?P<answer>{_DATE})(?P<rest>[^，。；0-9]{{2,14}})"), _WHEN, "date"),
    (re.compile(rf"(?P<answer>{_DATE})，{_SUBJECT}{_DONE}"), _WHEN, "date"),
    (re.compile(rf"{_SUBJECT}{_SIZE}(?:为|是|达)?(?P<answer>{_MEASURE})"), _HOW_MUCH, "measure"),
    (re.compile(rf"{_SUBJECT}的{_NAME}(?:为|是|达)(?P<answer>{_MEASURE})"), _OF, "measure"),
)


def sentences_zh(text: str) -> list[str]:
    """The sentences of a Chinese passage, each with its full stop."""
    return [part.strip() for part in re.split(r"(?<=[。！？])", text) if part.endswith(("。", "！", "？"))]


def ask_sentence_zh(sentence: str) -> Asked | None:
    """The one question that a Chinese sentence answers, or None where its words do not give one."""
    if len(sentence) > MOST_CHARACTERS:
        return None
    body = sentence.rstrip("。")
    if not sentence.endswith("。") or _PRONOUN.search(body) or len(re.findall(r"\d+", body)) > 4:
        return None
    for pattern, form, source in _TURNS:
        match = pattern.fullmatch(body)
        if match and body.count(match["answer"]) == 1:
            return Asked(match["answer"], form.format(**match.groupdict()), source)
    return None

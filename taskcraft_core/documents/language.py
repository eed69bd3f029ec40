"""Which language a document is in: the script first, then what it declares, checked by detection."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile(r"[\u3040-\u30ff]")
_HANGUL = re.compile(r"[\uac00-\ud7af]")
_LETTER = re.compile(r"[^\W\d_]")
_SURE = 0.9
_COMMON = (
    "ar bg bn ca cs da de el en es et fa fi fr he hi hr hu id it ja ko lt lv ms nl no pl pt ro ru sk sl sr sv sw ta th"
    " tr uk ur vi zh"
)
"""Rare languages are mostly mistakes on names and code."""

_ENOUGH_LETTERS = 120


def language_of(text: str, declared: str = "") -> str:
    """A two-letter code such as `en` or `zh`.

    Args:
        text: The document's text; its beginning is enough.
        declared: What the document says of itself (`en-GB`), or "".

    Returns:
        The script's language where the script decides; else the detected one if detection is sure, else the
        declared one, else English.
    """
    sample = text[:6000]
    letters = len(_LETTER.findall(sample))
    if scripted := script_language(sample, letters):
        return scripted
    code = re.split(r"[-_]", declared.strip().lower())[0]
    code = code if re.fullmatch(r"[a-z]{2,3}", code) and code != "zh" else ""
    if letters < _ENOUGH_LETTERS and (code or sample.isascii()):
        return code or "en"
    detected, sure = identified(sample)
    return detected if sure >= _SURE else code or (detected if not sample.isascii() else "en")


def script_language(sample: str, letters: int) -> str:
    """The language that the script alone decides (zh, ja or ko), else "".

    Names and figures in Latin letters are common in Chinese text, so a quarter of the letters is enough.
    """
    han, kana, hangul = (len(p.findall(sample)) for p in (_HAN, _KANA, _HANGUL))
    if (han + kana + hangul) * 4 < max(letters, 1):
        return ""
    if hangul > han + kana:
        return "ko"
    return "ja" if kana * 8 > han else "zh"


def identified(sample: str) -> tuple[str, float]:
    """The likeliest language of a text, and how likely it is (0 to 1)."""
    language, probability = _identifier().classify(sample)
    return str(language), float(probability)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_COMMON.split())
    return identifier

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taskcraft_core.roles.extractive.normalise import answer_type, normalise, same


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("15 January 1999", "1999-01-15"),
        ("January 15, 1999", "1999-01-15"),
        ("Jan. 15, 1999", "1999-01-15"),
        ("Friday, 15th of January 1999", "1999-01-15"),
        ("1999年1月15日", "1999-01-15"),
        ("1999 年 1 月 15 日", "1999-01-15"),
        ("1999/1/5", "1999-01-05"),
        ("1999-01-15", "1999-01-15"),
        ("January 1999", "1999-01"),
        ("1999年1月", "1999-01"),
        ("1999年", "1999"),
        ("1999", "1999"),
        ("31 February 1999", "31 February 1999"),
        ("3045", "3,045"),
        ("3,045", "3,045"),
        ("3\u202f045", "3,045"),
        ("12345.678", "12,345.678"),
        ("0.50", "0.50"),
        ("007", "007"),
        ("\u221212", "-12"),
        ("1,999", "1,999"),
        ("$1000", "$1,000"),
        ("$ 1,000", "$1,000"),
        ("1000€", "€1,000"),
        ("US$2.5 million", "US$2.5 million"),
        ("8%", "8 %"),
        ("8 percent", "8 %"),
        ("3045m", "3,045 m"),
        ("1560.8 km", "1,560.8 km"),
        ("1,560.8\u00a0km", "1,560.8 km"),
        ("230V", "230 V"),
        ("1500 m", "1,500 m"),
        ("1500 employees", "1,500 employees"),
        ("8.9 g/cm³", "8.9 g/cm³"),
        ("3045米", "3,045 米"),
        ("120平方公里", "120 平方公里"),
        ("3D", "3D"),
        ("1984 series", "1984 series"),
        ("  Galileo\n Galilei. ", "Galileo Galilei"),
        ("“Io”", "Io"),
        ("《红楼梦》", "红楼梦"),
        ('"A" and "B"', '"A" and "B"'),
        ("Washington, D.C.", "Washington, D.C."),
        ("3,911 m.", "3,911 m"),
        ("Harry S.", "Harry S."),
        ("Apple Inc.", "Apple Inc."),
        ("json.dumps", "json.dumps"),
        ("e\u0301tude", "étude"),
        ("2nd", "2nd"),
        ("", ""),
    ],
)
def test_canonical_forms(written: str, canonical: str) -> None:
    assert normalise(written) == canonical
    assert normalise(canonical) == canonical


NEAR_MISSES = "0123456789,.-−+ %$€mkKV年月日个“”\"'《》.。Jan/a\u00a0\u202f"


@given(st.one_of(st.text(), st.text(alphabet=NEAR_MISSES, max_size=14)))
@example("''.'")
@example("1,000€.")
def test_normalise_is_idempotent(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(st.dates())
def test_dates_meet_in_one_form(day) -> None:  # type: ignore[no-untyped-def]
    if day.year >= 1000:
        iso = day.isoformat()
        assert normalise(f"{day.day} {day:%B} {day.year}") == iso
        assert normalise(f"{day:%B} {day.day}, {day.year}") == iso
        assert normalise(f"{day.year}年{day.month}月{day.day}日") == iso


def test_same_forgives_case_article_and_stop() -> None:
    assert same("The Moon", "moon")
    assert same("Apple Inc.", "Apple Inc")
    assert same("15 January 1999", "1999-01-15")
    assert not same("Io", "Europa")
    assert not same("3,045", "3,045 m")
    assert not same("", "Io")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1999-01-15", "date"),
        ("January 1999", "date"),
        ("1999", "year"),
        ("3,045", "number"),
        ("-0.5", "number"),
        ("3,045 m", "measure"),
        ("8 %", "measure"),
        ("$1,000", "measure"),
        ("Galileo Galilei", "name"),
        ("json.dumps", "name"),
        ("伽利略", "name"),
        ("It was found in 1610. Nobody knows by whom it was named before.", "text"),
        ("", "text"),
    ],
)
def test_answer_types(text: str, kind: str) -> None:
    assert answer_type(text) == kind

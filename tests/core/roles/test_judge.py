import pytest

from taskcraft_core.roles.extractive.judge import ExtractiveJudge

ONE = "According to the page “A”, what is the mass?"
TWO = "According to the page “A”, what are the mass and the area, in that order?"


@pytest.mark.parametrize(
    ("golden", "candidates", "score"),
    [
        ("Io", ["Io"], 2),
        ("Io", ["io", "“Io”"], 2),
        ("1999-01-15", ["15 January 1999"], 2),
        ("The Moon", ["Moon"], 2),
        ("Io", ["Io", "Europa"], 1),
        ("Io", ["the moon Io (Jupiter I)"], 1),
        ("12", ["12 spans"], 1),
        ("西湖", ["杭州西湖"], 1),
        ("Io", ["Europa"], 0),
        ("Io", ["Ionian Sea"], 0),
        ("12", ["1,120"], 0),
        ("12", ["12.5"], 0),
        ("12", ["-12"], 0),
        ("12", ["2012-12-01"], 0),
        ("12", ["112 m"], 0),
        ("the moon Io", ["Io"], 0),
        ("Io", [], 0),
        ("Io", ["", " "], 0),
        ("", ["Io"], 0),
    ],
)
async def test_one_part(golden: str, candidates: list[str], score: int) -> None:
    assert await ExtractiveJudge().score(ONE, golden, candidates) == score


@pytest.mark.parametrize(
    ("candidates", "score"),
    [
        (["5 kg; 3 km²"], 2),
        (["5kg; 3 km²"], 2),
        (["5 kg; 3 km²", "5 kg; 9 km²"], 1),
        (["5 kg; about 3 km²"], 1),
        (["3 km²; 5 kg"], 0),
        (["5 kg"], 0),
        (["5 kg; 4 km²"], 0),
        (["5 kg; 3 km²; 1"], 0),
    ],
)
async def test_parts_are_compared_in_order(candidates: list[str], score: int) -> None:
    assert await ExtractiveJudge().score(TWO, "5 kg; 3 km²", candidates) == score

"""Votes: who is asked how often, what counts, and what no judge is needed for."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.errors import ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.votes import score_of, votes_on


class Panel:
    """A judge that casts the votes it is given, by their numbers, and keeps what it was asked."""

    spec = "panel"

    def __init__(self, *votes: int | Exception, panel: int = 3) -> None:
        self.votes, self.panel = votes, panel
        self.asked: list[int] = []

    async def score(self, question: str, golden: str, candidates: Sequence[str], vote: int = 0) -> int:
        self.asked.append(vote)
        cast = self.votes[vote]
        if isinstance(cast, Exception):
            raise cast
        return cast


@pytest.mark.parametrize(
    ("golden", "candidates", "votes"),
    [
        ("Jupiter", ["Jupiter"], (2,)),
        ("Jupiter", ["jupiter", "“Jupiter”", " "], (2,)),
        ("1610-01-08", ["8 January 1610"], (2,)),
        ("5 kg; 1610-01-08", ["5 kg; 8 January 1610"], (2,)),
        ("Jupiter", [], (0,)),
        ("Jupiter", ["", " "], (0,)),
        ("", ["Jupiter"], (0,)),
    ],
)
async def test_what_comparing_decides_asks_nobody(golden: str, candidates: list[str], votes: tuple[int, ...]) -> None:
    judge = Panel()
    assert await votes_on("Which?", golden, candidates, judge) == votes
    assert judge.asked == []


async def test_the_exact_answer_among_others_scores_one_whatever_a_judge_would_say() -> None:
    judge = Panel(0, 0)
    assert await votes_on("Which?", "Jupiter", ["Saturn", "Jupiter"], judge) == (1,)
    assert judge.asked == []


@pytest.mark.parametrize(
    ("golden", "candidates"),
    [
        ("Jupiter", ["the planet Jupiter"]),
        ("5 kg; 3 m", ["3 m; 5 kg"]),
        ("5 kg; 3 m", ["5 kg"]),
    ],
)
async def test_everything_else_is_voted_on(golden: str, candidates: list[str]) -> None:
    judge = Panel(1, 1)
    assert await votes_on("Which?", golden, candidates, judge) == (1, 1)
    assert sorted(judge.asked) == [0, 1]


@pytest.mark.parametrize(
    ("cast", "votes", "score"),
    [
        ((2, 2, 0), (2, 2), 2),
        ((0, 0, 2), (0, 0), 0),
        ((2, 0, 0), (2, 0, 0), 0),
        ((0, 2, 2), (0, 2, 2), 2),
        ((0, 2, 1), (0, 2, 1), 1),
        ((2, 1, 1), (2, 1, 1), 1),
    ],
)
async def test_two_vote_and_a_third_breaks_a_tie(cast: tuple[int, ...], votes: tuple[int, ...], score: int) -> None:
    judge = Panel(*cast)
    found = await votes_on("Which?", "Jupiter", ["Zeus"], judge)
    assert (found, score_of(found)) == (votes, score)
    assert sorted(judge.asked) == list(range(len(votes)))


async def test_a_judge_that_always_says_the_same_is_asked_once() -> None:
    judge = Panel(1, panel=1)
    assert await votes_on("Which?", "Jupiter", ["Zeus"], judge) == (1,)
    assert judge.asked == [0]


@given(st.lists(st.integers(0, 2), min_size=3, max_size=3))
async def test_the_score_is_one_that_was_cast_and_no_outlier(cast: list[int]) -> None:
    votes = await votes_on("Which?", "Jupiter", ["Zeus"], Panel(*cast))
    assert score_of(votes) in votes
    assert score_of(votes) == (cast[0] if cast[0] == cast[1] else sorted(cast)[1])


@pytest.mark.parametrize("at", range(3))
async def test_a_vote_that_is_none_is_never_a_score(at: int) -> None:
    cast: list[int | Exception] = [0, 2, 1]
    cast[at] = ResponseError(Reason.RESPONSE_INVALID, "prose")
    with pytest.raises(ResponseError):
        await votes_on("Which?", "Jupiter", ["Zeus"], Panel(*cast))


@pytest.mark.parametrize(
    ("golden", "candidates"),
    [
        ("1877-08-18", ["1877-08-19"]),
        ("1877-08-18", ["1877"]),
        ("5,712 kg", ["5,655 kg", "5712.5 kg"]),
        ("8 %", ["7 per cent"]),
    ],
)
async def test_another_date_or_number_is_wrong_without_a_judge(golden: str, candidates: list[str]) -> None:
    judge = Panel()
    assert await votes_on("Which?", golden, candidates, judge) == (0,)
    assert judge.asked == []


@pytest.mark.parametrize(
    ("golden", "candidate"),
    [
        ("1877", "1877-08-18"),
        ("12.5 km", "12,500 m"),
        ("3", "three"),
        ("3,045", "3045.0"),
        ("1911", "in 1911"),
        ("Ag", "Au"),
    ],
)
async def test_what_might_say_the_same_is_for_a_judge(golden: str, candidate: str) -> None:
    judge = Panel(2, 2)
    assert await votes_on("Which?", golden, [candidate], judge) == (2, 2)

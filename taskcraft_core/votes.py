"""How an answer is scored: where comparing decides nobody is asked, a judge that may err votes more than once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from decimal import Decimal

from taskcraft_core.roles import Judge
from taskcraft_core.roles.extractive.normalise import answer_type, normalise, same

Votes = tuple[int, ...]
_DATES = ("date", "year")
_VALUES = ("number", "measure")
_VALUE = re.compile(r"(?P<number>[-+]?[0-9][0-9,]*(?:\.[0-9]+)?)(?P<unit>.*)")


async def votes_on(question: str, golden: str, candidates: Sequence[str], judge: Judge) -> Votes:
    """Every vote on candidate answers, in their order.

    Args:
        question: What was asked.
        golden: The golden answer; several parts are joined with "; ".
        candidates: Every answer that was given.
        judge: Is asked once, or twice and, where the two differ, a third time.

    Returns:
        (2,) for an exact match, (1,) for one among other answers, (0,) for no answer or another date or number: none
        of these needs a judge that may err. Else the judge's votes.

    Raises:
        ResponseError: A vote was none.
    """
    given = [candidate for candidate in candidates if candidate.strip()]
    if not given or not golden.strip():
        return (0,)
    if all(exact(golden, candidate) for candidate in given):
        return (2,)
    if judge.panel == 1:
        return (await judge.score(question, golden, given),)
    if any(exact(golden, candidate) for candidate in given):
        return (1,)
    if all(another_value(golden, candidate) for candidate in given):
        return (0,)
    first = await asyncio.gather(
        *(judge.score(question, golden, given, vote=number) for number in range(2)), return_exceptions=True
    )
    # both have ended before either one's error goes on: no call is left behind
    votes = tuple(_vote(one) for one in first)
    return votes if votes[0] == votes[1] else (*votes, await judge.score(question, golden, given, vote=2))


def score_of(votes: Votes) -> int:
    """The vote that counts: the median."""
    return sorted(votes)[len(votes) // 2]


def exact(golden: str, candidate: str) -> bool:
    """Whether a candidate is the golden answer in its canonical form, part by part."""
    wanted, given = golden.split("; "), candidate.split("; ")
    return len(wanted) == len(given) and all(same(one, other) for one, other in zip(wanted, given, strict=True))


def another_value(golden: str, candidate: str) -> bool:
    """Whether a candidate is plainly wrong: another date than the golden one, or another number of the same unit.

    A longer text may hold the right answer, another unit may say the same, and a number may be written out: those
    are for a judge.
    """
    wanted, given = answer_type(golden), answer_type(candidate)
    if wanted in _DATES and given in _DATES:
        # what is more exact than the golden date holds it
        return not normalise(candidate).startswith(normalise(golden))
    if wanted not in _VALUES or given not in _VALUES:
        return False
    one, other = _VALUE.fullmatch(normalise(golden)), _VALUE.fullmatch(normalise(candidate))
    if one is None or other is None or one["unit"].casefold() != other["unit"].casefold():
        return False
    return Decimal(one["number"].replace(",", "")) != Decimal(other["number"].replace(",", ""))


def _vote(outcome: int | BaseException) -> int:
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome

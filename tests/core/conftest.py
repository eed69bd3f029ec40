"""Solvers and judges that do what a test tells them to."""

import pytest

from taskcraft_core.models import Message, Solution, ToolCall


class Double:
    """A solver that answers what it is told, after so many tool calls, and counts how often it is asked."""

    spec = "double"

    def __init__(self, *answers: str, steps: int = 2, guesses: tuple[str, ...] = ()) -> None:
        self.answers, self.steps, self.guesses = answers, steps, guesses
        self.limits: list[int] = []
        self.guessed = 0

    async def solve(self, question: str, tools: object, max_steps: int) -> Solution:
        self.limits.append(max_steps)
        names = ["search", *["read_page"] * self.steps][: self.steps]
        calls = tuple(ToolCall(id=f"c{n}", name=name, arguments="{}") for n, name in enumerate(names))
        return Solution(answers=self.answers, trajectory=(Message(role="assistant", content="", tool_calls=calls),))

    async def guess(self, question: str) -> list[str]:
        self.guessed += 1
        return list(self.guesses)


class Failing(Double):
    """A solver that fails at one of the two things it does."""

    def __init__(self, at: str, error: Exception) -> None:
        super().__init__("Jupiter")
        self.at, self.error = at, error

    async def solve(self, question: str, tools: object, max_steps: int) -> Solution:
        if self.at == "solve":
            raise self.error
        return await super().solve(question, tools, max_steps)

    async def guess(self, question: str) -> list[str]:
        if self.at == "guess":
            raise self.error
        return await super().guess(question)


class Voting:
    """A judge that is a panel, and casts these votes on everything."""

    spec, panel = "voting", 3

    def __init__(self, *votes: int | Exception) -> None:
        self.votes = votes
        self.asked: list[tuple[int, tuple[str, ...]]] = []

    async def score(self, question: str, golden: str, candidates, vote: int = 0) -> int:
        self.asked.append((vote, tuple(candidates)))
        cast = self.votes[vote]
        if isinstance(cast, Exception):
            raise cast
        return cast


@pytest.fixture
def solver_of() -> type[Double]:
    return Double


@pytest.fixture
def failing_at() -> type[Failing]:
    return Failing


@pytest.fixture
def voting() -> type[Voting]:
    return Voting

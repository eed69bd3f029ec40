"""The solver that is a chat model: an agent with the tools, and a guess without them."""

from __future__ import annotations

from taskcraft_core.models import Solution
from taskcraft_core.roles.llm.agent import Agents
from taskcraft_core.roles.llm.answers import Answers
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.structured import ask
from taskcraft_core.tools import Toolbox


class ModelSolver:
    """Solves with a chat model, which sees the question and the tools only.

    Args:
        engine: What model calls go through.
        spec: `openai:<model>…`.
    """

    def __init__(self, engine: Engine, spec: str) -> None:
        self.spec = spec
        self._model = engine.model("solver", spec)
        self._agents = Agents(self._model)

    async def solve(self, question: str, tools: Toolbox, max_steps: int) -> Solution:
        """Every candidate answer that fits, and the trajectory; no answer when the agent runs out of steps.

        Raises:
            ResponseError: The model said something that could not be used, twice.
            TaskCraftError: The service behind the model or a tool failed, or a cap is reached.
        """
        values = {"question": question, "most_steps": str(max_steps)}
        run = await self._agents.run(Answers, "solver_solve", values, tools, max_steps)
        return Solution(answers=_given(run.answer) if run.answer else (), trajectory=run.trajectory)

    async def guess(self, question: str) -> list[str]:
        """What the model knows without tools."""
        return list(_given(await ask(self._model, Answers, "solver_guess", {"question": question})))


def _given(answer: Answers) -> tuple[str, ...]:
    """The answers, each once, blank ones left out."""
    return tuple(dict.fromkeys(text for one in answer.answers if (text := " ".join(one.split()))))

"""A solver that remembers: a solution is carried over for as long as what it read has not changed."""

from __future__ import annotations

from taskcraft_core.fingerprint import STAGE_VERSIONS
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Solution, content_hash
from taskcraft_core.roles import Solver
from taskcraft_core.tools import Toolbox
from taskcraft_core.tools.replay import replay


class CarriedSolver:
    """Solves as another solver does, but takes a journalled solution whose tool calls still give the same.

    Args:
        solver: Who solves what is not in the journal or no longer holds.
        journal: Where solutions are kept; stays open, and is the caller's to close.

    Attributes:
        spec: The other solver's: carrying over does not change what comes out.
        carried: How many solutions were taken from the journal.
        solved: How many were worked out.
    """

    def __init__(self, solver: Solver, journal: SolutionJournal) -> None:
        """Starts with both counts at 0."""
        self.spec = solver.spec
        self.carried = 0
        self.solved = 0
        self._solver = solver
        self._journal = journal

    async def solve(self, question: str, tools: Toolbox, max_steps: int) -> Solution:
        """The journal's solution if its observations are unchanged, else a new one, which is then kept."""
        key = content_hash([self.spec, STAGE_VERSIONS["verify"], question, max_steps])
        kept = self._journal.get(key)
        if kept is not None and await replay(kept.trajectory, tools):
            self.carried += 1
            return kept
        solution = await self._solver.solve(question, tools, max_steps)
        self._journal.put(key, solution)
        self.solved += 1
        return solution

    async def guess(self, question: str) -> list[str]:
        """The other solver's guess; it reads nothing, so there is nothing to carry over."""
        return await self._solver.guess(question)

"""One auxiliary task for several cores at the same time: verified once, and nobody's failure is another's."""

import asyncio
from collections import defaultdict
from dataclasses import replace

import pytest

from taskcraft_core.errors import BudgetExceeded
from taskcraft_core.extension.depth import extend_depth
from taskcraft_core.models import Solution, Task


@pytest.fixture
def pair(world) -> tuple[tuple[Task, Task, Task], tuple[Task, Task, Task]]:
    """Two depth tasks over different cores that stand on one auxiliary task."""
    by_auxiliary = defaultdict(list)
    for made in world.depth:
        by_auxiliary[made[2].task_id].append(made)
    found = [group for group in by_auxiliary.values() if len({core.task_id for _, core, _ in group}) > 1]
    one, other = world.pick([tuple(group[:2]) for group in found], 0)
    return one, other


class Waiting:
    """The world's solver, which waits at one question until it may go on; counts how often it is asked."""

    spec = "waiting"

    def __init__(self, world, question: str) -> None:
        self.world, self.question = world, question
        self.asked, self.reached, self.may_go = 0, asyncio.Event(), asyncio.Event()
        self.error: Exception | None = None

    async def solve(self, question: str, tools: object, max_steps: int) -> Solution:
        if question == self.question:
            self.asked += 1
            self.reached.set()
            await self.may_go.wait()
            if self.error is not None:
                error, self.error = self.error, None
                raise error
        return await self.world.bench.solver.solve(question, tools, max_steps)

    async def guess(self, question: str) -> list[str]:
        return await self.world.bench.solver.guess(question)


async def started(world, acting, pair):
    """Both cores under way: the first waits inside the auxiliary task, the second for the first."""
    solver = Waiting(world, pair[0][2].question)
    shared = replace(world.bench, solver=solver, auxiliaries={})
    works = []
    for task, core, _ in pair:
        author = acting.author(await acting.superset_of(task, core))
        works.append(asyncio.ensure_future(extend_depth(core, replace(shared, author=author), world.config)))
        await solver.reached.wait()
    for _ in range(20):  # nothing but the first one's turn holds the second one up
        await asyncio.sleep(0)
    return solver, *works


async def test_it_is_verified_once(world, acting, pair) -> None:
    solver, *works = await started(world, acting, pair)
    solver.may_go.set()
    for (task, _, auxiliary), (made, _) in zip(pair, await asyncio.gather(*works), strict=True):
        assert [one.task_id for one in made] == [task.task_id, auxiliary.task_id]
    assert solver.asked == 1


async def test_who_is_cancelled_takes_nobody_along(world, acting, pair) -> None:
    solver, first, second = await started(world, acting, pair)
    first.cancel()
    solver.may_go.set()
    made, _ = await second
    assert [one.task_id for one in made] == [pair[1][0].task_id, pair[1][2].task_id]
    assert first.cancelled()
    assert solver.asked == 2


async def test_who_waits_may_be_cancelled(world, acting, pair) -> None:
    solver, first, second = await started(world, acting, pair)
    second.cancel()
    solver.may_go.set()
    made, _ = await first
    assert [one.task_id for one in made] == [pair[0][0].task_id, pair[0][2].task_id]
    assert solver.asked == 1


async def test_an_error_is_not_remembered(world, acting, pair) -> None:
    solver, first, second = await started(world, acting, pair)
    solver.error = BudgetExceeded("--max-usd is reached")
    solver.may_go.set()
    with pytest.raises(BudgetExceeded):
        await first
    made, _ = await second
    assert made
    assert solver.asked == 2

"""What the judge that is rules finds wrong with supersets and merges: nothing in those of the rules."""

from dataclasses import replace

import pytest

from taskcraft_core.models import Task
from taskcraft_core.roles import Superset
from taskcraft_core.roles.extractive.judge import ExtractiveJudge


async def remade(world, acting, number: int) -> tuple[Task, Task, Superset]:
    """A depth task, its core, and the superset it was made with."""
    task, core, _ = world.pick(world.depth, number)
    return task, core, await acting.superset_of(task, core)


@pytest.mark.parametrize("number", range(8))
async def test_what_the_rules_propose_and_merge_has_no_fault(world, acting, number: int) -> None:
    task, core, superset = await remade(world, acting, number)
    assert await ExtractiveJudge().superset_fault(core.identifier, superset) is None
    assert await ExtractiveJudge().merge_fault(task.question, core, superset) is None


@pytest.mark.parametrize("changed", [{"answer": "Zephyria"}, {"identifier": "Zephyria"}])
async def test_an_auxiliary_question_about_something_else_is_a_fault(world, acting, changed: dict[str, str]) -> None:
    _, core, superset = await remade(world, acting, 0)
    wrong = replace(superset, auxiliary=superset.auxiliary.model_copy(update=changed))
    fault = await ExtractiveJudge().superset_fault(core.identifier, wrong)
    assert fault is not None
    assert "Zephyria" in fault


@pytest.mark.parametrize("number", range(4))
async def test_a_merge_that_asks_for_something_else_is_a_fault(world, acting, number: int) -> None:
    task, core, superset = await remade(world, acting, number)
    judge = ExtractiveJudge()
    other = await judge.merge_fault(f"{task.question[:-1]}, and who saw it first?", core, superset)
    assert other is not None
    assert "no longer asks" in other
    nameless = await judge.merge_fault(task.question.replace(task.identifier, "A list"), core, superset)
    assert nameless == f"the question does not name {task.identifier!r}"

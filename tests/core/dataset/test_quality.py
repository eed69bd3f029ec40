"""The audit through Great Expectations: one module, because its import takes seconds."""

from typing import Any

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset import quality
from taskcraft_core.dataset.quality import Quarantined, audit
from taskcraft_core.dataset.rules import RULES
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Reason, Task

CONFIG = BuildConfig()


def reasons(quarantined: list[Quarantined]) -> dict[str, tuple[Reason, str]]:
    return {item.task.task_id: (item.reason, item.rule) for item in quarantined}


def test_valid_candidates_pass_in_the_order_of_their_ids(world: Any) -> None:
    kept, quarantined = audit(world.tasks[::-1], world.texts, CONFIG)
    assert kept == sorted(world.tasks, key=lambda task: task.task_id)
    assert quarantined == []


def test_nothing_to_audit_is_fine(world: Any) -> None:
    assert audit([], world.texts, CONFIG) == ([], [])


def test_what_was_built_on_a_failing_row_leaves_with_it(world: Any) -> None:
    deeper = world.depth("A list names a moon. Which is it, and so on?", world.chain, world.moon, "volcanoes")
    guessed = world.radius.model_copy(update={"no_tools_score": 2})
    tasks = [guessed, world.moon, world.seen, world.chain, world.pair, deeper]

    kept, quarantined = audit(tasks, world.texts, CONFIG)

    assert {task.task_id for task in kept} == {world.moon.task_id, world.seen.task_id}
    left = (Reason.PARENT_LEFT, "parent_left")
    assert reasons(quarantined) == {
        guessed.task_id: (Reason.EXPECTATION, "no_tools_score"),
        world.chain.task_id: left,
        world.pair.task_id: left,
        deeper.task_id: left,
    }
    rejections = [item.rejection for item in quarantined]
    assert {rejection.stage for rejection in rejections} == {"audit"}
    assert all(rejection.detail.endswith(".") and rejection.item for rejection in rejections)


PLAIN: dict[str, tuple[dict[str, Any], BuildConfig]] = {
    "language": ({"language": "fr"}, CONFIG),
    "question_mark": ({"question": "Name the day on which Callisto was discovered."}, CONFIG),
    "agent_score": ({"agent_score": 0}, CONFIG),
    "id_hex": ({"task_id": "Z" * 64}, CONFIG),
    "no_tools_score": ({"no_tools_score": 1}, CONFIG),
}


@pytest.mark.parametrize("rule", PLAIN)
def test_each_plain_rule_names_itself(world: Any, rule: str) -> None:
    changes, config = PLAIN[rule]
    bad = world.changed(world.seen, **changes)
    bad = bad.model_copy(update={"task_id": changes.get("task_id", bad.task_id)})
    kept, quarantined = audit([bad, world.moon], world.texts, config)
    assert kept == [world.moon]
    assert reasons(quarantined) == {bad.task_id: (Reason.EXPECTATION, rule)}


def test_chains_and_widths_beyond_the_configuration_leave(world: Any) -> None:
    kept, quarantined = audit(world.tasks, world.texts, BuildConfig(max_hops=1, max_width=1))
    assert len(kept) == 3
    assert reasons(quarantined) == {
        world.chain.task_id: (Reason.EXPECTATION, "hops"),
        world.pair.task_id: (Reason.EXPECTATION, "width"),
    }


def test_a_rule_over_lists_is_an_expectation_too(world: Any) -> None:
    _, quarantined = audit([world.seen], world.texts.without("callisto.html"), CONFIG)
    assert reasons(quarantined) == {world.seen.task_id: (Reason.EXPECTATION, "quote_in_document")}
    assert "Every quote stands in its document" in quarantined[0].detail


def test_one_id_is_one_row_whatever_the_order(world: Any) -> None:
    retold = world.seen.model_copy(update={"judge_votes": (2,)})
    one, _ = audit([world.seen, retold], world.texts, CONFIG)
    other, _ = audit([retold, world.seen, retold], world.texts, CONFIG)
    assert one == other
    assert len(one) == 1


def test_only_composed_tasks_leave_no_scores_to_check(world: Any) -> None:
    """A column of nulls alone is no reason to fail; the missing parents are."""
    _, quarantined = audit([world.chain, world.pair], world.texts, CONFIG)
    assert {rule for _, rule in reasons(quarantined).values()} == {"parents_resolve"}


def test_a_rule_that_cannot_be_run_stops_the_audit(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = quality.frame

    def lacking(tasks: Any, among: Any) -> Any:
        return whole(tasks, among).drop(columns=["language"])

    def untyped(tasks: Any, among: Any) -> Any:
        return whole(tasks, among).assign(hops=[["one"]] * len(tasks))

    monkeypatch.setattr(quality, "frame", lacking)
    with pytest.raises(TaskCraftError, match="rule columns could not be run"):
        audit([world.seen], world.texts, CONFIG)
    monkeypatch.setattr(quality, "frame", untyped)
    with pytest.raises(TaskCraftError, match="rule hops could not be run"):
        audit([world.seen], world.texts, CONFIG)


def test_the_suite_has_an_expectation_for_every_rule_and_says_what_it_expects() -> None:
    expectations = quality.suite(CONFIG)
    names = [expectation.meta["rule"] for expectation in expectations]
    assert len(names) == len(set(names)) >= 15
    assert set(RULES) < set(names)
    assert all(expectation.description.endswith(".") for expectation in expectations)


def test_many_rows_are_audited_in_one_run(world: Any) -> None:
    many: list[Task] = [
        world.changed(world.seen, question=f"When was Callisto, in catalogue X{n}, discovered?") for n in range(2000)
    ]
    bad = world.changed(many[0], language="fr")
    kept, quarantined = audit([bad, *many[1:]], world.texts, CONFIG)
    assert (len(kept), len(quarantined)) == (1999, 1)

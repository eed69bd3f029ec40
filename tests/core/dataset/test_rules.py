"""Each rule, by a task that breaks it and no other."""

from collections.abc import Callable
from typing import Any

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.candidates import gather
from taskcraft_core.dataset.rules import RULES, mentions
from taskcraft_core.models import Message, Task, ToolCall

CONFIG = BuildConfig()


def broken(tasks: list[Task], world: Any, config: BuildConfig = CONFIG) -> dict[str, set[str]]:
    """The ids that break a rule, by rule."""
    among = gather(tasks, world.texts, config)
    found = {name: {t.task_id for t in tasks if not rule(t, among)} for name, rule in RULES.items()}
    return {name: ids for name, ids in found.items() if ids}


def test_valid_tasks_break_no_rule(world: Any) -> None:
    assert broken(world.tasks, world) == {}


def evidence_with(task: Task, **changes: Any) -> dict[str, Any]:
    return {"evidence": (task.evidence[0].model_copy(update=changes), *task.evidence[1:])}


def calls_with(task: Task, **changes: Any) -> dict[str, Any]:
    call = task.trajectory[1].tool_calls[0].model_copy(update=changes)
    message = task.trajectory[1].model_copy(update={"tool_calls": (call,)})
    return {"trajectory": (task.trajectory[0], message, *task.trajectory[2:])}


CASES: dict[str, tuple[str, Callable[[Task], dict[str, Any]]]] = {
    "answer_joins_answers": ("radius", lambda task: {"answer": "1,821.6 miles"}),
    "question_hides_answer": ("radius", lambda task: {"question": "Is the radius of Io 1,821.6 km?"}),
    "span_in_quote": ("radius", lambda task: evidence_with(task, answer_span="1821.6 km")),
    "quote_in_document": ("radius", lambda task: evidence_with(task, quote="The radius is 1,821.6 km")),
    "tools_read_evidence": ("radius", lambda task: {"tools": ("page", "pdf")}),
    "arguments_parse": ("radius", lambda task: calls_with(task, arguments="io.html")),
    "calls_answered": ("radius", lambda task: calls_with(task, id="call_9")),
    "accepted": ("radius", lambda task: {"no_tools_score": 1}),
    "steps_counted": ("radius", lambda task: {"agent_steps": 2}),
    "parents_resolve": ("pair", lambda task: {"parent_ids": (task.parent_ids[0], "0" * 64)}),
}


@pytest.mark.parametrize("rule", CASES)
def test_a_spoiled_task_breaks_its_rule_only(world: Any, rule: str) -> None:
    name, spoil = CASES[rule]
    task = getattr(world, name)
    bad = world.changed(task, **spoil(task))
    others = [other for other in world.tasks if task.task_id not in (other.task_id, *other.parent_ids)]
    assert broken([*others, bad], world) == {rule: {bad.task_id}}


DEPTH_AND_WIDTH: dict[str, tuple[str, dict[str, Any]]] = {
    "hops not counted": ("chain", {"hops": 3}),
    "no selector": ("chain", {"selector": None}),
    "core's identifier kept": ("chain", {"identifier": "Io"}),
    "an answer lost": ("pair", {"answers": ("1,821.6 km",), "answer": "1,821.6 km"}),
    "answers in another order": (
        "pair",
        {"answers": ("1610-01-07", "1,821.6 km"), "answer": "1610-01-07; 1,821.6 km"},
    ),
    "width not counted": ("pair", {"width": 3}),
    "an atomic task with hops": ("seen", {"hops": 2}),
}


@pytest.mark.parametrize("case", DEPTH_AND_WIDTH)
def test_what_does_not_follow_from_the_parents_is_seen(world: Any, case: str) -> None:
    name, changes = DEPTH_AND_WIDTH[case]
    task = getattr(world, name)
    bad = world.changed(task, **changes)
    others = [other for other in world.tasks if task.task_id not in (other.task_id, *other.parent_ids)]
    assert broken([*others, bad], world) == {"follows_from_parents": {bad.task_id}}


@pytest.mark.parametrize("kind", ["row", "item", "sentence"])
def test_a_relation_that_the_auxiliary_does_not_tell_of_is_seen(world: Any, kind: str) -> None:
    told = world.changed(world.chain, selector=world.chain.selector.model_copy(update={"kind": kind}))
    others = [other for other in world.tasks if world.chain.task_id not in (other.task_id, *other.parent_ids)]
    assert broken([*others, told], world) == {}
    elsewhere = told.selector.model_copy(update={"document_id": told.evidence[1].document_id})
    lost = world.changed(told, selector=elsewhere)
    assert broken([*others, lost], world) == {"follows_from_parents": {lost.task_id}}


def test_evidence_of_another_order_or_of_nobody_is_seen(world: Any) -> None:
    swapped = world.changed(world.chain, evidence=world.chain.evidence[::-1])
    assert broken([*world.tasks[:3], swapped], world) == {"follows_from_parents": {swapped.task_id}}
    bare = world.changed(world.radius, evidence=(), tools=())
    assert set(broken([bare], world)) == {"evidence_given", "follows_from_parents"}


def test_an_id_that_is_no_content_hash_is_seen(world: Any) -> None:
    forged = world.seen.model_copy(update={"task_id": "a" * 64})
    assert broken([forged], world) == {"id_is_content_hash": {"a" * 64}}


def test_a_question_with_two_answers_is_seen_on_both_sides(world: Any) -> None:
    rival = world.changed(world.seen, answer="1610", answers=("1610",), **evidence_with(world.seen, answer_span="1610"))
    ids = {rival.task_id, world.seen.task_id}
    assert broken([world.seen, rival], world) == {"question_has_one_answer": ids}


def test_a_document_that_is_gone_takes_its_quotes_along(world: Any) -> None:
    among = gather([world.seen, world.radius], world.texts.without("callisto.html"), CONFIG)
    rule = RULES["quote_in_document"]
    assert (rule(world.seen, among), rule(world.radius, among)) == (False, True)


def test_steps_beyond_the_limit_are_seen(world: Any) -> None:
    def hop(number: int) -> tuple[Message, Message]:
        call = ToolCall(id=f"s{number}", name="search", arguments="{}")
        answer = Message(role="tool", content="", tool_call_id=f"s{number}", name="search")
        return Message(role="assistant", content="", tool_calls=(call,)), answer

    searching = tuple(message for number in range(3) for message in hop(number))
    tired = world.changed(world.seen, trajectory=searching + world.seen.trajectory, agent_steps=4)
    assert broken([tired], world) == {"steps_within_limit": {tired.task_id}}
    assert broken([tired], world, BuildConfig(max_steps=4)) == {}
    auxiliary = world.changed(world.moon, trajectory=searching + world.moon.trajectory, agent_steps=4)
    chain = world.depth(world.chain.question, world.radius, auxiliary, "volcanoes")
    assert broken([world.radius, auxiliary, chain], world) == {}


def test_acceptance_of_the_paper_wants_the_agent_ahead(world: Any) -> None:
    paper = BuildConfig(acceptance="paper")
    ahead = world.changed(world.seen, no_tools_score=1, agent_score=2)
    level = world.changed(world.seen, no_tools_score=1, agent_score=1)
    assert broken([ahead], world, paper) == {}
    assert broken([level], world, paper) == {"accepted": {level.task_id}}


@pytest.mark.parametrize(
    ("text", "phrase", "expected"),
    [
        ("How many moons has Mars, 2 or more?", "2", True),
        ("How far is it to P12 at 2.5 times the speed?", "2", False),
        ("Who saw IO first?", "Io", True),
        ("Which ion is it?", "Io", False),
        ("1950年发射的火箭叫什么？", "1950", True),
        ("哪座火山在木卫一上？", "木卫一", True),
        ("Is it 8 % of the mass?", "8 %", True),
    ],
)
def test_a_mention_is_of_whole_words(text: str, phrase: str, expected: bool) -> None:
    assert mentions(text, phrase) is expected

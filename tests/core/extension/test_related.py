"""Which tasks go together, over any themes: a task more or less changes the groups of its neighbours only."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from taskcraft_core.config import BuildConfig
from taskcraft_core.extension.related import groups, near_duplicates
from taskcraft_core.models import Evidence, Task

MOST_CHANGED = 20
"""Groups, gone and new ones counted; a task stands in one of its theme, and its neighbours in as many."""
Group = tuple[str, ...]


def task(number: int, revision: int = 0, answers: int = 1_000) -> Task:
    """A task of one theme: each is about a document of its own."""
    answer = f"{number * 7919 % answers} m"
    evidence = Evidence(
        document_id=f"d{number}.{revision}", uri=f"mills/{number}.html", media_type="text/html",
        quote=f"Size: {answer}", answer_span=answer, place="b0",
    )  # fmt: skip
    return Task(
        task_id=f"t{number}.{revision}", kind="atomic", question=f"What is the size of mill {number}?", answer=answer,
        answers=(answer,), hops=1, width=1, tools=("page",), identifier=f"Mill {number}", relation="size",
        selector=None, language="en", parent_ids=(), evidence=(evidence,), trajectory=(), trajectory_kind="solved",
        agent_score=2, no_tools_score=0, agent_steps=2, judge_votes=(2,), checks=(),
    )  # fmt: skip


def ids(tasks: list[Task], width: int) -> set[Group]:
    return {tuple(one.task_id for one in group) for group in groups(tasks, BuildConfig(max_width=width))}


THEMES = st.sets(st.integers(0, 100_000), min_size=2, max_size=250)
WIDTHS = st.sampled_from([2, 3])


@given(THEMES, WIDTHS, st.integers(0, 100_000), st.sampled_from([3, 20, 1_000_003]))
@settings(max_examples=80, deadline=None)
def test_one_task_more_or_less_changes_few_groups(numbers: set[int], width: int, number: int, answers: int) -> None:
    without = [task(one, answers=answers) for one in sorted(numbers - {number})]
    with_it = [*without, task(number, answers=answers)]
    changed = ids(without, width) ^ ids(with_it, width)
    assert len(changed) <= MOST_CHANGED, f"{len(changed)} of {len(ids(with_it, width))}"


@given(THEMES, WIDTHS, st.data())
@settings(max_examples=50, deadline=None)
def test_a_changed_document_changes_the_group_of_its_task_alone(
    numbers: set[int], width: int, data: st.DataObject
) -> None:
    changed = data.draw(st.sampled_from(sorted(numbers)))
    before = ids([task(one, answers=1_000_003) for one in numbers], width)
    after = ids([task(one, int(one == changed), 1_000_003) for one in numbers], width)
    gone, new = before - after, after - before
    assert all(f"t{changed}.0" in group for group in gone) and all(f"t{changed}.1" in group for group in new)
    assert len(gone) == len(new) <= 1


@given(THEMES, WIDTHS, st.sampled_from([2, 20, 1_000_003]))
@settings(max_examples=50, deadline=None)
def test_groups_use_most_of_a_theme_and_each_task_once(numbers: set[int], width: int, answers: int) -> None:
    tasks = [task(one, answers=answers) for one in numbers]
    found = groups(tasks, BuildConfig(max_width=width))
    used = Counter(one.task_id for group in found for one in group)
    assert all(count == 1 for count in used.values())
    assert all(2 <= len(group) <= width for group in found)
    assert not any(near_duplicates(a, b) for group in found for n, a in enumerate(group) for b in group[:n])
    if answers > 1_000:
        assert len(tasks) - len(used) <= 1 + len(tasks) // 5

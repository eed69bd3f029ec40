"""Which tasks a width task is made of: groups that stay as they are when tasks elsewhere come, go or change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Task, content_hash
from taskcraft_core.roles.extractive.normalise import same

ROUNDS = 2
"""How often those that found no partner among their neighbours look for one."""


def groups(tasks: Sequence[Task], config: BuildConfig) -> list[tuple[Task, ...]]:
    """Puts atomic tasks together that are related: the same relation of related documents, or one document's facts.

    A task more or less changes the groups of its neighbours in the order of `_mixed` only, so that a build after a
    small change of the documents makes few merges anew.

    Args:
        tasks: Verified tasks; only the atomic ones are used, each at most once for either kind of relation.
        config: The most parts of a group.

    Returns:
        Groups of 2 to `max_width` tasks, in an order that depends on the tasks alone.
    """
    if config.max_width < 2:
        return []
    atomic = [task for task in tasks if task.kind == "atomic"]
    by_theme: defaultdict[tuple[str, ...], list[Task]] = defaultdict(list)
    by_block: defaultdict[tuple[str, ...], list[Task]] = defaultdict(list)
    for task in atomic:
        evidence = task.evidence[0]
        folder = evidence.uri.rpartition("/")[0]
        by_theme[(task.language, *task.tools, folder, task.relation.casefold())].append(task)
        block, dot, _ = evidence.place.partition(".r")
        if dot:  # the facts of one box, one table, one chart
            by_block[(task.language, *task.tools, evidence.document_id, block)].append(task)
    themes = [theme for by in (by_theme, by_block) for _, theme in sorted(by.items())]
    return [group for theme in themes for group in _cut(theme, config.max_width)]


def _mixed(task: Task) -> str:
    """256 bits that have nothing to do with the order of the documents: neighbours by them are no neighbours there.

    By the question, which stays the same when another part of its document changes; the task's id does not.
    """
    return f"{int(content_hash(['width', task.question]), 16):0256b}"


def _cut(theme: Sequence[Task], width: int) -> list[tuple[Task, ...]]:
    """Groups of different documents and different answers."""
    found: list[tuple[Task, ...]] = []
    rest = sorted(((_mixed(task), task) for task in theme), key=lambda one: (one[0], one[1].task_id))
    for _ in range(ROUNDS):
        made = [group for few in _neighbours(rest, width) for group in _grouped(few, width)]
        found += made
        taken = {task.task_id for group in made for task in group}
        rest = [one for one in rest if one[1].task_id not in taken]
    return found


def _neighbours(tasks: list[tuple[str, Task]], width: int, bit: int = 0) -> Iterator[list[Task]]:
    """Splits tasks, sorted by their bits, until few enough are together to be one group or two.

    Whether a task stands here or there depends on its own bits, unless it would be alone.
    """
    while len(tasks) >= 2 * width and bit < len(tasks[0][0]):
        zeros = [one for one in tasks if one[0][bit] == "0"]
        ones = [one for one in tasks if one[0][bit] == "1"]
        bit += 1
        if min(len(zeros), len(ones)) >= 2:
            yield from _neighbours(zeros, width, bit)
            tasks = ones
    yield [task for _, task in tasks]


def _grouped(few: Sequence[Task], width: int) -> Iterator[tuple[Task, ...]]:
    """Groups of neighbours that differ; whoever is left over is not in any."""
    rest = list(few)
    while len(rest) >= 2:
        group = _differing(rest, width)
        if len(group) < 2:
            return
        yield tuple(group)
        rest = [task for task in rest if task not in group]


def _differing(members: Iterable[Task], size: int) -> list[Task]:
    group: list[Task] = []
    for task in members:
        if len(group) < size and not any(near_duplicates(task, other) for other in group):
            group.append(task)
    return group


def near_duplicates(one: Task, other: Task) -> bool:
    """Whether two tasks would ask for nearly the same: one question, one quote for one answer, or one answer."""
    same_fact = one.evidence[0].quote == other.evidence[0].quote and one.evidence[0].place == other.evidence[0].place
    return one.question == other.question or same(one.answer, other.answer) or same_fact

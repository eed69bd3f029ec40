"""What the kind of a task and its parents make of its columns (the table in docs: atomic, depth, width)."""

from __future__ import annotations

from collections.abc import Sequence

from taskcraft_core.dataset.candidates import Candidates
from taskcraft_core.models import Task


def parents_resolve(task: Task, among: Candidates) -> bool:
    """Every parent is a candidate too, and not the task itself."""
    return task.task_id not in task.parent_ids and all(i in among.tasks for i in task.parent_ids)


def follows_from_parents(task: Task, among: Candidates) -> bool:
    """Answer, hops, width, identifier, selector and evidence are what the kind and the parents make them."""
    if not parents_resolve(task, among):
        return True  # that is the finding of its own rule
    parents = [among.tasks[parent_id] for parent_id in task.parent_ids]
    match task.kind:
        case "atomic":
            return _is_atomic(task)
        case "depth":
            return len(parents) == 2 and _is_depth(task, *parents)
        case "width":
            return len(parents) >= 2 and _is_width(task, parents)


def _is_atomic(task: Task) -> bool:
    shape = (len(task.parent_ids), task.hops, task.width, len(task.answers), len(task.evidence))
    return shape == (0, 1, 1, 1, 1) and task.selector is None and task.trajectory_kind == "solved"


def _is_depth(task: Task, core: Task, auxiliary: Task) -> bool:
    return (
        auxiliary.kind == "atomic"
        and task.answers == core.answers
        and (task.hops, task.width) == (core.hops + 1, 1)
        and task.identifier == auxiliary.identifier
        and task.evidence == auxiliary.evidence + core.evidence
        and task.selector is not None
        # what a figure is called stands in the figure, and not in the page that shows it
        and (task.selector.kind == "figure" or task.selector.document_id == auxiliary.evidence[0].document_id)
    )


def _is_width(task: Task, parts: Sequence[Task]) -> bool:
    return (
        len(set(task.parent_ids)) == len(parts) == task.width
        and task.answers == tuple(answer for part in parts for answer in part.answers)
        and task.hops == max(part.hops for part in parts)
        and task.selector is None
        and set(task.evidence) == {evidence for part in parts for evidence in part.evidence}
    )

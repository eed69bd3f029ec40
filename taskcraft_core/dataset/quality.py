"""The audit: what the suite finds wrong leaves, and so does what was built on it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.candidates import Candidates, Texts, gather
from taskcraft_core.dataset.cascade import drop_with_descendants
from taskcraft_core.dataset.rows import row_hash
from taskcraft_core.dataset.suite import frame, suite, validate
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Reason, Record, Rejection, Task


class Quarantined(Record):
    """A row that left, the rule that it broke (or the parent that it lost), and one sentence about it."""

    task: Task
    reason: Reason
    rule: str
    detail: str

    @property
    def rejection(self) -> Rejection:
        """The same as a rejection of the audit stage."""
        document_id = self.task.evidence[0].document_id if self.task.evidence else None
        return Rejection(
            stage="audit",
            reason=self.reason,
            item=self.task.task_id,
            detail=self.detail,
            document_id=document_id,
        )


def audit(tasks: Sequence[Task], texts: Texts, config: BuildConfig) -> tuple[list[Task], list[Quarantined]]:
    """Checks all candidate rows of a build.

    Args:
        tasks: The candidates, parents included; of several with one id, one is kept.
        texts: The documents that the evidence quotes; a `Corpus`.
        config: What the build allows: hops, width, steps, acceptance.

    Returns:
        The rows that may be published, and those that may not, both sorted by id. A row that breaks several
        rules is there once, with the first of them; what was built on a row that leaves, leaves too.

    Raises:
        TaskCraftError: A rule could not be run.
    """
    by_id = groupby(sorted(tasks, key=_id_of), key=_id_of)
    ordered = [min(same, key=row_hash) if len(same) > 1 else same[0] for same in (list(some) for _, some in by_id)]
    if not ordered:
        return [], []
    broken = _broken(ordered, gather(ordered, texts, config))
    parents = {task.task_id: task.parent_ids for task in ordered}
    orphaned = drop_with_descendants(parents, broken.keys())
    kept = [task for task in ordered if task.task_id not in broken and task.task_id not in orphaned]
    return kept, [*_quarantine(ordered, broken, orphaned)]


def _id_of(task: Task) -> str:
    return task.task_id


def _quarantine(
    tasks: Sequence[Task], broken: Mapping[str, tuple[str, str]], orphaned: Mapping[str, str]
) -> Iterator[Quarantined]:
    for task in tasks:
        if task.task_id in broken:
            rule, expected = broken[task.task_id]
            detail = f"The row breaks the rule {rule}: {expected}"
            yield Quarantined(task=task, reason=Reason.EXPECTATION, rule=rule, detail=detail)
        elif task.task_id in orphaned:
            detail = f"The row is built on {orphaned[task.task_id]}, which left."
            yield Quarantined(task=task, reason=Reason.PARENT_LEFT, rule="parent_left", detail=detail)


def _broken(tasks: Sequence[Task], among: Candidates) -> dict[str, tuple[str, str]]:
    """For each row that breaks a rule: the first rule that it breaks, and what that rule expects."""
    broken: dict[str, tuple[str, str]] = {}
    for result in validate(frame(tasks, among), suite(among.config)):
        expected = result.expectation_config
        rule, description = expected.meta["rule"], expected.description
        for row in _failing(rule, result):
            broken.setdefault(tasks[row].task_id, (rule, description))
    return broken


def _failing(rule: str, result: Any) -> list[int]:
    """The failing rows of one validation result; a rule that says nothing about rows could not be run."""
    if result.success:
        return []
    indices = (result.result or {}).get("unexpected_index_list")
    if not indices:
        raise TaskCraftError(f"The audit rule {rule} could not be run: {_cause(result.exception_info)}.")
    return [int(index["_row"]) for index in indices]


def _cause(exception_info: Any) -> str:
    text = re.search(r"'exception_message': (['\"])(.+?)\1", str(exception_info))
    return text.group(2).rstrip(".") if text else "it names no failing rows"

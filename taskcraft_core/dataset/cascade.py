"""What leaves takes along what was built on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def drop_with_descendants(parents: Mapping[str, Collection[str]], leaving: Collection[str]) -> dict[str, str]:
    """The tasks that have to leave because a task that they are built on leaves, or is not there at all.

    Args:
        parents: For every task that is there, the ids of its parents.
        leaving: Ids of tasks that leave for reasons of their own.

    Returns:
        For each further task that leaves, one parent that it loses. The tasks in `leaving` are not repeated.
    """
    gone = set(leaving)
    lost: dict[str, str] = {}
    while True:
        wave = {
            task_id: missing
            for task_id, ids in parents.items()
            if task_id not in gone
            and (missing := next((i for i in ids if i in gone or i not in parents), None)) is not None
        }
        if not wave:
            return lost
        lost |= wave
        gone |= wave.keys()

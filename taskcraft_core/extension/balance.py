"""No superset may carry the dataset: its share of the depth tasks is capped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Reason, Rejection, Task
from taskcraft_core.verification import reject

ALWAYS = 5
"""So many tasks a superset may be in however few there are: a small corpus has few supersets."""


def balance(tasks: Sequence[Task], config: BuildConfig) -> tuple[list[Task], list[Rejection]]:
    """Leaves out depth tasks until no superset is in more than `superset_share` of those that stay.

    Args:
        tasks: All depth tasks of a build, of every number of hops, and their auxiliary tasks.
        config: The share.

    Returns:
        The tasks that stay (an auxiliary task always does), sorted by id, and why the others leave.
    """
    unique = {task.task_id: task for task in tasks}
    depth = sorted((t for t in unique.values() if t.kind == "depth"), key=lambda t: (t.hops, t.task_id))
    chains = {task.task_id: chain_of(task, unique) for task in depth}
    # a share of those that stay is never more than the same share of all, so the cap only comes down
    cap = max(int(config.superset_share * len(depth)), ALWAYS)
    kept = _kept(depth, chains, cap)
    while cap > (allowed := max(int(config.superset_share * len(kept)), ALWAYS)):
        cap = allowed
        kept = _kept(depth, chains, cap)
    stay = [task for key, task in sorted(unique.items()) if task.kind != "depth" or key in kept]
    return stay, [_overused(task) for task in depth if task.task_id not in kept]


def chain_of(task: Task, tasks: Mapping[str, Task]) -> frozenset[str]:
    """The supersets that a depth task passes through, its parents' included (document ids)."""
    assert task.selector is not None
    core = tasks.get(task.parent_ids[0])
    inner = chain_of(core, tasks) if core is not None and core.kind == "depth" else frozenset()
    return inner | {task.selector.document_id}


def _kept(depth: Sequence[Task], chains: Mapping[str, frozenset[str]], cap: int) -> set[str]:
    """The tasks kept, in turn, while each of their supersets has been used fewer than `cap` times.

    The deepest chains choose first and bring the chains that they stand on, for they are the rarest.
    """
    by_id = {task.task_id: task for task in depth}
    used: Counter[str] = Counter()
    kept: set[str] = set()
    for task in sorted(depth, key=lambda t: (-t.hops, t.task_id)):
        line = [one for one in _line(task, by_id) if one.task_id not in kept]
        wanted = Counter(superset for one in line for superset in chains[one.task_id])
        if all(used[superset] + count <= cap for superset, count in wanted.items()):
            kept |= {one.task_id for one in line}
            used += wanted
    return kept


def _line(task: Task, depth: Mapping[str, Task]) -> list[Task]:
    """A depth task and the depth tasks that it was extended from."""
    line = [task]
    while (core := depth.get(line[-1].parent_ids[0])) is not None:
        line.append(core)
    return line


def _overused(task: Task) -> Rejection:
    detail = "a superset of its chain is in as many tasks as one superset may be in"
    return reject("depth", Reason.SUPERSET_SHARE, detail, task.question, task.evidence[0].document_id)

"""What the audit holds in memory: what several candidates say alike is there once."""

from typing import Any

from taskcraft_core.columns import to_rows
from taskcraft_core.models import Task
from tasks.audit import shared


def test_equal_messages_become_one_and_the_tasks_stay_the_same(world: Any) -> None:
    read = [Task.model_validate(one.model_dump()) for one in (*world.atomic[:3], world.atomic[0])]
    tasks = [*shared(iter(read))]
    assert tasks == read and to_rows(tasks, Task) == to_rows(read, Task)
    assert read[0].trajectory[0] is not read[3].trajectory[0]
    assert all(one is other for one, other in zip(tasks[0].trajectory, tasks[3].trajectory, strict=True))

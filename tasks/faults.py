"""A fault on command, for tests of what happens after one: `TASKCRAFT_FAULTS` names a file of shards.

While the file holds a line that is a shard's name, as the Prefect UI shows it (`verify, 2 of 8`), that shard fails;
once the line is gone, it is computed. Without the setting nothing is looked at.
"""

from __future__ import annotations

from taskcraft_core.errors import TaskCraftError
from tasks.terms import own_settings


def fail_if_told(shard: str) -> None:
    """Fails a shard that the file of faults names.

    Raises:
        TaskCraftError: The file names it.
        ConfigError: The settings of this process are wrong.
    """
    file = own_settings().faults
    if file is not None and file.is_file() and shard in file.read_text(encoding="utf-8").splitlines():
        raise TaskCraftError(f"{file} asks for a fault here; take the line out and retry.")

"""Where the shards of a build are computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prefect import Task


async def compute_shard(compute: Task[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Computes one shard, in this process."""
    return await compute(**arguments)

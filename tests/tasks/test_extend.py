"""Extension, shard by shard."""

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Task
from taskcraft_core.shards import write_result
from tasks import extend
from tasks.manifest import write_manifest
from tasks.workbench import put_away


async def test_shards_that_ask_for_the_groups_at_once_have_them_worked_out_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    another = threading.Barrier(2)

    def groups(tasks: list[Task], config: BuildConfig) -> list[tuple[Task, ...]]:
        asked.append(len(tasks))
        with suppress(threading.BrokenBarrierError):
            another.wait(timeout=0.3)
        return []

    monkeypatch.setattr(extend, "groups", groups)
    nothing = write_manifest(tmp_path, "verify", [write_result(tmp_path, "verify", "aaaa", [], Task, [])])
    documents, config = write_manifest(tmp_path, "ingest", []), BuildConfig()

    async def shard(bucket: int) -> int:
        width = extend.extend_width_shard.fn
        made = await width(str(tmp_path), "width", f"b{bucket}", nothing, bucket, documents, config)
        return made.rows

    try:
        assert await asyncio.gather(*map(shard, range(8))) == [0] * 8
    finally:
        await put_away()
    assert asked == [0]

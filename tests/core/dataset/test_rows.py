from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskcraft_core.dataset.rows import (
    ROW_SCHEMA,
    Lineage,
    Named,
    from_table,
    row_hash,
    row_of,
    task_of,
    to_table,
)
from taskcraft_core.models import Task
from taskcraft_core.shards import read_shard, write_shard

QUICK = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
COLUMNS = (
    "task_id kind question answer answers hops width tools identifier relation selector language parent_ids "
    "evidence trajectory trajectory_kind agent_score no_tools_score agent_steps judge_votes checks lineage "
    "row_hash"
)


def test_column_names_are_the_contract() -> None:
    assert " ".join(ROW_SCHEMA.names) == COLUMNS
    assert ROW_SCHEMA.field("evidence").type.value_type.names == [
        "document_id", "uri", "media_type", "quote", "answer_span", "place",
    ]  # fmt: skip
    assert ROW_SCHEMA.field("lineage").type.names == [
        "config_hash", "code_version", "prompt_hashes", "roles", "stage_fingerprints",
    ]  # fmt: skip
    assert [*Task.model_fields] == ROW_SCHEMA.names[:-2]


@QUICK
@given(data=st.data())
def test_any_task_comes_back_from_a_shard_with_equal_bytes(tmp_path: Path, any_task: Any, data: st.DataObject) -> None:
    tasks = data.draw(st.lists(any_task, max_size=4))
    one = write_shard(tmp_path / "1.parquet", tasks, Task, tmp_path)
    two = write_shard(tmp_path / "2.parquet", tasks[::-1], Task, tmp_path)
    read = read_shard(tmp_path / "1.parquet", Task)
    assert one.sha256 == two.sha256
    assert sorted(map(repr, read)) == sorted(map(repr, tasks))
    assert [task.task_id for task in read] == sorted(task.task_id for task in tasks)


@QUICK
@given(data=st.data())
def test_any_row_comes_back_from_a_table(any_task: Any, data: st.DataObject) -> None:
    lineage = Lineage(config_hash="c", code_version="1", prompt_hashes=(Named(name="ask", value="h"),))
    tasks = data.draw(st.lists(any_task, max_size=4, unique_by=lambda task: task.task_id))
    table = to_table([row_of(task, lineage) for task in tasks])
    assert table.schema == ROW_SCHEMA
    rows = from_table(table)
    assert [task_of(row) for row in rows] == sorted(tasks, key=lambda task: task.task_id)
    assert all(row.row_hash == row_hash(task_of(row)) and row.lineage == lineage for row in rows)


def test_the_row_hash_leaves_lineage_out_and_nothing_else(world: Any) -> None:
    one, other = world.row(world.radius, "c1"), world.row(world.radius, "c2")
    assert one.row_hash == other.row_hash == row_hash(one) == row_hash(world.radius)
    assert row_hash(world.radius.model_copy(update={"agent_steps": 2})) != one.row_hash


def test_no_rows_are_a_table_too() -> None:
    table = to_table([])
    assert isinstance(table, pa.Table)
    assert (table.num_rows, table.schema) == (0, ROW_SCHEMA)

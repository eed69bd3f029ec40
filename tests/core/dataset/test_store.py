from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import deltalake
import pyarrow.parquet as pq
import pytest

from taskcraft_core.dataset.quality import Quarantined
from taskcraft_core.dataset.quarantine import quarantine, read_quarantine
from taskcraft_core.dataset.reading import count_rows
from taskcraft_core.dataset.rows import ROW_SCHEMA, from_table
from taskcraft_core.dataset.store import (
    Published,
    ancestry,
    dataset_path,
    find_task,
    open_dataset,
    publish,
    read_dataset,
    rows_without,
)
from taskcraft_core.errors import ConfigError, TaskCraftError
from taskcraft_core.models import Reason


def ids(out: Path, version: int | None = None) -> set[str]:
    return set(read_dataset(out, version)["task_id"].to_pylist())


def test_rows_come_back_as_published(tmp_path: Path, world: Any) -> None:
    published = publish(world.rows, tmp_path, {"config_hash": "c1"})
    assert published == Published(version=1, added=5, new_version=True)
    table = read_dataset(tmp_path)
    assert table.schema == ROW_SCHEMA
    assert from_table(table) == sorted(world.rows, key=lambda row: row.task_id)
    assert open_dataset(tmp_path).history()[0]["config_hash"] == "c1"


def test_reading_leaves_no_python_file_to_the_threads_of_arrow(
    tmp_path: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is let go of while the interpreter ends aborts the process, every third time or so."""
    publish(world.rows, tmp_path, {})
    monkeypatch.setattr("deltalake.fs.DeltaStorageHandler", None)
    assert read_dataset(tmp_path).num_rows == count_rows(open_dataset(tmp_path)) == len(world.rows)
    assert find_task(tmp_path, world.radius.task_id)["task_id"] == world.radius.task_id


def test_the_same_rows_again_make_no_version(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path, {})
    again = publish([world.row(task, config_hash="c2") for task in world.tasks], tmp_path, {})
    assert again == Published(version=1, unchanged=5)
    assert publish([], tmp_path, {}) == Published(version=1)


def test_nothing_to_publish_leaves_an_empty_dataset(tmp_path: Path) -> None:
    assert publish([], tmp_path, {}) == Published(version=0)
    assert read_dataset(tmp_path).num_rows == 0


def test_an_updated_and_a_new_row_make_one_version(tmp_path: Path, world: Any) -> None:
    publish(world.rows[:2], tmp_path, {})
    changed = world.row(world.radius.model_copy(update={"judge_votes": (2, 1, 2)}))
    published = publish([changed, *world.rows[1:3]], tmp_path, {})
    assert published == Published(version=2, added=1, updated=1, unchanged=1, new_version=True)
    votes = {row.task_id: row.judge_votes for row in from_table(read_dataset(tmp_path))}
    assert votes[world.radius.task_id] == (2, 1, 2)
    assert len(votes) == 3
    assert ids(tmp_path, 1) == {world.radius.task_id, world.moon.task_id}


def test_rows_of_earlier_builds_stay(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path, {})
    publish([world.row(world.changed(world.seen, relation="date of discovery"))], tmp_path, {})
    assert len(ids(tmp_path)) == 6


def test_a_retired_row_leaves_with_what_was_built_on_it_in_the_same_commit(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path, {})
    extra = world.row(world.changed(world.seen, relation="date of discovery"))
    published = publish([extra], tmp_path, {}, retire=[world.moon.task_id, "0" * 64])
    assert published == Published(version=2, added=1, retired=2, new_version=True)
    gone = {world.moon.task_id, world.chain.task_id}
    assert ids(tmp_path) == {task.task_id for task in world.tasks} - gone | {extra.task_id}
    assert publish([extra], tmp_path, {}, retire=gone) == Published(version=2, unchanged=1)


def test_a_row_that_is_published_again_is_not_retired(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path, {})
    again = publish(world.rows, tmp_path, {}, retire=[world.moon.task_id])
    assert again == Published(version=1, unchanged=5)


def test_a_row_without_its_parent_is_refused_and_nothing_is_written(tmp_path: Path, world: Any) -> None:
    publish(world.rows[:1], tmp_path, {})
    with pytest.raises(TaskCraftError, match=f"{world.chain.task_id}.*parent {world.moon.task_id}"):
        publish([world.row(world.radius), world.row(world.chain)], tmp_path, {})
    assert open_dataset(tmp_path).version() == 1
    publish(world.rows[:2], tmp_path, {})
    assert publish([world.row(world.chain)], tmp_path, {}).added == 1


def test_rows_that_come_one_by_one_are_published_in_one_commit(
    tmp_path: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world.rows, tmp_path / "whole", {})
    monkeypatch.setattr("taskcraft_core.dataset.store.ROWS_AT_ONCE", 2)
    twice = [*world.rows, world.rows[0]]
    assert publish(iter(twice), tmp_path / "pieces", {}) == Published(version=1, added=5, new_version=True)
    assert read_dataset(tmp_path / "pieces") == read_dataset(tmp_path / "whole")
    assert publish(iter(twice), tmp_path / "pieces", {}) == Published(version=1, unchanged=5)


def test_rows_are_read_without_those_of_a_build_and_with_no_more_columns_than_asked(
    tmp_path: Path, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(world.rows, tmp_path, {})
    table = open_dataset(tmp_path)
    monkeypatch.setattr("taskcraft_core.dataset.store.ROWS_AT_ONCE", 2)
    rows = list(rows_without(table, [world.radius.task_id, "0" * 64], ["task_id", "selector"]))
    assert {row["task_id"] for row in rows} == ids(tmp_path) - {world.radius.task_id}
    assert all(row.keys() == {"task_id", "selector"} for row in rows)
    assert rows[0]["selector"]["value"] == "volcanoes"
    assert len(list(rows_without(table, [], ["task_id", "selector"]))) == 5
    parents, identifiers = ancestry(table)
    assert tuple(parents[world.chain.task_id]) == world.chain.parent_ids
    assert identifiers[world.radius.task_id] == "Io" and parents.keys() == identifiers.keys() == ids(tmp_path)


def test_changes_are_told_row_by_row(tmp_path: Path, world: Any) -> None:
    publish(world.rows[:2], tmp_path, {})
    publish([world.rows[2]], tmp_path, {}, retire=[world.radius.task_id])
    feed = open_dataset(tmp_path).load_cdf(starting_version=2).read_all()
    changes = dict(zip(feed["task_id"].to_pylist(), feed["_change_type"].to_pylist(), strict=True))
    assert changes == {world.seen.task_id: "insert", world.radius.task_id: "delete"}


def test_files_of_killed_writers_are_swept_and_those_of_old_versions_stay(tmp_path: Path, world: Any) -> None:
    publish(world.rows[:2], tmp_path, {})
    publish(world.rows[2:], tmp_path, {})
    leftover = dataset_path(tmp_path) / "part-00001-killed-c000.zstd.parquet"
    pq.write_table(read_dataset(tmp_path), leftover)
    assert publish(world.rows, tmp_path, {}).new_version is False
    assert not leftover.exists()
    assert len(ids(tmp_path, 1)) == 2
    assert len(ids(tmp_path)) == 5


def test_builds_that_publish_at_once_all_get_in(tmp_path: Path, world: Any) -> None:
    with ThreadPoolExecutor(3) as builds:
        done = list(builds.map(lambda row: publish([row], tmp_path, {}), world.rows[:3]))
    assert sorted(published.version for published in done) == [1, 2, 3]
    assert ids(tmp_path) == {row.task_id for row in world.rows[:3]}


def test_tables_are_compressed_with_zstd(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path, {})
    (file,) = dataset_path(tmp_path).glob("*.parquet")
    assert pq.read_metadata(file).row_group(0).column(0).compression == "ZSTD"


def test_a_task_is_found_by_the_beginning_of_its_id(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path, {})
    row = find_task(tmp_path, world.chain.task_id[:12].upper())
    assert row["question"] == world.chain.question
    assert row["selector"]["value"] == "volcanoes"
    for prefix, sentence in [("", "is no task id"), ("xyz", "is no task id"), ("0" * 64, "No task")]:
        with pytest.raises(ConfigError, match=sentence):
            find_task(tmp_path, prefix)


def test_an_ambiguous_beginning_asks_for_more(tmp_path: Path, world: Any) -> None:
    alike = [world.seen.model_copy(update={"task_id": f"ab{n}" + "0" * 61}) for n in range(2)]
    publish([world.row(task) for task in alike], tmp_path, {})
    with pytest.raises(ConfigError, match="2 tasks.*'ab'"):
        find_task(tmp_path, "ab")
    assert find_task(tmp_path, "ab1")["task_id"].startswith("ab10")


def test_a_missing_dataset_or_version_is_one_sentence(tmp_path: Path, world: Any) -> None:
    with pytest.raises(ConfigError, match="holds no dataset"):
        read_dataset(tmp_path / "nowhere")
    publish(world.rows, tmp_path, {})
    with pytest.raises(ConfigError, match="no version 7; the newest is 1"):
        read_dataset(tmp_path, 7)


def failed(world: Any, rule: str = "hops") -> Quarantined:
    return Quarantined(task=world.chain, reason=Reason.EXPECTATION, rule=rule, detail="Too long.")


def test_the_quarantine_grows_only_by_what_is_new(tmp_path: Path, world: Any) -> None:
    assert read_quarantine(tmp_path).num_rows == 0
    assert quarantine([failed(world), failed(world)], tmp_path) == 1
    assert quarantine([failed(world)], tmp_path) == 0
    assert deltalake.DeltaTable(tmp_path / "quarantine").version() == 1
    assert quarantine([failed(world), failed(world, "width")], tmp_path) == 1
    rows = read_quarantine(tmp_path).to_pylist()
    assert sorted(row["rule"] for row in rows) == ["hops", "width"]
    assert {row["task_id"] for row in rows} == {world.chain.task_id}

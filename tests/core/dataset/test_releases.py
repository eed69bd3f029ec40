import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as pads
import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset import releases
from taskcraft_core.dataset.releases import release, release_sound
from taskcraft_core.dataset.rows import from_table
from taskcraft_core.dataset.store import publish, read_dataset
from taskcraft_core.errors import ConfigError, StorageError

CONFIG = BuildConfig()
DOCUMENTS = {"d" * 64: "more.html"}


@pytest.fixture
def out(tmp_path: Path, world: Any) -> Path:
    publish(world.rows, tmp_path, {})
    return tmp_path


def made(out: Path, version: int = 1, config: BuildConfig = CONFIG) -> Path:
    return release(out, version, config, "0.1.0", DOCUMENTS)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_release_is_read_by_pandas_and_by_arrow(out: Path, world: Any) -> None:
    folder = made(out)
    assert folder == out / "releases" / "v1"
    frame = pd.read_parquet(folder / "tasks.parquet")
    assert list(frame["task_id"]) == sorted(task.task_id for task in world.tasks)
    table = pads.dataset(sorted(folder.glob("*.parquet"))).to_table()
    assert table == read_dataset(out)
    assert from_table(table)[0].trajectory[1].tool_calls[0].name == "read_page"


def test_the_manifest_counts_and_names_everything(out: Path, world: Any) -> None:
    manifest = json.loads((made(out) / "manifest.json").read_text())
    assert manifest["version"] == 1
    assert manifest["rows"] == 5
    assert manifest["counts"] == {
        "kind": {"atomic": 3, "depth": 1, "width": 1},
        "tool": {"page": 5},
        "hops": {"1": 4, "2": 1},
        "width": {"1": 4, "2": 1},
        "language": {"en": 5},
    }
    assert manifest["config"] == CONFIG.model_dump(mode="json")
    assert manifest["code_version"] == "0.1.0"
    assert [item["uri"] for item in manifest["documents"] if item["sha256"] == "d" * 64] == ["more.html"]
    quoted = {evidence.document_id for task in world.tasks for evidence in task.evidence}
    assert quoted < {item["sha256"] for item in manifest["documents"]}
    assert set(manifest["files"]) == {"tasks.parquet", "README.md"}


def test_equal_rows_give_an_equal_release(tmp_path: Path, world: Any) -> None:
    publish(world.rows, tmp_path / "x", {})
    publish(world.rows[::-1], tmp_path / "y", {"run": "another"})
    assert contents(made(tmp_path / "x")) == contents(made(tmp_path / "y"))


def test_the_card_has_front_matter_and_says_what_the_scores_are_worth(out: Path) -> None:
    card = (made(out) / "README.md").read_text()
    _, front, body = card.split("---\n", 2)
    assert "  - split: train\n    path: tasks*.parquet\n" in front
    assert "language:\n- en\n" in front
    assert "guess out of the words of the question alone" in " ".join(body.split())
    assert "$" not in card


def test_a_model_that_judges_itself_is_told_in_the_card(out: Path) -> None:
    config = BuildConfig(author="openai:a", solver="openai:a", judge="openai:a")
    card = (made(out, config=config) / "README.md").read_text()
    assert "The judge marks its own work" in card
    assert "How far the scores go" not in card


def test_the_shards_that_a_build_went_on_without_are_in_the_manifest_and_on_the_card(out: Path) -> None:
    failed = [{"stage": "verify", "shard": f"verify, {n} of 12", "reason": "it costs $5"} for n in range(1, 13)]
    folder = release(out, 1, BuildConfig(), "0.1.0", DOCUMENTS, failed)
    assert json.loads((folder / "manifest.json").read_text())["failed_shards"] == failed
    card = " ".join((folder / "README.md").read_text().split())
    assert "went on without 12 shards (verify, 1 of 12; verify, 2 of 12;" in card and "10 of 12 and 2 more)" in card
    assert "$5" not in card
    # the night after, they are there: the same version stays as it was released
    assert release(out, 1, BuildConfig(), "0.1.0", DOCUMENTS) == folder
    assert len(json.loads((folder / "manifest.json").read_text())["failed_shards"]) == 12


def test_a_build_without_failed_shards_says_so_in_the_manifest_and_nothing_on_the_card(out: Path) -> None:
    folder = made(out)
    assert json.loads((folder / "manifest.json").read_text())["failed_shards"] == []
    assert "Not everything was computed" not in (folder / "README.md").read_text()


def test_a_sound_release_is_left_alone(out: Path) -> None:
    folder = made(out)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert made(out, config=BuildConfig(max_hops=2)) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["tasks.parquet", "README.md", "manifest.json"])
def test_a_damaged_or_incomplete_release_is_written_again(out: Path, name: str) -> None:
    whole = contents(made(out))
    path = out / "releases" / "v1" / name
    path.write_bytes(path.read_bytes()[:-5])
    assert not release_sound(path.parent)
    assert contents(made(out)) == whole
    path.unlink()
    assert contents(made(out)) == whole
    assert [entry.name for entry in path.parent.parent.iterdir()] == ["v1"]


def test_a_release_that_fails_half_way_leaves_no_release(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(releases, "dataset_card", full)
        with pytest.raises(StorageError, match="releases/v1: the disk is full"):
            made(out)
    assert not (out / "releases" / "v1").exists()
    made(out)
    assert [entry.name for entry in (out / "releases").iterdir()] == ["v1"]


def test_many_rows_are_spread_over_files(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(releases, "ROWS_PER_FILE", 2)
    folder = made(out)
    names = sorted(path.name for path in folder.glob("tasks*.parquet"))
    assert names == [f"tasks-{number:05}-of-00003.parquet" for number in (1, 2, 3)]
    assert pads.dataset([folder / name for name in names]).to_table() == read_dataset(out)
    assert release_sound(folder)


def test_an_older_version_can_still_be_released(out: Path, world: Any) -> None:
    publish([world.row(world.changed(world.seen, relation="date"))], out, {})
    assert json.loads((made(out, 1) / "manifest.json").read_text())["rows"] == 5
    assert json.loads((made(out, 2) / "manifest.json").read_text())["rows"] == 6
    with pytest.raises(ConfigError, match="no version 3"):
        made(out, 3)
    assert not (out / "releases" / "v3").exists()

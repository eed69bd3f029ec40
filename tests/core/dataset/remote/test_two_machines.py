"""Two machines that publish into one address at once: one of them has to try again, and nothing is destroyed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.releases import release
from taskcraft_core.dataset.remote.files import Remote
from taskcraft_core.dataset.remote.mirror import pull, push
from taskcraft_core.dataset.store import publish, read_dataset
from taskcraft_core.errors import TaskCraftError

FIRST, SECOND = "dataset/_delta_log/00000000000000000001.json", "dataset/_delta_log/00000000000000000002.json"


class Interrupted(Remote):
    """A store where something else happens before a file is written."""

    def __init__(self, url: str, before: Callable[[str], bool], happens: Callable[[], None]) -> None:
        super().__init__(url)
        self._before, self._happens = before, happens

    def put(self, source: Path, name: str) -> None:
        self._meanwhile(name)
        super().put(source, name)

    def put_new(self, source: Path, name: str) -> bool:
        self._meanwhile(name)
        return super().put_new(source, name)

    def _meanwhile(self, name: str) -> None:
        if self._before(name):
            self._before = lambda name: False
            self._happens()


def build(out: Path, rows: Any, name: str) -> None:
    """Publishes rows that are all changed, so that their data are in a file of their own."""
    changed = [row.model_copy(update={"question": f"{name}: {row.question}", "row_hash": name + row.row_hash[1:]})
               for row in rows]  # fmt: skip
    made = publish(changed, out, {"by": name})
    release(out, made.version, BuildConfig(), "0.1.0", {})


def check_sound(there: Path) -> None:
    """Every file that a commit names is there, and every version can be read."""
    commits = sorted((there / "dataset/_delta_log").glob("*.json"))
    actions = [json.loads(line) for commit in commits for line in commit.read_text().splitlines()]
    named = [one[kind]["path"] for one in actions for kind in ("add", "cdc", "remove") if kind in one]
    assert named and all((there / "dataset" / name).exists() for name in named)
    assert [read_dataset(there, version).num_rows for version in range(1, len(commits))] == [5] * (len(commits) - 1)


@pytest.mark.parametrize("stage", ["before the data", "between data and commit", "after the commit"])
@pytest.mark.parametrize("pulled", ["before", "meanwhile"])
def test_whatever_another_machine_does_in_the_middle_of_a_publication_the_dataset_can_be_read(
    tmp_path: Path, world: Any, stage: str, pulled: str
) -> None:
    there = tmp_path / "remote"
    remote = Remote(f"file://{there}")
    ours, theirs = tmp_path / "ours" / "copy", tmp_path / "theirs" / "copy"
    build(ours, world.rows, "0")
    push(remote, ours)
    pull(remote, theirs)
    failed: list[str] = []

    def whole(copy: Path, name: str) -> None:
        pull(remote, copy)
        build(copy, world.rows, name)
        publish_there(remote, copy, name)

    def publish_there(store: Remote, copy: Path, name: str) -> None:
        try:
            push(store, copy)
        except TaskCraftError as error:
            assert "another machine has published there meanwhile" in str(error)
            failed.append(name)

    def meanwhile() -> None:
        if pulled == "before":
            publish_there(remote, theirs, "b")
        else:
            whole(theirs, "b")
        check_sound(there)

    build(ours, world.rows, "a")
    if pulled == "before":
        build(theirs, world.rows, "b")
    before = {
        "before the data": lambda name: name.startswith("dataset/part-"),
        "between data and commit": lambda name: name == SECOND,
        "after the commit": lambda name: name.startswith("releases/v2"),
    }[stage]
    publish_there(Interrupted(remote.url, before, meanwhile), ours, "a")
    check_sound(there)
    expected = {"after the commit": ["b"] if pulled == "before" else []}.get(stage, ["a"])
    assert failed == expected
    for name, copy in (("a", ours), ("b", theirs)):
        failed.clear()
        whole(copy, name)
        assert failed == []
        check_sound(there)
        assert read_dataset(there).equals(read_dataset(copy))
        assert {one[0] for one in read_dataset(there)["question"].to_pylist()} == {name}


def test_a_file_that_is_lost_there_and_named_there_is_kept_here_and_sent_again(tmp_path: Path, world: Any) -> None:
    there, copy = tmp_path / "remote", tmp_path / "ours" / "copy"
    remote = Remote(f"file://{there}")
    build(copy, world.rows, "0")
    push(remote, copy)
    (data,) = (path.relative_to(there) for path in there.glob("dataset/*.parquet"))
    (there / data).unlink()
    (there / FIRST).touch()
    pull(remote, copy)
    assert (copy / data).exists()
    push(remote, copy)
    check_sound(there)


def test_two_machines_that_begin_at_once_leave_one_dataset(tmp_path: Path, world: Any) -> None:
    there = tmp_path / "remote"
    remote = Remote(f"file://{there}")
    copies = [tmp_path / name / "copy" for name in "ab"]
    for name, copy in zip("ab", copies, strict=True):
        pull(remote, copy)
        build(copy, world.rows, name)
    push(remote, copies[0])
    with pytest.raises(TaskCraftError, match="run the same again, and nothing is paid for twice"):
        push(remote, copies[1])
    check_sound(there)


def test_a_commit_that_arrived_although_nothing_was_heard_of_it_is_no_other_machines(
    tmp_path: Path, world: Any
) -> None:
    there, copy = tmp_path / "remote", tmp_path / "ours" / "copy"
    build(copy, world.rows, "0")

    def lost() -> None:
        raise TaskCraftError("the line is cut")

    with pytest.raises(TaskCraftError, match="the line is cut"):
        push(Interrupted(f"file://{there}", lambda name: name.startswith("releases/"), lost), copy)
    (copy.parent / "copy.json").unlink()
    push(Remote(f"file://{there}"), copy)
    check_sound(there)
    assert (there / "releases/v1/manifest.json").exists()


def test_a_commit_replaces_none_even_where_the_other_arrives_between_look_and_write(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote, file = Remote(address), tmp_path / "commit"
    file.write_bytes(b"first")
    assert remote.put_new(file, FIRST)
    files = type(remote._fs)
    monkeypatch.setattr(files, "exists", lambda *_, **__: False)
    file.write_bytes(b"second")
    assert not remote.put_new(file, FIRST)
    assert not remote.same(file, FIRST)
    assert [*remote.files()] == [FIRST]

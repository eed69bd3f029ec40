"""Copies and what they are copies of: only what differs is copied, and neither side loses what it should keep."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import fsspec
import pytest

from taskcraft_core.dataset.remote.files import Remote
from taskcraft_core.dataset.remote.mirror import pull, push, sole_user
from taskcraft_core.errors import TaskCraftError

FILES = {
    "documents/0a": b"page",
    "work/ingest/1f.parquet": b"shard",
    "work/ingest/1f.rejected.parquet": b"",
    "dataset/part-1.parquet": b"rows",
    "dataset/_delta_log/00000000000000000000.json": b'{"add": {"path": "part-1.parquet"}}',
    "releases/v1/tasks.parquet": b"rows",
    "releases/v1/manifest.json": b"{}",
    "rejections.parquet": b"left out",
}
Copy = Callable[[str], Path]


@pytest.fixture
def remote(address: str) -> Remote:
    return Remote(address)


@pytest.fixture
def copy(tmp_path: Path, remote: Remote) -> Copy:
    """A copy by its name, brought up to date; the copies of two machines have two names."""

    def made(name: str) -> Path:
        pull(remote, tmp_path / name / "copy")
        return tmp_path / name / "copy"

    return made


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def held(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def commit(data: str) -> bytes:
    return json.dumps({"add": {"path": data}}).encode()


def stored(address: str) -> dict[str, bytes]:
    files, root = fsspec.core.url_to_fs(address)
    return {path.removeprefix(f"{root}/"): files.cat_file(path) for path in files.find(root)}


def test_what_one_machine_writes_back_another_gets(copy: Copy, remote: Remote, address: str) -> None:
    one = copy("one")
    write(one, FILES)
    assert push(remote, one) == len(FILES)
    assert stored(address) == FILES
    assert held(copy("other")) == FILES


def test_only_what_differs_is_copied(copy: Copy, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    one = copy("one")
    write(one, FILES)
    push(remote, one)
    other = copy("other")
    assert (push(remote, one), push(remote, other)) == (0, 0)
    got: list[str] = []
    monkeypatch.setattr(Remote, "get", lambda self, name, target: got.append(name))
    assert copy("other") == other and got == []
    monkeypatch.undo()
    write(other, {"rejections.parquet": b"others", "documents/0b": b"another page"})
    assert push(remote, other) == 2
    before = (one / "documents" / "0a").stat().st_mtime_ns
    assert held(copy("one")) == held(other)
    assert (one / "documents" / "0a").stat().st_mtime_ns == before


def test_work_that_was_not_written_back_stays_and_is_written_later(copy: Copy, remote: Remote, address: str) -> None:
    one = copy("one")
    write(one, FILES)
    push(remote, one)
    earned = {"work/verify/2e.parquet": b"earned", "rejections.parquet": b"newer"}
    write(one, earned)
    assert held(copy("one")) == FILES | earned
    assert push(remote, one) == 2
    assert stored(address) == FILES | earned


def test_a_file_that_is_deleted_there_goes_and_one_that_is_lost_here_comes_back(
    copy: Copy, remote: Remote, address: str
) -> None:
    one = copy("one")
    write(one, FILES)
    push(remote, one)
    remote.delete("work/ingest/1f.parquet")
    (one / "documents" / "0a").unlink()
    assert push(remote, one) == 0
    assert "documents/0a" in stored(address)
    assert held(copy("one")) == {name: data for name, data in FILES.items() if name != "work/ingest/1f.parquet"}


def test_pages_that_a_build_deletes_leave_there_too_and_nothing_else_does(
    copy: Copy, remote: Remote, address: str
) -> None:
    one = copy("one")
    write(one, FILES | {"quality/old.html": b"page"})
    push(remote, one)
    for name in ("quality/old.html", "dataset/part-1.parquet", "releases/v1/tasks.parquet", "work/ingest/1f.parquet"):
        (one / name).unlink()
    push(remote, one)
    assert stored(address) == FILES
    assert held(copy("one")) == FILES


def test_a_damaged_commit_is_told_of_in_one_sentence_and_nothing_is_sent(
    copy: Copy, remote: Remote, address: str
) -> None:
    one, log = copy("one"), "dataset/_delta_log/00000000000000000000.json"
    write(one, FILES | {log: b"{"})
    with pytest.raises(TaskCraftError, match=f"{one / log}: is damaged"):
        push(remote, one)
    assert stored(address) == {}


def test_data_that_no_commit_names_are_not_sent(copy: Copy, remote: Remote, address: str) -> None:
    one = copy("one")
    write(one, FILES | {"dataset/orphan.parquet": b"of a killed writer"})
    push(remote, one)
    assert stored(address) == FILES


def test_a_version_that_another_machine_published_takes_the_place_of_ours(
    copy: Copy, remote: Remote, address: str
) -> None:
    one = copy("one")
    write(one, FILES)
    push(remote, one)
    other = copy("other")
    log = "dataset/_delta_log/00000000000000000001.json"
    data = {"dataset/part-2.parquet": b"ours, and swept when somebody publishes here"}
    ours = {log: commit("part-2.parquet"), "releases/v2/tasks.parquet": b"ours"}
    earned = {"work/verify/2e.parquet": b"earned"}
    write(one, ours | data | earned)
    theirs = {log: commit("part-3.parquet"), "dataset/part-3.parquet": b"theirs"}
    write(other, theirs)
    push(remote, other)
    with pytest.raises(TaskCraftError, match="another machine has published there meanwhile; run the same again"):
        push(remote, one)
    assert stored(address) == FILES | theirs | earned | data
    assert held(copy("one")) == FILES | theirs | earned | data


def test_a_damaged_copy_of_a_document_is_fetched_again(copy: Copy, remote: Remote) -> None:
    one = copy("one")
    write(one, FILES)
    push(remote, one)
    (one / "documents" / "0a").write_bytes(b"pa")
    assert held(copy("one")) == FILES


def test_a_store_that_was_emptied_is_not_filled_again_unasked(copy: Copy, remote: Remote, address: str) -> None:
    one = copy("one")
    write(one, FILES)
    push(remote, one)
    for name in FILES:
        remote.delete(name)
    with pytest.raises(TaskCraftError, match="is empty, and was not when it was last written"):
        copy("one")
    assert held(one) == FILES


def test_unfinished_files_and_the_journal_of_calls_stay_here(copy: Copy, remote: Remote, address: str) -> None:
    one = copy("one")
    write(one, FILES)
    kept = ("documents/.0b.77", "work/x/.1.parquet.a.part", "releases/.v2-x.staging/tasks.parquet", "turn.lock")
    write(one, dict.fromkeys((*kept, "journal.sqlite", "journal.sqlite-wal", "dataset/a.parquet#1"), b"x"))
    push(remote, one)
    assert stored(address) == FILES


def test_a_database_is_sent_as_it_is_while_others_write_to_it(copy: Copy, remote: Remote) -> None:
    one = copy("one")
    with closing(sqlite3.connect(one / "solutions.sqlite", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("CREATE TABLE solutions (key TEXT)")
        writer.execute("INSERT INTO solutions VALUES ('committed')")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO solutions VALUES ('under way')")
        assert push(remote, one) == 1
        writer.execute("ROLLBACK")
    other = copy("other")
    with closing(sqlite3.connect(other / "solutions.sqlite")) as reader:
        assert reader.execute("SELECT key FROM solutions").fetchall() == [("committed",)]


def test_a_database_that_is_fetched_does_not_meet_what_lay_beside_an_older_one(copy: Copy, remote: Remote) -> None:
    one, other = copy("one"), copy("other")
    with closing(sqlite3.connect(one / "solutions.sqlite")) as writer:
        writer.execute("CREATE TABLE solutions (key TEXT)")
    push(remote, one)
    write(other, {"solutions.sqlite-wal": b"of a killed run", "solutions.sqlite-shm": b"the same"})
    assert [path.name for path in copy("other").iterdir()] == ["solutions.sqlite"]


def test_a_store_that_refuses_is_told_of_in_one_sentence_that_names_it(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_bytes(b"")
    remote = Remote(f"file://{blocked}/demo")
    with pytest.raises(TaskCraftError, match=f"file://{blocked}/demo: cannot be written"):
        remote.prove_writable()


def test_a_bucket_that_is_not_there_is_told_of_before_anything_is_built(store: str) -> None:
    with pytest.raises(TaskCraftError, match="s3://no-such-bucket/demo: cannot be written .*bucket does not exist"):
        Remote("s3://no-such-bucket/demo").prove_writable()


def test_a_copy_has_one_user_at_a_time(tmp_path: Path) -> None:
    with sole_user(tmp_path / "copy") as ours, sole_user(tmp_path / "copy") as theirs:
        assert (ours, theirs) == (True, False)
    with sole_user(tmp_path / "copy") as ours:
        assert ours


def test_a_mark_is_written_that_is_no_part_of_the_dataset(remote: Remote, address: str) -> None:
    remote.prove_writable()
    assert [*stored(address)] == [".taskcraft"]
    assert remote.files() == {}

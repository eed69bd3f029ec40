import multiprocessing
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskcraft_core import shards
from taskcraft_core.columns import EVIDENCE, LAYOUTS, MESSAGE, SELECTOR, TOOL_CALL, to_rows, to_table
from taskcraft_core.errors import StorageError, TaskCraftError
from taskcraft_core.models import (
    AtomicTask,
    Box,
    Document,
    Evidence,
    Figure,
    Link,
    Message,
    Passage,
    Reason,
    Record,
    Rejection,
    Selector,
    Table,
    ToolCall,
)
from taskcraft_core.shards import (
    parquet_bytes,
    read_result,
    read_shard,
    result_path,
    result_reference,
    result_sound,
    sound,
    sweep,
    write_aside,
    write_result,
    write_shard,
)

PLACES = st.from_regex(r"(p[0-9]{1,2}\.)?b[0-9]{1,3}(\.r[0-9]{1,2})?", fullmatch=True)
CELLS = st.lists(st.text(max_size=5), max_size=3).map(tuple)
BLOCKS = st.one_of(
    st.builds(Passage, place=PLACES, section=st.text(), text=st.text()),
    st.builds(Table, place=PLACES, caption=st.text(), header=CELLS, rows=st.lists(CELLS, max_size=3).map(tuple)),
    st.builds(Box, place=PLACES, entries=st.lists(st.tuples(st.text(), st.text()), max_size=3).map(tuple)),
    st.builds(Figure, place=PLACES, document_id=st.none() | st.text()),
)
DOCUMENTS = st.builds(
    Document,
    id=st.text(),
    uri=st.text(),
    title=st.text(),
    media_type=st.sampled_from(["text/html", "application/pdf", "image/png"]),
    language=st.text(max_size=3),
    blocks=st.lists(BLOCKS, max_size=4).map(tuple),
    links=st.lists(st.builds(Link, place=PLACES, text=st.text(), href=st.text()), max_size=3).map(tuple),
)
REJECTIONS = st.builds(
    Rejection,
    stage=st.sampled_from(["ingest", "audit"]),
    reason=st.sampled_from(Reason),
    item=st.text(),
    detail=st.text(),
    document_id=st.none() | st.text(),
)
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def document(number: int) -> Document:
    return Document(
        id=f"{number:064x}",
        uri=f"moons/{number}.html",
        title=f"Moon {number} 月",
        media_type="text/html",
        language="en",
        blocks=(Passage(place="b0", text="It was seen in 1610. " * number),),
        links=(Link(place="b0", text="home", href="/"),),
    )


def rejection(item: str) -> Rejection:
    return Rejection(stage="ingest", reason=Reason.EMPTY, item=item, detail="The file is empty.")


def atomic(question: str, document_id: str) -> AtomicTask:
    evidence = Evidence(
        document_id=document_id,
        uri="u",
        media_type="text/html",
        quote="Radius: 5 km",
        answer_span="5 km",
        place="b0.r1",
    )
    return AtomicTask(
        question=question,
        answer="5 km",
        identifier="Io",
        relation="radius",
        language="en",
        tool="page",
        evidence=evidence,
    )


@QUICK
@given(documents=st.lists(DOCUMENTS, max_size=4), rejections=st.lists(REJECTIONS, max_size=4))
def test_any_record_comes_back_and_order_does_not_matter(
    tmp_path: Path, documents: list[Document], rejections: list[Rejection]
) -> None:
    reference = write_result(tmp_path, "ingest", "f1", documents, Document, rejections)
    again = write_result(tmp_path, "ingest", "f2", documents[::-1], Document, rejections[::-1])

    read, left_out = read_result(tmp_path, reference, Document)
    assert sorted(map(repr, read)) == sorted(map(repr, documents))
    assert sorted(map(repr, left_out)) == sorted(map(repr, rejections))
    assert [row.id for row in read] == sorted(row.id for row in documents)
    assert (reference.sha256, reference.rows) == (again.sha256, len(documents))
    assert result_sound(tmp_path, "ingest", "f1")


def test_atomic_tasks_come_back_sorted_by_document(tmp_path: Path) -> None:
    tasks = [atomic("B?", "d2"), atomic("A?", "d2"), atomic("Z?", "d1")]
    write_shard(tmp_path / "a.parquet", tasks, AtomicTask, tmp_path)
    assert read_shard(tmp_path / "a.parquet", AtomicTask) == [tasks[2], tasks[1], tasks[0]]


def test_equal_records_give_equal_bytes_and_a_relative_reference(tmp_path: Path) -> None:
    records = [document(n) for n in (3, 1, 2)]
    one = write_result(tmp_path / "x", "ingest", "f" * 32, records, Document, [rejection("a")])
    two = write_result(tmp_path / "y", "ingest", "f" * 32, records[::-1], Document, [rejection("a")])
    assert one == two == result_reference(tmp_path / "x", "ingest", "f" * 32)
    assert one.path == f"work/ingest/{'f' * 32}.parquet"
    assert (tmp_path / "x" / one.path).read_bytes() == (tmp_path / "y" / two.path).read_bytes()


def test_any_reader_of_parquet_sees_columns(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.parquet", [atomic("A?", "d1")], AtomicTask, tmp_path)
    row = pq.read_table(tmp_path / "a.parquet").to_pylist()[0]
    assert (row["answer"], row["evidence"]["answer_span"]) == ("5 km", "5 km")


@pytest.mark.parametrize(
    ("columns", "record"),
    [
        *((layout.schema, kind) for kind, layout in LAYOUTS.items()),
        (EVIDENCE, Evidence),
        (MESSAGE, Message),
        (TOOL_CALL, ToolCall),
        (SELECTOR, Selector),
    ],
    ids=lambda part: getattr(part, "__name__", ""),
)
def test_every_field_of_a_record_has_its_column(columns: Any, record: type[Record]) -> None:
    """A field without a column would be lost without a word."""
    assert columns.names == [*record.model_fields]


def test_a_truncated_missing_or_foreign_file_is_not_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    assert not sound(path)
    write_shard(path, [document(1)], Document, tmp_path)
    whole = path.read_bytes()
    for length in (0, 4, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert not sound(path)
    with pytest.raises(TaskCraftError, match=r"a\.parquet.*delete it"):
        read_shard(path, Document)
    pq.write_table(pq.read_table(_written(tmp_path)).drop(["links"]), path)
    assert not sound(path)


def _written(out: Path) -> Path:
    write_shard(out / "ok.parquet", [document(1)], Document, out)
    return out / "ok.parquet"


def test_no_flipped_byte_changes_what_a_sound_file_says(tmp_path: Path) -> None:
    records = [document(n) for n in range(3)]
    path = tmp_path / "a.parquet"
    write_shard(path, records, Document, tmp_path)
    whole = path.read_bytes()
    seen = 0
    for position in range(0, len(whole), 17):
        damaged = bytearray(whole)
        damaged[position] ^= 0x55
        path.write_bytes(damaged)
        if sound(path):
            assert read_shard(path, Document) == records, position
        else:
            seen += 1
    assert seen > 20


@pytest.mark.parametrize("lost", ["", ".rejected"])
def test_a_result_wants_both_files(tmp_path: Path, lost: str) -> None:
    write_result(tmp_path, "ingest", "f1", [document(1)], Document, [])
    result_path(tmp_path, "ingest", "f1").with_suffix(f"{lost}.parquet").unlink()
    assert not result_sound(tmp_path, "ingest", "f1")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    write_shard(path, [document(1)], Document, tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards.os, "fsync", full)
    with pytest.raises(StorageError, match="the disk is full; free some space"):
        write_shard(path, [document(2)], Document, tmp_path)
    assert read_shard(path, Document) == [document(1)]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.parquet"]


def _hang_while_writing(path: Path) -> None:
    shards.os.fsync = lambda _: (path.with_name("ready").touch(), time.sleep(60))  # type: ignore[assignment]
    write_aside(path, b"half")


def test_sweep_removes_what_a_killed_writer_left_but_not_what_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "work" / "a.parquet"
    path.parent.mkdir()
    writer = multiprocessing.get_context("fork").Process(target=_hang_while_writing, args=(path,))
    writer.start()
    try:
        _until(path.with_name("ready").exists)
        assert sweep(tmp_path) == 0
        os.kill(writer.pid or 0, signal.SIGKILL)
    finally:
        writer.kill()
        writer.join()
    assert not path.exists()
    assert sweep(tmp_path) == 1
    assert [entry.name for entry in path.parent.iterdir()] == ["ready"]


def _until(condition: object) -> None:
    beat = threading.Event()
    for _ in range(2000):
        if condition():  # type: ignore[operator]
            return
        beat.wait(0.005)
    raise AssertionError("never happened")


@pytest.mark.parametrize("count", [0, 1, 255, 256, 257, 600])
def test_a_table_made_piece_by_piece_is_the_same_file(count: int) -> None:
    records = [atomic(f"Which is number {n}?", f"d{n % 7}") for n in range(count)]
    whole = pa.Table.from_pylist(to_rows(records, AtomicTask), schema=LAYOUTS[AtomicTask].schema)
    assert parquet_bytes(to_table(records[::-1], AtomicTask)) == parquet_bytes(whole)

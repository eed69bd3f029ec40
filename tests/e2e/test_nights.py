"""A night after a full build: 1 % of the documents new, 1 % changed, 1 % gone, over a loopback model server."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpora import change, write_corpus
from model_builds import ModelBuild, build, environment

from taskcraft_core.dataset.rows import Row
from taskcraft_core.loopback.process import start

READING = {"read_page", "read_pdf", "view_image"}


@dataclass(frozen=True)
class Built:
    """A build, its rows, and what it took."""

    rows: dict[str, Row]
    calls: int
    seconds: float
    cpu: float
    printed: str


@dataclass(frozen=True)
class Night:
    """A full build and the one after it, with the bytes of every page before and after by its uri."""

    full: Built
    second: Built
    before: dict[str, bytes]
    after: dict[str, bytes]

    @property
    def untouched(self) -> set[str]:
        """The uris of the pages that are the same."""
        return {uri for uri, data in self.before.items() if self.after.get(uri) == data}


def night_of(home: Path, documents: int, changes: int) -> Night:
    """Builds a corpus, changes so many of its documents in each way, and builds again."""
    pages = home / "pages"
    write_corpus(pages, documents)
    before = _bytes_of(pages)
    with start() as server:
        env = environment(server, home / "prefect", PREFECT_LOGGING_LEVEL="ERROR")

        def timed() -> Built:
            began, cpu = time.monotonic(), _cpu()
            made = build([str(pages)], home / "out", env, server, seconds=7_200)
            return _built(made, time.monotonic() - began, _cpu() - cpu)

        full = timed()
        change(pages, changes, changes, changes, seed=1)
        return Night(full, timed(), before, _bytes_of(pages))


def _built(made: ModelBuild, seconds: float, cpu: float) -> Built:
    return Built(made.rows, made.seen["seen"], seconds, cpu, made.printed)


def _cpu() -> float:
    """Processor seconds of the builds that have ended."""
    return sum(os.times()[2:4])


def _bytes_of(pages: Path) -> dict[str, bytes]:
    return {f"pages/{page.relative_to(pages).as_posix()}": page.read_bytes() for page in pages.rglob("*.html")}


def _read(row: Row) -> Iterator[str]:
    """The uris of the documents that a row rests on: of its evidence, and those that were read on the way."""
    yield from (evidence.uri for evidence in row.evidence)
    for message in row.trajectory:
        for call in message.tool_calls:
            if call.name in READING:
                yield json.loads(call.arguments)["uri"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return night_of(tmp_path_factory.mktemp("night"), 32, 1)


def test_a_night_asks_little_of_what_a_full_build_asks(small: Night) -> None:
    touched = 2  # one document is new, one has changed
    assert 0 < small.second.calls <= 3 * touched * small.full.calls / len(small.before), small.second.printed


def test_rows_of_documents_that_are_the_same_are_the_same(small: Night) -> None:
    rested = {task_id: row for task_id, row in small.full.rows.items() if set(_read(row)) <= small.untouched}
    assert len(rested) > len(small.full.rows) / 2
    changed = [row for task_id, row in rested.items() if small.second.rows[task_id].row_hash != row.row_hash]
    assert changed == []


def test_a_night_asks_about_what_is_new_and_what_has_changed(small: Night) -> None:
    fresh = [row for task_id, row in small.second.rows.items() if task_id not in small.full.rows]
    asked = {evidence.uri for row in fresh if row.kind == "atomic" for evidence in row.evidence}
    assert asked == small.after.keys() - small.untouched
    current = {uri for row in fresh for uri in _read(row)}
    assert current <= small.after.keys(), "nothing new rests on a document that is gone"


@pytest.mark.soak
def test_a_night_of_2000_documents(tmp_path: Path) -> None:
    night = night_of(tmp_path, 2_000, 20)
    full, second = night.full, night.second
    calls, wall, cpu = second.calls / full.calls, second.seconds / full.seconds, second.cpu / full.cpu
    print(
        f"\nfull build: {full.calls:,} calls, {full.seconds:.0f} s, {full.cpu:.0f} s of processor, {len(full.rows):,}"
        f" rows\nnight: {second.calls:,} calls ({calls:.1%}), {second.seconds:.0f} s ({wall:.1%}), {second.cpu:.0f} s"
        f" of processor ({cpu:.1%}), {len(second.rows):,} rows\n{second.printed}"
    )
    assert calls <= 0.06
    assert wall <= 0.25

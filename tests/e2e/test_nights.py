"""A night after a full build: 1 % of the documents new, 1 % changed, 1 % gone, over a loopback model server."""

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from corpora import change, write_corpus
from model_builds import ModelBuild, build, environment

from taskcraft_core.dataset.rows import Row, from_table
from taskcraft_core.dataset.store import read_dataset
from taskcraft_core.loopback.process import start

READING = {"read_page", "read_pdf", "view_image"}
LINK = re.compile(rb'href="\.\./([^"]+)"')


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
    """A full build and the one after it in the same folder, with the bytes of every page before and after by its uri.

    Both prune, as the nightly deployment does.
    """

    full: Built
    second: Built
    before: dict[str, bytes]
    after: dict[str, bytes]
    out: Path

    @property
    def untouched(self) -> set[str]:
        """The uris of the pages that are the same."""
        return {uri for uri, data in self.before.items() if self.after.get(uri) == data}

    @property
    def shown_the_same(self) -> set[str]:
        """Those of them that readers are shown as before: a page tells its links to what is there, and no other."""
        moved = self.before.keys() ^ self.after.keys()
        linked = {uri: {f"pages/{to.decode()}" for to in LINK.findall(self.before[uri])} for uri in self.untouched}
        return {uri for uri, links in linked.items() if not links & moved}

    def quoting_the_gone(self, version: int) -> set[str]:
        """The tasks of a version of the dataset that quote pages which are gone."""
        gone = self.before.keys() - self.after.keys()
        rows = from_table(read_dataset(self.out, version))
        return {row.task_id for row in rows if any(evidence.uri in gone for evidence in row.evidence)}


def night_of(home: Path, documents: int, changes: int) -> Night:
    """Builds a corpus, changes so many of its documents in each way, and builds again."""
    pages = home / "pages"
    write_corpus(pages, documents)
    before, out = _bytes_of(pages), home / "out"
    with start() as server:
        env = environment(server, home / "prefect", PREFECT_LOGGING_LEVEL="ERROR")

        def timed() -> Built:
            began, cpu = time.monotonic(), _cpu()
            made = build([str(pages)], out, env, server, "--prune", seconds=7_200)
            return _built(made, time.monotonic() - began, _cpu() - cpu)

        full = timed()
        change(pages, changes, changes, changes, seed=1)
        return Night(full, timed(), before, _bytes_of(pages), out)


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
    rested = {task_id: row for task_id, row in small.full.rows.items() if set(_read(row)) <= small.shown_the_same}
    assert len(rested) > len(small.full.rows) / 2
    now = {task_id: row.row_hash for task_id, row in small.second.rows.items()}
    assert [row for task_id, row in rested.items() if now.get(task_id) != row.row_hash] == []


def test_a_night_asks_about_what_is_new_and_what_has_changed(small: Night) -> None:
    fresh = [row for task_id, row in small.second.rows.items() if task_id not in small.full.rows]
    asked = {evidence.uri for row in fresh if row.kind == "atomic" for evidence in row.evidence}
    assert asked == small.after.keys() - small.untouched
    current = {uri for row in fresh for uri in _read(row)}
    assert current <= small.after.keys(), "nothing new rests on a document that is gone"


def test_tasks_of_documents_that_are_gone_leave_and_stay_in_the_version_before(small: Night) -> None:
    assert_the_gone_have_left(small)


def assert_the_gone_have_left(night: Night) -> None:
    """Version 2 quotes no page that is gone, version 1 still does, and the summary counts why tasks left."""
    left = night.quoting_the_gone(1)
    assert left and left <= night.full.rows.keys()
    assert night.quoting_the_gone(2) == set() == left & night.second.rows.keys()
    told = re.search(r"^Retired for: .*?(?P<gone>[\d,]+) document_gone", night.second.printed, re.M)
    assert told, night.second.printed
    atomic = {task_id for task_id in left if night.full.rows[task_id].kind == "atomic"}
    assert len(atomic) <= int(told["gone"].replace(",", "")) <= len(left)
    assert "Retired for:" not in night.full.printed


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
    assert_the_gone_have_left(night)
    assert calls <= 0.06
    assert wall <= 0.25

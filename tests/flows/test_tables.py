"""The tables at the end of a build."""

import io

import pytest
from rich.console import Console

from flows.outcome import FailedShard
from flows.shard_sizes import too_large
from flows.summary import BuildSummary, StageCount
from flows.tables import print_summary
from taskcraft_core.dataset.store import Published

SUMMARY = BuildSummary(
    out="out/[x]", documents={"text/html": 1}, tasks=(), rejections=(), stages=(),
    published=Published(version=1, new_version=True, added=1, updated=0, retired=0),
    release=None, example="ab" * 32, solved=1, carried=0, seconds=1.0,
)  # fmt: skip


def printed(**changed: object) -> str:
    written = io.StringIO()
    print_summary(SUMMARY.model_copy(update=changed), Console(file=written, width=80))
    return written.getvalue()


def test_a_build_ends_with_a_command_that_shows_a_task() -> None:
    assert f"taskcraft show {'ab' * 6} --out 'out/[x]'" in printed()


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        (
            {"calls_made": 1200, "calls_found": 30, "usd": 1.5},
            "1,200 made, $1.50; 30 more were answered from the journ",
        ),
        ({"calls_made": 2, "usd": 0.0, "unpriced": 2}, "2 made, at unknown cost."),
        ({"calls_made": 2, "usd": 0.0123, "unpriced": 1}, "2 made, at least $0.0123."),
        ({"calls_made": 2, "searches": 1, "usd": 0.5}, "2 made, 1 search of the web, $0.50."),
        ({"calls_found": 5}, "0 made, $0.00; 5 more were answered from the journal."),
    ],
)
def test_a_build_with_models_tells_what_they_were_asked(counts: dict[str, object], says: str) -> None:
    assert f"Model calls: {says}" in printed(**counts)
    assert "Model calls" not in printed()


def test_solutions_are_told_where_a_solver_keeps_them() -> None:
    assert "Solutions: 1 solved, 0 carried over." in printed()
    assert "Solutions" not in printed(solved=0)


def test_nothing_accepted_is_a_sentence_and_no_empty_table() -> None:
    told = printed(published=Published(version=0), example=None)
    assert "No task was accepted, so no version was made; see rejections.parquet." in told
    assert "0 tasks" not in told and "Version" not in told and "Release" not in told


def test_what_left_is_told_with_its_reasons_and_why_nothing_could() -> None:
    assert "Retired for: 12 document_gone, 3 parent_left." in printed(retired={"document_gone": 12, "parent_left": 3})
    told = printed(not_pruned="[http://x/y]: cannot be fetched: the server answered 500")
    assert "Not pruned, for not every source was listed completely: [http://x/y]: cannot be" in told
    assert "Retired" not in printed() and "pruned" not in printed()


def test_shards_that_a_build_went_on_without_are_told_stage_by_stage() -> None:
    stages = (
        StageCount(stage="verify", computed=4, reused=2, rows=9),
        StageCount(stage="depth, 2 hops", computed=7, reused=0, rows=1),
    )
    failed = (
        FailedShard(stage="verify", shard="verify, 3 of 8", reason="[a] is full."),
        FailedShard(stage="verify", shard="verify, 4 of 8", reason="b."),
        FailedShard(stage="depth, 2 hops", shard="depth, 2 hops, 1 of 8", reason="c."),
    )
    told = printed(stages=stages, failed_shards=failed)
    assert "Went on without 2 of 8 shards of verify: [a] is full.\n" in told
    assert "Went on without 1 of 8 shards of depth, 2 hops: c.\n" in told
    assert "Went on" not in printed()


@pytest.mark.parametrize(
    ("documents", "shards", "buckets"),
    [(500, 1, None), (4_000, 8, None), (501, 1, "6"), (10_000, 8, "100"), (60_000, 8, "200"), (400_000, 200, "800")],
)
def test_shards_that_are_too_large_are_told_with_a_better_number(
    documents: int, shards: int, buckets: str | None
) -> None:
    told = printed(stages=(StageCount(stage="ingest", computed=shards - 1, reused=1, rows=documents),))
    if buckets is None:
        assert "Shards hold" not in told
    else:
        assert f"Shards hold {documents // shards:,} documents each; with buckets = {buckets} a stop" in told
        assert too_large(documents, int(buckets)) is None

"""The tables at the end of a build."""

import io

import pytest
from rich.console import Console

from flows.summary import BuildSummary
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

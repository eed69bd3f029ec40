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
        ({"calls_made": 1200, "calls_found": 30, "usd": 1.5}, "1,200 made, 30 from the journal, $1.50."),
        ({"calls_made": 2, "usd": 0.0, "unpriced": 2}, "2 made, 0 from the journal, at unknown cost."),
        ({"calls_made": 2, "usd": 0.0123, "unpriced": 1}, "2 made, 0 from the journal, at least $0.0123."),
        ({"calls_found": 5}, "0 made, 5 from the journal, $0.00."),
    ],
)
def test_a_build_with_models_tells_what_they_were_asked(counts: dict[str, object], says: str) -> None:
    assert f"Model calls: {says}" in printed(**counts)
    assert "Model calls" not in printed()

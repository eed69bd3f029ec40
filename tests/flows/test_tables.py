"""The tables at the end of a build."""

import io

from rich.console import Console

from flows.summary import BuildSummary
from flows.tables import print_summary
from taskcraft_core.dataset.store import Published


def test_a_build_ends_with_a_command_that_shows_a_task() -> None:
    published = Published(version=1, new_version=True, added=1, updated=0, retired=0)
    summary = BuildSummary(
        out="out/[x]", documents={"text/html": 1}, tasks=(), rejections=(), stages=(), published=published,
        release=None, example="ab" * 32, solved=1, carried=0, seconds=1.0,
    )  # fmt: skip
    written = io.StringIO()
    print_summary(summary, Console(file=written, width=80))
    assert f"taskcraft show {'ab' * 6} --out 'out/[x]'" in written.getvalue()

"""The workbench over the live web."""

from pathlib import Path

import pytest

from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.config import BuildConfig
from taskcraft_core.loopback.process import start
from taskcraft_core.models import Document, Passage
from taskcraft_core.shards import write_result
from tasks.counts import Counts
from tasks.manifest import write_manifest
from tasks.workbench import bench_for, counts, engine_for, put_away


async def test_with_the_live_web_images_are_shown_to_models_that_see_and_own_documents_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chart = Document(
        id="1" * 64, uri="i/tides.png", title="Tides", media_type="image/png", language="en",
        blocks=(Passage(place="b0", text="Spring tides 5.15 m"),),
    )  # fmt: skip
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / chart.id).write_bytes(b"\x89PNG")
    shard = write_result(tmp_path, "ingest", "aaaa", [chart], Document, [])
    manifest = write_manifest(tmp_path, "ingest", [shard])
    with start() as server:
        monkeypatch.setenv("TAVILY_API_KEY", "tvly-any")
        monkeypatch.setenv("TASKCRAFT_TAVILY_BASE_URL", server.address)
        try:
            tools = (await bench_for(tmp_path, manifest, BuildConfig(search="tavily"))).tools
            assert tools.picture is not None
            assert tools.picture(chart.uri) == "data:image/png;base64,iVBORw=="
            assert "i/tides.png" in await tools.call("search", {"query": "spring tides"})
            assert server.stats()["searches"] == 1
        finally:
            await put_away()


async def test_what_others_spend_of_the_same_journal_is_not_counted_as_done_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKCRAFT_PROCESSES", "2")
    monkeypatch.setenv("TASKCRAFT_MAX_CALLS", "9")
    before = counts()
    try:
        engine = await engine_for(tmp_path, BuildConfig(search="tavily"))
        assert engine is not None
        others = await open_journal(tmp_path, None)
        await others.put(CallRecord("k", "chat", "", "m", "author", "", "", 0, "{}", 70, 7, 0.5, 1.0, 1.0))
        await others.close()
        (await engine.budget.ask(10, 0.25)).settle(20, 0.125)
        assert engine.budget.spent.calls == 2
        assert counts() - before == Counts(searches=1, tokens=20, usd=0.125)
    finally:
        await put_away()
    assert counts() - before == Counts(searches=1, tokens=20, usd=0.125)

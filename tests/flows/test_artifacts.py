"""What is shown of a build: what stays harmless and short, how far a bar is, and that a failing board fails nothing."""

import json
import logging
from uuid import UUID, uuid4

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId
from prefect.client.schemas.objects import Artifact
from prefect.context import FlowRunContext

from flows.artifacts import LONGEST_CELL, MOST_ROWS, Board, board_of, shown_on
from flows.bars import Bar, drawn
from flows.funnel import cost_rows, cost_told, spent
from flows.naming import LONGEST_NAME, escaped, name_of_build
from flows.outlook import Meter
from taskcraft_core.calls.journal import CostLine
from tasks.counts import Counts
from tasks.progress import Listener, watcher


async def artifacts_of(run: UUID) -> dict[str, Artifact]:
    async with get_client() as client:
        wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
        found = await client.read_artifacts(artifact_filter=wanted)
    assert len({one.key for one in found}) == len(found)
    return {str(one.key): one for one in found}


@pytest.mark.parametrize(
    ("sources", "name"),
    [
        (["data/samples"], "build demo: data/samples"),
        (["/srv/handbooks/2026/solar/", "b.pdf"], "build demo: 2026/solar, b.pdf"),
        (["https://user:secret@site.example/docs/?token=secret"], "build demo: site.example/docs"),
        (["a", "b", "c", "d"], "build demo: a, b and 2 more"),
        ([], "build demo: my/own.jsonl"),
    ],
)
def test_a_build_is_called_by_what_it_makes_from_what(sources: list[str], name: str) -> None:
    assert name_of_build({"sources": sources, "out": "/srv/out/demo", "tasks": "/my/own.jsonl"}) == name


def test_a_name_stays_short_and_in_one_line() -> None:
    name = name_of_build({"sources": ["long " * 50, "two\nlines", "third"], "out": "out/demo"})
    assert len(name) == LONGEST_NAME and name.endswith("… and 1 more") and name.isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=http://spy.example/x>", r"\<img src=http\://spy.example/x\>"),
        ("![x](http://spy.example) **b** `c`", r"!\[x\](http\://spy.example) \*\*b\*\* \`c\`"),
        ("two\nlines | a cell", r"two lines \| a cell"),
        ("answer_not_atomic 5, _x_", r"answer_not_atomic 5, \_x\_"),
        ("1. item", r"1\. item"),
        ("- item", r"\- item"),
        ("www.spy.example &lt;", r"www\.spy.example \&lt;"),
    ],
)
def test_what_comes_from_outside_is_no_markdown(text: str, shown: str) -> None:
    assert escaped(text) == shown


def meter(items: int = 0) -> Meter:
    return Meter(watcher(), items, Counts)


def test_a_bar_goes_by_items_and_a_reused_shard_is_done_from_the_start() -> None:
    bar = Bar(meter(items=30))
    bar.stage_begins("verify", 8, 5, 100)
    assert bar.percent == 62.5
    bar.shard_done()
    assert bar.percent == 62.5, "it was a reused one"
    bar.items_done(15)
    assert bar.percent == round(100 * 6.5 / 8, 1)
    assert bar.text == "verify: 1 of 8 shards, 5 of them reused; 15 of 30 items."
    bar.items_done(900)
    assert bar.percent == 100


def test_a_bar_goes_by_shards_where_items_are_not_known() -> None:
    bar = Bar(meter())
    bar.stage_begins("width", 4, 0, None)
    bar.items_done(3)
    bar.shard_done()
    assert bar.percent == 25 and bar.text == "width: 1 of 4 shards."
    nothing = Bar(meter())
    nothing.stage_begins("verify", 0, 0, 0)
    assert nothing.percent == 100


async def test_a_stage_has_its_bar_on_the_board_of_the_build(prefect: None) -> None:
    @flow(persist_result=False)
    async def build() -> UUID:
        context = FlowRunContext.get()
        assert context is not None and context.flow_run is not None
        with shown_on(await board_of(context)):
            async with drawn(meter()) as listener:
                listener.stage_begins("depth, 2 hops", 2, 0, None)
                listener.shard_done()
                listener.stage_ends()
        return context.flow_run.id

    (key, artifact), *others = (await artifacts_of(await build())).items()
    assert not others and key == "taskcraft-depth-2-hops-progress" and artifact.data == 50
    assert artifact.description == "depth, 2 hops: 1 of 2 shards."


async def test_without_a_board_the_meter_alone_listens() -> None:
    alone: Listener = meter()
    async with drawn(alone) as listener:  # type: ignore[arg-type]
        assert listener is alone


async def test_a_table_is_cut_escaped_and_brought_up_to_date(prefect: None) -> None:
    @flow(persist_result=False)
    async def build() -> UUID:
        context = FlowRunContext.get()
        assert context is not None and context.flow_run is not None
        board = await board_of(context)
        await board.table("left-out", "At first.", [{"source": "a"}])
        await board.table("left-out", "Later.", [{"source": "<b>" * 200, "rows": 1}] * (MOST_ROWS + 1))
        return context.flow_run.id

    ((key, artifact),) = (await artifacts_of(await build())).items()
    assert key == "taskcraft-left-out" and artifact.description == f"Later. The first {MOST_ROWS} of {MOST_ROWS + 1}."
    rows = json.loads(str(artifact.data))
    assert len(rows) == MOST_ROWS and rows[0]["rows"] == 1
    assert rows[0]["source"].startswith(r"\<b\>\<b\>") and len(rows[0]["source"].replace("\\", "")) == LONGEST_CELL


async def test_a_board_that_cannot_be_written_to_says_so_once(prefect: None, caplog: pytest.LogCaptureFixture) -> None:
    gone = Board(uuid4(), {"taskcraft-funnel": uuid4()})  # the server knows no such artifact
    with caplog.at_level(logging.WARNING):
        await gone.table("funnel", "A funnel.", [{"stage": "verify"}])
        await gone.progress("verify", 50, "Half of it.")
        await gone.table("funnel", "A funnel.", [{"stage": "verify"}])
    told = [record.getMessage() for record in caplog.records if "up to date" in record.getMessage()]
    assert len(told) == 1 and "404" in told[0]


def test_costs_tell_this_run_from_all_and_know_what_has_no_price() -> None:
    def line(stage: str, calls: int, usd: float, unpriced: int = 0) -> CostLine:
        return CostLine(stage, "solver", "small", "chat", calls, 10 * calls, calls, usd, unpriced, 1.0)

    before, now = [line("verify", 4, 0.5)], [line("verify", 10, 1.25), line("depth", 3, 0.0, unpriced=3)]
    assert spent(now, before).calls == 9 and spent(now, before).usd == 0.75
    assert cost_told(now, before) == "at least $0.75 this run (9 calls), at least $1.25 so far (13 calls)."
    verify, depth = cost_rows(now, before)
    assert (verify["calls of this run"], verify["paid by this run"], verify["paid so far"]) == (6, "$0.75", "$1.25")
    assert (depth["calls so far"], depth["paid so far"]) == (3, "unknown")

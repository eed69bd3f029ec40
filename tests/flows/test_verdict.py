"""How a build and its stages end, in sentences."""

from pathlib import Path
from typing import Any

import pytest

from flows.outcome import NOT_BEGUN, FailedShard, StageRun, failure_of, parted, reason_of, told
from flows.summary import BuildSummary
from flows.verdict import told_build, where_it_lies
from taskcraft_core.calls.journal import CostLine
from taskcraft_core.dataset.store import Published
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.shards import Reference

SHARD = Reference(path="work/verify/a.parquet", rows=1204, sha256="11")
NEW = Published(version=3, added=1200, updated=4, retired=12, new_version=True)
FAILED = FailedShard(stage="verify", shard="verify, 3 of 8", reason="The disk is full.")


def paid(calls: int = 0, usd: float = 0.0, unpriced: int = 0) -> CostLine:
    return CostLine("", "", "", "", calls, 0, 0, usd, unpriced, 0.0)


def summary(out: Path | str, published: Published = NEW, **more: Any) -> BuildSummary:
    return BuildSummary(
        out=str(out), documents={}, tasks=(), rejections=(), stages=(), published=published, release=None, example=None,
        solved=0, carried=0, seconds=1.0, **more,
    )  # fmt: skip


def run(stage: str, **more: Any) -> StageRun:
    return StageRun(stage=stage, manifest="", shards=(SHARD,), **({"computed": 3, "reused": 5, "seconds": 35.4} | more))


@pytest.mark.parametrize(
    ("published", "cost", "message"),
    [
        (NEW, paid(), "Version 3 is new: 1,200 added, 4 updated, 12 retired."),
        (NEW, paid(9, 0.45), "Version 3 is new: 1,200 added, 4 updated, 12 retired; $0.45 for 9 calls."),
        (NEW, paid(9, 0.45, 2), "Version 3 is new: 1,200 added, 4 updated, 12 retired; at least $0.45 for 9 calls."),
        (Published(version=3, unchanged=7), paid(), "Version 3 is unchanged: nothing new."),
        (Published(version=0), paid(), "No task was accepted, so no version was made; see rejections.parquet."),
    ],
)
def test_a_build_ends_with_its_version_and_its_cost(
    tmp_path: Path, published: Published, cost: CostLine, message: str
) -> None:
    assert told_build(summary(tmp_path, published), tmp_path, cost) == (message, False)


def test_what_went_wrong_comes_first(tmp_path: Path) -> None:
    made = summary(tmp_path, failed_shards=(FAILED, FAILED), not_pruned="samples: the folder holds no file.")
    assert told_build(made, tmp_path, paid()) == (
        "Degraded: 2 shards failed and left out (verify, 3 of 8: The disk is full); nothing was retired, as not every "
        "source was listed completely (samples: the folder holds no file). Version 3 is new: 1,200 added, 4 updated, "
        "12 retired.",
        True,
    )


def test_a_stage_that_takes_or_leaves_each_item_says_how_many_of_how_many() -> None:
    assert told(run("verify"), 106) == "verify: 1,204 of 1,310 accepted; 8 shards, 5 of them reused; 35 s."
    long = run("depth, 2 hops", computed=1, reused=0, failed=(FAILED,), seconds=7350)
    assert told(long, 3) == (
        "depth, 2 hops: 1,204 tasks, 3 left out; 2 shards, 1 of them failed and left out; 2 h 2 min."
    )  # fmt: skip


def test_a_failure_counts_those_that_were_tried_and_tells_the_first() -> None:
    results = {"verify, 1 of 4": None, "verify, 2 of 4": SHARD, "verify, 3 of 4": KeyError("x"), "verify, 4 of 4": None}
    done, failed = parted("verify", results)
    assert done == [SHARD] and [one.shard for one in failed] == ["verify, 3 of 4", "verify, 1 of 4", "verify, 4 of 4"]
    error = failure_of("verify", failed, 4)
    assert str(error).startswith("1 of 4 shards of the stage verify failed (verify, 3 of 4: KeyError: 'x'); the others")
    assert error.failed == failed and failed[1].reason == NOT_BEGUN


def test_a_reason_stays_short() -> None:
    told = reason_of(TaskCraftError("The endpoint answered:\n" + "<p>" * 9000))
    assert told.startswith("The endpoint answered: <p>") and told.endswith("….") and len(told) < 700


def test_outputs_are_linked_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "releases" / "v3").mkdir(parents=True)
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").touch()
    report = tmp_path / "report" / "index.html"
    assert where_it_lies(summary(tmp_path), tmp_path).splitlines() == [
        f"- [Release v3]({(tmp_path / 'releases/v3').as_uri()}): `{tmp_path / 'releases/v3'}`",
        f"- [Report]({report.as_uri()}): `{report}`",
    ]
    stored = where_it_lies(summary("s3://bucket/a (b)"), tmp_path)
    assert stored.startswith("- [Release v3](s3://bucket/a%20%28b%29/releases/v3): `s3://bucket/a (b)/releases/v3`")

"""The sample documents, built once a session by the public command, and read again on their own."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.corpus import Corpus
from taskcraft_core.dataset.rows import Row, from_table
from taskcraft_core.documents.ingest import ingest
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.documents.sources import list_sources
from taskcraft_core.models import Document, Rejection
from taskcraft_core.shards import read_shard

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "data" / "samples"


@dataclass(frozen=True)
class Built:
    """A published dataset and the documents that it was made from, parsed once more."""

    out: Path
    printed: str
    rows: dict[str, Row]
    corpus: Corpus
    unusable: list[Rejection]
    left_out: list[Rejection]

    def kind(self, kind: str) -> list[Row]:
        return [row for row in self.rows.values() if row.kind == kind]


@pytest.fixture(scope="session")
async def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The dataset of `data/samples`; TASKCRAFT_BUILT names an output folder to look at instead of building one."""
    given = os.environ.get("TASKCRAFT_BUILT")
    out = Path(given) if given else tmp_path_factory.mktemp("e2e") / "out"
    again = tmp_path_factory.mktemp("again")
    building = asyncio.to_thread(lambda: "" if given else command("build", "data/samples", "--out", str(out)))
    printed, (documents, unusable) = await asyncio.gather(building, read_again(again))
    newest = max((out / "releases").glob("v*"), key=lambda path: int(path.name[1:]))
    rows = from_table(pq.read_table(sorted(newest.glob("*.parquet"))))
    left_out = read_shard(out / "rejections.parquet", Rejection)
    return Built(out, printed, {row.task_id: row for row in rows}, Corpus(documents), unusable, left_out)


def command(*arguments: str) -> str:
    """What the `taskcraft` command prints; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


async def read_again(out: Path) -> tuple[list[Document], list[Rejection]]:
    """The documents of the samples, read in a folder of their own."""
    listed, left_out = await list_sources([str(SAMPLES)], out, BuildConfig(), Settings())
    async with Sandbox(Settings()) as sandbox:
        documents, rejected = await ingest(listed, out, BuildConfig(), sandbox)
    return documents, left_out + rejected

"""Ten thousand documents, built once by the public command."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest
from corpora import write_corpus

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS, BUCKETS = 10_000, 100
OURS = ("OPENAI_", "TAVILY_", "TASKCRAFT_", "PREFECT_")
LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class Measured:
    """What a build took.

    Attributes:
        out: Its output folder.
        printed: What the command printed.
        wall: Seconds from the start of the command to its end.
        server: Processor seconds of the embedded Prefect server, its children included.
        peak: The most memory that the building process held, in bytes; parsers and the server are not in it.
        task_runs: Task runs in the server's database.
    """

    out: Path
    printed: str
    wall: float
    server: float
    peak: int
    task_runs: int

    @property
    def share(self) -> float:
        """The server's processor seconds for each second of wall time."""
        return self.server / self.wall


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The build, in a Prefect home of its own."""
    folder = tmp_path_factory.mktemp("ten-thousand")
    write_corpus(folder / "docs", DOCUMENTS, seed=7)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {"PREFECT_HOME": str(folder / "home"), "COLUMNS": "120"}
    command = [sys.executable, "-m", "flows.cli", "build", str(folder / "docs"), "--out", str(folder / "out")]
    with (folder / "log").open("w+", encoding="utf-8") as log:
        began = time.monotonic()
        building = subprocess.Popen(
            [*command, "--buckets", str(BUCKETS)], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        server, peak = watched(building)
        wall = time.monotonic() - began
        log.seek(0)
        printed = log.read()
    assert building.returncode == 0, printed[-2000:]
    with closing(sqlite3.connect(folder / "home" / "prefect.db")) as database:
        task_runs = database.execute("SELECT count(*) FROM task_run").fetchone()[0]
    return Measured(folder / "out", printed, wall, server, peak, task_runs)


def watched(building: subprocess.Popen[bytes]) -> tuple[float, int]:
    """Processor seconds of the build's server, and the most memory of the build itself, looked at until it ends."""
    process, server, seconds, peak = psutil.Process(building.pid), None, 0.0, 0
    while building.poll() is None:
        try:
            peak = max(peak, process.memory_info().rss)
            server = server or next(
                (one for one in process.children() if "flows.server_process" in one.cmdline()), None
            )
            seconds = sum(server.cpu_times()[:4]) if server else 0.0
        except psutil.NoSuchProcess:
            pass  # the server ends before the build, and the build before it is looked at
        time.sleep(LOOK_SECONDS)
    return seconds, peak


@pytest.mark.soak
def test_ten_thousand_documents_take_few_task_runs_and_little_of_the_server(
    built: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most 1,500 task runs, and the server's share of the wall time is under 10 %.

    The share is the processor time of the embedded Prefect server, user and system, its children included, from its
    start to the last look before it ends, over the wall time of the whole command, start and end of both included.
    The server also works while the build does, so this is what it takes of one processor and not what it delays.
    """
    with capsys.disabled():
        print(
            f"\n{DOCUMENTS:,} documents in {built.wall:,.0f} s: {built.task_runs:,} task runs, Prefect server "
            f"{built.server:.1f} s of processor time, {built.share:.1%} of wall time; peak memory "
            f"{built.peak / 2**30:.2f} GiB"
        )
    assert 3 * BUCKETS <= built.task_runs <= 1500, "the shards of ingest, generate and verify at least"
    assert 0 < built.share < 0.10
    assert built.peak < 4 * 2**30


@pytest.mark.soak
def test_every_document_was_read_and_most_gave_tasks(built: Measured) -> None:
    assert f"{DOCUMENTS} documents" in built.printed
    rows = pq.read_table(sorted((built.out / "releases" / "v1").glob("*.parquet")), columns=["task_id", "evidence"])
    quoted = {item["document_id"] for evidence in rows["evidence"].to_pylist() for item in evidence}
    assert len(quoted) > 0.9 * DOCUMENTS
    assert rows.num_rows == len(set(rows["task_id"].to_pylist())) > 3 * DOCUMENTS

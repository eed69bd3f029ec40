"""A build on a Dask cluster of this machine, which it starts itself and ends: the same rows as in one process."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parent.parent.parent
SOURCE = "data/samples/zh/mingsheng.html"
SMALL = ("--max-hops", "1", "--max-width", "1", "--buckets", "2")
MARK = "TASKCRAFT_BUILD_OF_THE_TEST"
"""A variable that all processes of a build inherit."""


def hashes(out: Path, home: Path, runner: str) -> dict[str, str]:
    """The hash of each row that the public command builds."""
    command = [sys.executable, "-m", "flows.cli", "build", SOURCE, "--out", str(out), "--runner", runner, *SMALL]
    env = os.environ | {"PREFECT_HOME": str(home), MARK: str(out)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    rows = pq.read_table(sorted((out / "releases" / "v1").glob("*.parquet")), columns=["task_id", "row_hash"])
    return dict(zip(rows["task_id"].to_pylist(), rows["row_hash"].to_pylist(), strict=True))


def left_of(out: Path) -> list[psutil.Process]:
    """The processes of a build that still run."""

    def belongs(process: psutil.Process) -> bool:
        try:
            return process.environ().get(MARK) == str(out)
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if belongs(process)]


@pytest.mark.soak
def test_a_cluster_of_this_machine_makes_the_same_rows_and_ends_with_the_build(tmp_path: Path) -> None:
    pytest.importorskip("prefect_dask", reason="needs the extra dask")
    home, out = tmp_path / "prefect", tmp_path / "dask"
    ours = hashes(out, home, "dask")
    assert ours and ours == hashes(tmp_path / "local", home, "local")
    assert left_of(out) == [] and not list((out / "work").glob(".cluster-*"))

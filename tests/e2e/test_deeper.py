"""With a longer chain allowed, longer chains are made: a build of minutes, so it is a long proof (`make soak`)."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from taskcraft_core.dataset.store import read_dataset

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.soak
def test_four_hops_are_made_where_four_are_allowed(tmp_path: Path) -> None:
    arguments = ["build", "data/samples", "--out", str(tmp_path / "out"), "--max-hops", "4"]
    done = subprocess.run([sys.executable, "-m", "flows.cli", *arguments], cwd=ROOT, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = read_dataset(tmp_path / "out").select(["kind", "hops", "parent_ids", "task_id"]).to_pylist()
    by_id = {row["task_id"]: row for row in rows}
    hops = Counter(row["hops"] for row in rows if row["kind"] == "depth")
    assert set(hops) == {2, 3, 4}, hops
    assert all(by_id[row["parent_ids"][0]]["hops"] == 3 for row in rows if row["hops"] == 4 and row["kind"] == "depth")

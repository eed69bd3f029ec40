"""What was there when an attempt to build had ended, so that attempts can be compared."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack import Stack, is_final

from taskcraft_core.loopback.process import Loopback

Run = dict[str, Any]

SHARD = re.compile(r".+, \d+ of \d+")
SECONDS = 300
"""No build here takes long, but machines may be busy."""


@dataclass(frozen=True)
class Attempt:
    """What was there when an attempt to build had ended: the run and those of its shards, and what was paid so far."""

    run: Run
    shards: list[Run]
    versions: list[str]
    calls_seen: int
    calls_kept: int

    def shards_again(self, before: Attempt) -> dict[str, str]:
        """The states of the shards that this attempt adds, by name."""
        known = {run["id"] for run in before.shards}
        return {run["name"]: run["state"]["name"] for run in self.shards if run["id"] not in known}


def attempt(stack: Stack, models: Loopback, run_id: str, out: Path, paid: int) -> Attempt:
    """What is there now; so many calls were paid before the run."""
    shards = shards_of(stack, run_id)
    versions = sorted(path.name for path in (out / "releases").glob("v*"))
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal:
        (kept,) = journal.execute("SELECT count(DISTINCT key) FROM calls WHERE kind = 'chat'").fetchone()
    return Attempt(stack.flow_run(run_id), shards, versions, models.stats()["seen"] - paid, kept)


def shards_of(stack: Stack, run_id: str) -> list[Run]:
    """The shards of all stages of a run that has ended, as soon as the server has written down how each of them did."""
    deadline = time.monotonic() + SECONDS
    while True:
        shards = [run for run in stack.task_runs(run_id) if SHARD.fullmatch(run["name"])]
        stages = {stage["id"] for stage in stack.children(run_id) if stage["name"] != "publish"}
        counts = Counter((run["flow_run_id"], run["name"].rpartition(" of ")[2], label(run)) for run in shards)
        whole = all(count == int(of) for (_, of, _), count in counts.items())
        if whole and stages == {stage for stage, _, _ in counts} and all(is_final(run) for run in shards):
            return shards
        assert time.monotonic() < deadline, sorted(run["name"] for run in shards)
        time.sleep(0.5)


def label(shard: Run) -> str:
    """What the stage of a shard is called in its name."""
    return str(shard["name"]).rpartition(", ")[0]


def assert_no_call_is_paid_twice(failed: Attempt, retried: Attempt) -> None:
    """What the models saw is what is kept, each call once; the retry asks only for what was missing."""
    assert 0 < failed.calls_seen == failed.calls_kept
    assert failed.calls_seen < retried.calls_seen == retried.calls_kept

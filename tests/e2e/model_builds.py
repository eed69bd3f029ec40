"""Builds with chat models, over a loopback server: what the tests of model builds share."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from taskcraft_core.dataset.rows import Row, from_table
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.models import Rejection
from taskcraft_core.shards import read_shard

ROOT = Path(__file__).parent.parent.parent
KEY = "sk-planted-5f3a9c71d2e84b60"
HEADER, QUERY, TAVILY = "gw-planted-88d1e0c2a7", "qs-planted-0b64f9173e", "tv-planted-c2907bd5f1"
SECRETS = (KEY, HEADER, QUERY, TAVILY)
MODEL = "openai:gpt-4o-mini"


@dataclass(frozen=True)
class ModelBuild:
    """A build, what it printed, and what the server saw of it."""

    out: Path
    printed: str
    seen: dict[str, Any]

    @property
    def rows(self) -> dict[str, Row]:
        """The newest version, by task id."""
        newest = max((self.out / "releases").glob("v*"), key=lambda path: int(path.name[1:]))
        return {row.task_id: row for row in from_table(pq.read_table(sorted(newest.glob("*.parquet"))))}

    @property
    def rejections(self) -> list[Rejection]:
        """What it left out."""
        return read_shard(self.out / "rejections.parquet", Rejection)

    @property
    def kinds(self) -> Counter[tuple[str, int]]:
        """Rows by kind and hops."""
        return Counter((row.kind, row.hops) for row in self.rows.values())


def environment(server: Loopback, home: Path, **more: str) -> dict[str, str]:
    """The environment of a build: its own Prefect home, the server, and secrets to look for afterwards."""
    own = {
        "PREFECT_HOME": str(home),
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": KEY,
        "TAVILY_API_KEY": TAVILY,
        "TASKCRAFT_OPENAI_HEADERS": json.dumps({"X-Gateway-Key": HEADER}),
        "TASKCRAFT_OPENAI_QUERY": json.dumps({"code": QUERY}),
    }
    return {name: text for name, text in os.environ.items() if not name.startswith("TASKCRAFT_")} | own | more


def command(sources: list[str], out: Path, *options: str) -> list[str]:
    """The command line of a build."""
    return [sys.executable, "-m", "flows.cli", "build", *sources, "--out", str(out), "--model", MODEL, *options]


def build(
    sources: list[str], out: Path, env: Mapping[str, str], server: Loopback, *options: str, seconds: float = 900
) -> ModelBuild:
    """Builds, and it has to succeed; the server counts from 0."""
    server.control(reset=True)
    done = subprocess.run(
        command(sources, out, *options), cwd=ROOT, env=env, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return ModelBuild(out, done.stdout + done.stderr, server.stats())


def fail(sources: list[str], out: Path, env: Mapping[str, str], *options: str) -> str:
    """A build that has to fail; what it printed."""
    done = subprocess.run(
        command(sources, out, *options), cwd=ROOT, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode in (1, 2), done.stdout + done.stderr
    return done.stdout + done.stderr

"""Builds that are killed at random moments and started again: nothing is paid twice, and nothing is missing."""

import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from model_builds import ROOT, ModelBuild, build, command, environment

from taskcraft_core.loopback.process import Loopback, start

pytestmark = pytest.mark.soak
SOURCES = ["data/samples/zh", "data/samples/missions"]
KILLS = 12
CAP = 32


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with start(latency=0.02, jitter=0.5) as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prefect")


@pytest.fixture(scope="module")
def whole(server: Loopback, home: Path, tmp_path_factory: pytest.TempPathFactory) -> ModelBuild:
    """The build that nobody interrupts."""
    return build(SOURCES, tmp_path_factory.mktemp("whole"), env_of(server, home), server)


def env_of(server: Loopback, home: Path) -> dict[str, str]:
    return environment(server, home, TASKCRAFT_CALLS_AT_ONCE=str(CAP))


def killed(out: Path, env: dict[str, str], server: Loopback, after: int) -> int:
    """Starts a build, kills it and its server when so many calls were seen, and returns how many were seen then."""
    server.control(reset=True)
    running = subprocess.Popen(
        command(SOURCES, out), cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while server.stats()["seen"] < after and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert running.poll() is None, "it was killed in the middle, and did not end by itself"
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    return int(server.stats()["seen"])


def journalled(out: Path) -> int:
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal:
        return int(journal.execute("SELECT count(*) FROM calls WHERE kind = 'chat'").fetchone()[0])


@pytest.mark.parametrize("number", range(KILLS))
def test_a_killed_run_repeats_only_the_calls_in_flight(
    number: int, whole: ModelBuild, server: Loopback, home: Path, tmp_path: Path
) -> None:
    total = whole.seen["seen"]
    after = random.Random(number).randrange(1, total * 9 // 10)
    env = env_of(server, home)
    seen = killed(tmp_path, env, server, after)
    in_flight = seen - journalled(tmp_path)
    assert 0 <= in_flight <= CAP
    again = build(SOURCES, tmp_path, env, server)
    repeated = seen + again.seen["seen"] - total
    print(f"killed after {seen} of {total} calls: {in_flight} in flight, {repeated} repeated")
    assert 0 <= repeated <= in_flight
    hashes = {key: row.row_hash for key, row in whole.rows.items()}
    assert {key: row.row_hash for key, row in again.rows.items()} == hashes

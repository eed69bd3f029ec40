"""The same build in one process and on a Dask cluster of two workers: the same rows, under the same limits."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dask_processes import Cluster, Database, Wire, cluster, postgres
from model_builds import ROOT, SECRETS, ModelBuild, build, command, environment, fail

from taskcraft_core.loopback.process import Loopback, start

SOURCES = ["data/samples/zh"]
CAP = 7
"""Odd, so that two workers cannot share it evenly."""
PREFECT_SECRET = "pnu-planted-71c0ffee2a"


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with start(latency=0.05, jitter=0.5) as server:
        yield server


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with postgres() as database:
        yield database


@pytest.fixture(scope="module")
def env(server: Loopback, database: Database, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(
        server, tmp_path_factory.mktemp("prefect"), TASKCRAFT_CALLS_AT_ONCE=str(CAP),
        TASKCRAFT_JOURNAL_URL=database.url, PREFECT_API_KEY=PREFECT_SECRET,
    )  # fmt: skip


@pytest.fixture(scope="module")
def dask(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("dask"), env) as dask:
        yield dask


@pytest.fixture(scope="module")
def local(server: Loopback, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> ModelBuild:
    """The build in one process, with a journal of its own."""
    alone = {name: text for name, text in env.items() if name != "TASKCRAFT_JOURNAL_URL"}
    return build(SOURCES, tmp_path_factory.mktemp("local"), alone, server)


def hashes(built: ModelBuild) -> dict[str, str]:
    return {key: row.row_hash for key, row in built.rows.items()}


def test_a_cluster_makes_the_same_rows_with_as_many_calls_and_within_the_same_limits(
    local: ModelBuild, server: Loopback, database: Database, env: dict[str, str], dask: Cluster, tmp_path: Path
) -> None:
    database.forget()
    total = local.seen["seen"]
    most = total // 2
    server.control(reset=True)
    wire = Wire(dask.address)
    with wire as address:
        runner = ("--runner", f"dask:{address}")
        said = " ".join(fail(SOURCES, tmp_path, env, *runner, "--max-calls", str(most)).split())
        first = server.stats()
        ours = build(SOURCES, tmp_path, env, server, *runner)
    assert first["seen"] == most
    assert f"--max-calls {most} allows no further call: so far {most:,} calls took" in said
    assert " 0 calls" not in said and "in flight" not in said
    assert first["seen"] + ours.seen["seen"] == total, "what was answered before the cap is not asked again"
    assert CAP // 2 < max(first["peak"], ours.seen["peak"]) <= CAP, "more than one worker's share, and not too much"
    assert database.calls() == total and not list(tmp_path.rglob("journal.sqlite"))
    assert hashes(ours) == hashes(local)
    assert f"Model calls: {ours.seen['seen']:,} made" in " ".join(ours.printed.split())
    assert str(tmp_path).encode() in wire.heard, "it was listened to"
    assert not [secret for secret in (*SECRETS, database.url, PREFECT_SECRET) if secret.encode() in wire.heard]


def test_a_worker_that_asks_models_elsewhere_is_told_of_before_anything_is_read(
    env: dict[str, str], dask: Cluster, tmp_path: Path
) -> None:
    said = fail(
        SOURCES, tmp_path, env | {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "--runner", f"dask:{dask.address}"
    )
    assert "would ask models at 127.0.0.1:" in said and "start workers with the same OPENAI_BASE_URL" in said
    assert not list((tmp_path / "work").rglob("*.parquet"))


def running(out: Path, env: dict[str, str], dask: Cluster) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(SOURCES, out, "--runner", f"dask:{dask.address}"), cwd=ROOT, env=env,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def until(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline, process.stdout and process.stdout.read()
        time.sleep(0.02)


@pytest.mark.soak
def test_a_worker_that_is_killed_costs_no_more_than_its_calls_in_flight(
    local: ModelBuild, server: Loopback, database: Database, env: dict[str, str], dask: Cluster, tmp_path: Path
) -> None:
    database.forget()
    server.control(reset=True)
    total = local.seen["seen"]
    process = running(tmp_path, env, dask)
    until(lambda: server.stats()["seen"] > total // 2 and server.stats()["in_flight"] > 0, process)
    workers = {worker.pid for worker in dask.workers()}
    busiest = max(dask.workers(), key=lambda worker: sum(worker.cpu_times()[:2]))
    os.kill(busiest.pid, signal.SIGKILL)
    printed, _ = process.communicate(timeout=600)
    assert process.returncode == 0, printed
    seen = server.stats()
    print(f"{seen['seen']} calls of {total}; peak {seen['peak']}")
    assert 0 <= seen["seen"] - total <= CAP // 2
    assert hashes(ModelBuild(tmp_path, printed, seen)) == hashes(local)
    deadline = time.monotonic() + 60
    while len(now := {worker.pid for worker in dask.workers()}) < len(workers) or now == workers:
        assert time.monotonic() < deadline, "its nanny starts another"
        time.sleep(0.1)


@pytest.mark.soak
def test_a_build_that_is_terminated_leaves_workers_that_do_nothing(
    local: ModelBuild, server: Loopback, database: Database, env: dict[str, str], dask: Cluster, tmp_path: Path
) -> None:
    database.forget()
    server.control(reset=True)
    process = running(tmp_path, env, dask)
    until(lambda: server.stats()["seen"] > 100, process)
    process.terminate()
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 143, printed
    seen, total = server.stats()["seen"], local.seen["seen"]
    assert server.stats()["in_flight"] == 0
    again = build(SOURCES, tmp_path, env, server, "--runner", f"dask:{dask.address}")
    assert seen < total and 0 <= seen + again.seen["seen"] - total <= CAP
    assert hashes(again) == hashes(local)

"""A PostgreSQL that goes away in the middle: of the journal, and of the Prefect server."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Postgres, postgres
from model_builds import KEY, MODEL, ROOT, ModelBuild, build, command, environment
from stack import Stack

from taskcraft_core.loopback.process import Loopback, start

pytestmark = pytest.mark.soak
SOURCES = [str(ROOT / "data/samples/zh")]
OPTIONS = ["--limit", "4", "--max-hops", "2", "--max-width", "2"]
CONFIG = {"author": MODEL, "solver": MODEL, "judge": MODEL, "limit": 4, "max_hops": 2, "max_width": 2}
CAP = 8
OUTAGE_SECONDS = 20.0


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as database:
        yield database


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with start(latency=0.3, jitter=0.5) as server:
        yield server


@pytest.fixture(scope="module")
def whole(server: Loopback, tmp_path_factory: pytest.TempPathFactory) -> ModelBuild:
    """The build that nothing disturbs."""
    env = environment(server, tmp_path_factory.mktemp("own"), TASKCRAFT_CALLS_AT_ONCE=str(CAP))
    return build(SOURCES, tmp_path_factory.mktemp("whole"), env, server, *OPTIONS)


def hashes(build: ModelBuild) -> set[str]:
    return {row.row_hash for row in build.rows.values()}


def test_a_journal_that_goes_away_stops_the_build_which_then_goes_on(
    database: Postgres, server: Loopback, whole: ModelBuild, tmp_path: Path
) -> None:
    url = database.fresh("journal")
    env = environment(server, tmp_path / "home", TASKCRAFT_CALLS_AT_ONCE=str(CAP), TASKCRAFT_JOURNAL_URL=url)
    out = tmp_path / "out"
    server.control(reset=True)
    running = subprocess.Popen(
        command(SOURCES, out, *OPTIONS), cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        deadline = time.monotonic() + 120
        while server.stats()["seen"] < whole.seen["seen"] // 2:
            assert running.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        database.stop()
        printed, _ = running.communicate(timeout=180)
    finally:
        running.kill()
        database.start()
    assert running.returncode == 1 and "Traceback" not in printed
    (told,) = [line for line in printed.splitlines() if line.startswith("taskcraft: ") and "warning" not in line]
    print(told)
    assert "does not answer any more" in told
    seen = server.stats()["seen"]
    again = build(SOURCES, out, env, server, *OPTIONS)
    repeated = seen + again.seen["seen"] - whole.seen["seen"]
    print(f"{seen} calls before, {repeated} made again")
    assert 0 <= repeated <= CAP
    assert hashes(again) == hashes(whole)


def test_a_prefect_server_whose_database_goes_away_for_a_while_is_waited_for(
    database: Postgres, server: Loopback, whole: ModelBuild, tmp_path: Path
) -> None:
    env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY, "TASKCRAFT_CALLS_AT_ONCE": str(CAP)}
    with Stack(tmp_path / "home", database.fresh("prefect", "postgresql+asyncpg"), **env) as stack:
        stack.deploy(SOURCES, tmp_path / "out")
        server.control(reset=True)
        run_id = stack.run(sources=SOURCES, out=str(tmp_path / "out"), config=CONFIG)
        stack.wait(run_id, until=lambda _: server.stats()["seen"] > whole.seen["seen"] // 3)
        database.stop()
        time.sleep(OUTAGE_SECONDS)
        database.start()
        ended = stack.wait(run_id, seconds=300)
        assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    done = ModelBuild(tmp_path / "out", "", server.stats())
    assert done.seen["seen"] == whole.seen["seen"]
    assert hashes(done) == hashes(whole)

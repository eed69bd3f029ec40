"""What is killed while a worker builds: the run ends in a truthful state, and what comes after it loses nothing.

The long ones print a table: what was killed, the state that the run ended in, after how many seconds, how many calls
were made again, of how many in flight, and how many rows are missing in the end.
"""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from model_builds import KEY, MODEL, ROOT, ModelBuild, build, environment
from stack import FINAL, Stack

from flows.automations import SILENCE
from flows.leftovers import GONE
from taskcraft_core.loopback.process import Loopback, start

SOURCES = [str(ROOT / "data/samples/zh")]
CONFIG = {"author": MODEL, "solver": MODEL, "judge": MODEL, "limit": 4, "max_hops": 2, "max_width": 2}
OPTIONS = ["--limit", "4", "--max-hops", "2", "--max-width", "2"]
CAP = 16
OUTAGE_SECONDS, LONG_OUTAGE_SECONDS = 20.0, 110.0
NOTICED = SILENCE.total_seconds() + 60
"""By when a run is crashed that nobody but the server can tell of."""
MINUTES = NOTICED + 60
Kill = Callable[[Stack, str], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a run that something was killed under, and of the folder after it was gone on with."""

    state: str
    message: str
    seconds: float
    in_flight: int
    repeated: int
    lost: int


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with start(latency=0.5, jitter=0.5) as server:
        yield server


@pytest.fixture(scope="module")
def stack(server: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("prefect")
    env = {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": KEY, "TASKCRAFT_CALLS_AT_ONCE": str(CAP)}
    with Stack(home, **env) as stack:
        stack.deploy(SOURCES, home / "out")
        yield stack


@pytest.fixture(scope="module")
def whole(server: Loopback, tmp_path_factory: pytest.TempPathFactory) -> ModelBuild:
    """The build that nobody disturbs."""
    env = environment(server, tmp_path_factory.mktemp("own"), TASKCRAFT_CALLS_AT_ONCE=str(CAP))
    return build(SOURCES, tmp_path_factory.mktemp("whole"), env, server, *OPTIONS)


# --- what is killed ----------------------------------------------------------------------------------------


def kill_flow(stack: Stack, run_id: str, sent: signal.Signals = signal.SIGKILL) -> None:
    os.kill(process_of(stack, run_id), sent)


def terminate_flow(stack: Stack, run_id: str) -> None:
    kill_flow(stack, run_id, signal.SIGTERM)


def kill_worker(stack: Stack, run_id: str) -> None:
    stack.worker.kill()
    stack.worker.wait()


def terminate_worker(stack: Stack, run_id: str) -> None:
    stack.worker.terminate()
    stack.worker.wait(60)


def kill_both(stack: Stack, run_id: str) -> None:
    flow = process_of(stack, run_id)
    kill_worker(stack, run_id)
    os.kill(flow, signal.SIGKILL)


def kill_server(stack: Stack, run_id: str, seconds: float = OUTAGE_SECONDS) -> None:
    stack.server.kill()
    stack.server.wait()
    time.sleep(seconds)
    stack.start_server()


def kill_server_for_long(stack: Stack, run_id: str) -> None:
    kill_server(stack, run_id, LONG_OUTAGE_SECONDS)


def kill_everything(stack: Stack, run_id: str) -> None:
    kill_both(stack, run_id)
    stack.server.kill()
    stack.server.wait()
    stack.start_server()


def cancel(stack: Stack, run_id: str) -> None:
    stack.call("POST", f"/flow_runs/{run_id}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})


def process_of(stack: Stack, run_id: str) -> int:
    """The process that executes a run, as the worker told the server."""
    return int(stack.flow_run(run_id)["infrastructure_pid"].rsplit(":", 1)[-1])


# --- what becomes of it --------------------------------------------------------------------------------------


def outcome_of(kill: Kill, part: float, stack: Stack, server: Loopback, whole: ModelBuild, out: Path) -> Outcome:
    """Kills when a part of the calls was made, waits for what becomes of the run, and goes on with it."""
    total = whole.seen["seen"]
    server.control(reset=True)
    run_id = stack.run(sources=SOURCES, out=str(out), config=CONFIG)
    stack.wait(run_id, until=lambda run: made_so_far(server, run) >= total * part, seconds=MINUTES)
    kill(stack, run_id)
    killed = time.monotonic()
    ended = stack.wait(run_id, seconds=MINUTES)
    seconds = time.monotonic() - killed
    in_flight = server.stats()["seen"] - journalled(out)
    if stack.worker.poll() is None:
        nothing_runs(stack, run_id)  # the worker sees to that, and is done with the run then
    else:
        stack.start_worker()
    if ended["state_type"] != "COMPLETED":
        retry(stack, run_id)
    nothing_runs(stack, run_id)
    done = ModelBuild(out, "", server.stats())
    missing = {row.row_hash for row in whole.rows.values()} - {row.row_hash for row in done.rows.values()}
    assert len(done.rows) == len(whole.rows)
    repeated = done.seen["seen"] - total
    return Outcome(ended["state_name"], ended["state"]["message"] or "", seconds, in_flight, repeated, len(missing))


def made_so_far(server: Loopback, run: dict[str, Any]) -> int:
    assert run["state_type"] not in FINAL, f"it ended by itself: {run['state']['message']}"
    return int(server.stats()["seen"])


def retry(stack: Stack, run_id: str) -> None:
    """What the button Retry of the UI does; the run has to complete."""
    state = {"type": "SCHEDULED", "name": "AwaitingRetry", "message": "Retry from the UI"}
    stack.call("POST", f"/flow_runs/{run_id}/set_state", {"state": state})
    ended = stack.wait(run_id, seconds=MINUTES)
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]


def nothing_runs(stack: Stack, run_id: str) -> None:
    """No stage and no shard of a run is said to run still; what the server hears late is waited for."""
    deadline = time.monotonic() + 30
    while running := [one["name"] for one in under(stack, run_id) if one["state_type"] not in FINAL]:
        assert time.monotonic() < deadline, running
        time.sleep(0.5)


def under(stack: Stack, run_id: str) -> list[dict[str, Any]]:
    return [*stack.children(run_id), *stack.task_runs(run_id)]


def journalled(out: Path) -> int:
    with closing(sqlite3.connect(out / "journal.sqlite")) as journal:
        return int(journal.execute("SELECT count(*) FROM calls WHERE kind = 'chat'").fetchone()[0])


# --- the tests -----------------------------------------------------------------------------------------------


def test_a_cancel_from_the_ui_ends_the_run_and_keeps_the_calls_under_way(
    stack: Stack, server: Loopback, tmp_path: Path
) -> None:
    run_id = under_way(stack, server, tmp_path)
    cancel(stack, run_id)
    assert stack.wait(run_id, seconds=60)["state_type"] == "CANCELLED"
    assert journalled(tmp_path) == server.stats()["seen"]
    nothing_runs(stack, run_id)


def test_a_killed_process_leaves_no_stage_and_no_shard_that_is_said_to_run(
    stack: Stack, server: Loopback, tmp_path: Path
) -> None:
    run_id = under_way(stack, server, tmp_path)
    kill_flow(stack, run_id)
    assert stack.wait(run_id, seconds=60)["state_type"] == "CRASHED"
    nothing_runs(stack, run_id)
    assert {one["state"]["message"] for one in under(stack, run_id) if one["state_type"] == "CRASHED"} == {GONE}


def under_way(stack: Stack, server: Loopback, out: Path) -> str:
    """A run that waits for answers."""
    server.control(reset=True)
    run_id = stack.run(sources=SOURCES, out=str(out), config=CONFIG)
    stack.wait(run_id, until=lambda run: made_so_far(server, run) > CAP // 2)
    return run_id


TABLE: dict[str, tuple[Kill, str, float]] = {
    "the flow's process": (kill_flow, "Crashed", 30),
    "the flow's process, by SIGTERM": (terminate_flow, "Crashed", 15),
    "the worker": (kill_worker, "Crashed", 30),
    "the worker, by SIGTERM": (terminate_worker, "Crashed", NOTICED),
    "the worker and the flow's process": (kill_both, "Crashed", NOTICED),
    "the server, for 20 s": (kill_server, "Completed", 120),
    "the server, for 110 s": (kill_server_for_long, "Completed", 180),
    "everything, and all started again": (kill_everything, "Crashed", NOTICED),
    "nothing: a cancel from the UI": (cancel, "Cancelled", 30),
}
"""What is killed, how the run ends, and after how many seconds at most."""


@pytest.mark.soak
@pytest.mark.parametrize("what", TABLE)
def test_the_crash_table(
    what: str, stack: Stack, server: Loopback, whole: ModelBuild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kill, state, most = TABLE[what]
    became = outcome_of(kill, 0.4, stack, server, whole, tmp_path / "out")
    with capsys.disabled():
        print(
            f"\n| {what} | {became.state}: {became.message} | {became.seconds:.0f} s "
            f"| {became.repeated} of {became.in_flight} in flight | {became.lost} |"
        )
    assert became.state == state
    assert became.seconds < most
    assert 0 <= became.repeated <= became.in_flight <= CAP
    assert became.lost == 0

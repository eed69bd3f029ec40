"""A real Prefect server with a real worker, each a process of its own, as a team or `taskcraft serve` runs them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from flows.children import heeding_interrupts
from flows.deploying import POOL
from flows.embedded import OURS
from flows.serving import server_command, server_environment, worker_command

ROOT = Path(__file__).parent.parent.parent
FINAL = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
START_SECONDS, STOP_SECONDS, BUSY_SECONDS = 90.0, 20.0, 60.0


def is_final(run: dict[str, Any]) -> bool:
    """Whether a run has ended."""
    return run["state_type"] in FINAL


class Stack:
    """Server and worker; a context manager that starts both, and ends them."""

    def __init__(self, home: Path, database: str | None = None, **env: str) -> None:
        """Takes a folder for everything that they write.

        Args:
            home: Becomes PREFECT_HOME; the logs `server.log` and `worker.log` lie in it.
            database: The server's, if not SQLite in `home`.
            env: More variables, for every process.
        """
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api = f"{self.url}/api"
        kept = {name: text for name, text in os.environ.items() if not name.startswith(("PREFECT_", *OURS))}
        self.env = kept | {
            "PREFECT_HOME": str(home), "PREFECT_API_URL": self.api, "PREFECT_UI_URL": self.url,
            "DO_NOT_TRACK": "1", "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_WORKER_QUERY_SECONDS": "1", "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        } | env  # fmt: skip
        if database:
            self.env["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = database
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Stack:
        try:
            self.start_server()
            self.start_worker()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start_server(self) -> None:
        """Starts the server (again), and waits until it answers."""
        self.server = self._start("server", server_command("127.0.0.1", self.port), server_environment(self.env))
        self._until(self._answers, self.server, "server")

    def start_worker(self) -> None:
        """Starts the worker (again), and waits until the server knows it."""
        name = f"worker-{len(self._processes)}"
        self.worker = self._start("worker", worker_command("--name", name), self.env)
        self._until(lambda: name in self._workers(), self.worker, "worker")

    def deploy(self, sources: list[str], out: Path, *options: str) -> str:
        """Deploys by `taskcraft deploy`, and returns what that prints."""
        return self.command("flows.cli", "deploy", *sources, "--out", str(out), *options)

    def command(self, module: str, *arguments: str) -> str:
        """What a command prints in the environment of the worker; it has to succeed."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    def run(self, deployment: str = "on-demand", **parameters: Any) -> str:
        """Starts a run as the UI does, and returns its id."""
        there = self.call("GET", f"/deployments/name/build-dataset/{deployment}")
        made = self.call("POST", f"/deployments/{there['id']}/create_flow_run", {"parameters": parameters})
        return str(made["id"])

    def flow_run(self, run_id: str) -> dict[str, Any]:
        """A run as the API tells it."""
        return dict(self.call("GET", f"/flow_runs/{run_id}"))

    def children(self, run_id: str) -> list[dict[str, Any]]:
        """The subflow runs of a run, in the order in which they began."""
        return self._all("/flow_runs/filter", {"flow_runs": {"parent_flow_run_id": {"any_": [run_id]}}})

    def task_runs(self, run_id: str) -> list[dict[str, Any]]:
        """The task runs of a run and of its subflows."""
        runs = [run_id, *(child["id"] for child in self.children(run_id))]
        return self._all("/task_runs/filter", {"flow_runs": {"id": {"any_": runs}}})

    def artifacts(self, run_id: str) -> list[dict[str, Any]]:
        """The artifacts of a run and of its subflows."""
        runs = [run_id, *(child["id"] for child in self.children(run_id))]
        return self._all("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": runs}}}, sort="KEY_ASC")

    def wait(
        self, run_id: str, *, until: Callable[[dict[str, Any]], bool] = is_final, seconds: float = 120
    ) -> dict[str, Any]:
        """A run as soon as it is as it is waited for."""
        deadline = time.monotonic() + seconds
        while True:
            run = self.flow_run(run_id)
            if until(run):
                return run
            state = f"{run['state']['name']}: {run['state']['message']}"
            assert time.monotonic() < deadline, f"after {seconds:.0f} s the run is {state}\n{self.log('worker')}"
            time.sleep(0.3)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """What the API answers; anything but success raises. A busy database is asked again, as Prefect itself does."""
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            answer = httpx.request(method, f"{self.api}{path}", json=body, timeout=90, trust_env=False)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                break
            time.sleep(0.3)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def log(self, name: str) -> str:
        """The end of the log of `server` or `worker`."""
        path = self.home / f"{name}.log"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    def close(self) -> None:
        """Ends everything, the worker first; what will not end is killed."""
        for process in reversed(self._processes):
            end(process)
        self._processes.clear()

    def _start(self, name: str, command: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.home / f"{name}.log").open("ab") as log, heeding_interrupts():
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _until(self, there: Callable[[], bool], process: subprocess.Popen[bytes], name: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not there():
            assert process.poll() is None, f"the {name} has ended:\n{self.log(name)}"
            assert time.monotonic() < deadline, f"the {name} does not start:\n{self.log(name)}"
            time.sleep(0.2)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.api}/health", timeout=5, trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _workers(self) -> set[str]:
        try:
            workers = self.call("POST", f"/work_pools/{POOL}/workers/filter", {})
        except httpx.HTTPStatusError:  # the worker has not made the pool yet
            return set()
        return {worker["name"] for worker in workers}

    def _all(self, path: str, chosen: dict[str, Any], sort: str = "EXPECTED_START_TIME_ASC") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.call("POST", path, {**chosen, "sort": sort, "offset": len(found), "limit": 200})
            found += page
            if len(page) < 200:
                return found


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process; one that will not is killed, with all that it has started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])

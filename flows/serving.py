"""`taskcraft serve`: server, deployments and worker on one machine, in one command, until it is stopped."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from flows.children import Child
from flows.deploying import POOL, Wanted, deploy, next_night
from flows.embedded import EMBEDDED, OURS, QUIET, START_SECONDS, answers, prepare_prefect
from flows.ports import address_of, check_free
from taskcraft_core.errors import TaskCraftError

SERVER_SETTINGS = {
    # In memory, a restart of the server would take a running night's turn away, and with it the run.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    # The UI asks the server that it came from, under whatever name and port the browser knows it.
    "PREFECT_SERVER_UI_API_URL": "/api",
}
WORKER_SETTINGS = {"PREFECT_WORKER_QUERY_SECONDS": "3"}
CANCEL_SECONDS = 30.0
STOPPED = "taskcraft serve was stopped; what was finished is kept, and Retry, or the next run, goes on from there."


def server_command(host: str, port: int) -> list[str]:
    """Starts the Prefect server, with its UI."""
    return ["prefect", "server", "start", "--host", host, "--port", str(port)]


def worker_command(*more: str) -> list[str]:
    """Starts a worker; the pool is created if it is missing."""
    return ["prefect", "worker", "start", "--pool", POOL, "--type", "process", *more]


def server_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a server is given: its own settings, and nothing that holds a key of ours."""
    kept = {name: text for name, text in unquieted(environment).items() if not name.startswith(OURS)}
    return EMBEDDED | SERVER_SETTINGS | kept


def unquieted(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that writes a log: only the terminal of this command is kept quiet."""
    return {name: text for name, text in environment.items() if QUIET.get(name) != text}


def run_serve(wanted: Wanted, host: str, port: int) -> None:
    """Serves until a signal comes, or a child dies too often.

    Args:
        wanted: What is deployed.
        host: Where the server listens.
        port: And on which port.

    Raises:
        ConfigError: An option is wrong, or the port is taken.
        TaskCraftError: The server does not start, or a child keeps dying.
    """
    prepare_prefect(verbose=False)
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    wanted.check()
    wanted.check_here()
    logs, children = settings.home / "taskcraft", []
    try:
        if settings.api.url is None:
            check_free(host, port)
            server = _server(host, port, logs)
            children.append(server)
            _wait(server, lambda: answers(os.environ["PREFECT_API_URL"]))
        else:
            print(f"Using the Prefect server at {settings.api.url} (PREFECT_API_URL).")
        deploy(wanted)
        worker = _worker(logs)
        children.append(worker)
        _tell(logs, [child.name for child in children])
        while True:
            time.sleep(0.5)
            for child in children:
                child.revive()
    finally:
        _end(children)


def _end(children: Sequence[Child]) -> None:
    """Ends them in good order, or, where a second signal comes, at once."""
    if children:
        print("Stopping …", flush=True)
    try:
        if any(child.name == "worker" for child in children) and all(child.running for child in children):
            cancel_runs(worker_name())
        for child in reversed(children):
            child.stop()
    except BaseException:
        for child in children:
            child.kill()
        raise


def worker_name() -> str:
    """What the worker is called on the server."""
    return f"serve on {platform.node()}"


def cancel_runs(worker: str) -> None:
    """Cancels the runs of a worker that are going on, and waits until they have put their things away.

    A worker that is stopped kills them instead, and until somebody misses their heartbeats they would be told of as
    running. What does not end in time is left to that.

    Args:
        worker: Its name; it labels its runs with that.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.objects import FlowRun
    from prefect.states import Cancelling

    going_on = {
        "state": {"name": {"any_": ["Running", "Pending", "Cancelling", "AwaitingRetry"]}},
        "parent_task_run_id": {"is_null_": True},
    }
    chosen = FlowRunFilter.model_validate(going_on)
    deadline = time.monotonic() + CANCEL_SECONDS
    with suppress(httpx.HTTPError), get_client(sync_client=True) as client:

        def its_runs() -> list[FlowRun]:
            runs = client.read_flow_runs(flow_run_filter=chosen)
            return [run for run in runs if run.labels.get("prefect.worker.name") == worker]

        for run in its_runs():
            print(f"Cancelling {run.name} …", flush=True)
            client.set_flow_run_state(run.id, Cancelling(message=STOPPED))
        while its_runs() and time.monotonic() < deadline:
            time.sleep(0.3)


def _server(host: str, port: int, logs: Path) -> Child:
    """Starts the server, and points this process and its later children to it."""
    from prefect.context import refresh_global_settings_context

    address = address_of(host, port)
    os.environ.setdefault("PREFECT_UI_URL", address)
    server = Child("server", server_command(host, port), server_environment(os.environ), logs / "server.log")
    server.start()
    os.environ["PREFECT_API_URL"] = f"{address}/api"
    refresh_global_settings_context()
    return server


def _worker(logs: Path) -> Child:
    kept = {name: text for name, text in unquieted(os.environ).items() if name != "TASKCRAFT_NOTIFY_URL"}
    command = worker_command("--name", worker_name())
    worker = Child("worker", command, WORKER_SETTINGS | kept, logs / "worker.log")
    worker.start()
    return worker


def _wait(child: Child, there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not there():
        if not child.running or time.monotonic() > deadline:
            raise TaskCraftError(f"The {child.name} does not start; {child.log} says why.")
        time.sleep(0.2)


def _tell(logs: Path, children: Sequence[str]) -> None:
    from prefect.settings import get_current_settings

    print(
        f"The UI:    {get_current_settings().ui_url or os.environ['PREFECT_API_URL']}\n"
        f"Nightly:   {next_night()}\n"
        "By hand:   Deployments > on-demand > Run in the UI, or\n"
        f"           PREFECT_API_URL={os.environ['PREFECT_API_URL']} prefect deployment run build-dataset/on-demand\n"
        f"Logs:      {logs}\n"
        f"Ctrl-C stops the {' and the '.join(children)}; the schedule goes on when this is started again.",
        flush=True,
    )

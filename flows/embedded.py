"""Prefect for a build from the command line: the user's server if one is set, else an embedded one."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
import time
from typing import IO

import httpx

from taskcraft_core.errors import TaskCraftError

START_SECONDS = 120.0
STOP_SECONDS = 5.0

QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
"""The terminal belongs to the progress display; the server still gets the logs."""

EMBEDDED = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # As often as a run of a deployment (deployments/prefect.yaml): flows/automations.py takes silence for a crash.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # One commit an event keeps SQLite busy, so that the start of the next stage is refused and waits 2 s.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
}
"""Whatever the user has set stays as it is."""

OURS = ("OPENAI_", "TAVILY_", "TASKCRAFT_")
"""What the server has no use for: keys are among it, and a server has logs and a database."""


class Server:
    """A server that may still be starting; `ready` waits for it. Without a process it is the user's own."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None = None, log: IO[bytes] | None = None) -> None:
        """Takes a process over."""
        self.url = url
        self._process = process
        self._log = log

    @classmethod
    def start(cls) -> Server:
        """Starts the embedded server, and does not wait for it."""
        log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.server_process"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True,
            env={name: value for name, value in os.environ.items() if not name.startswith(OURS)},
        )  # fmt: skip
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        return cls(f"http://127.0.0.1:{port}/api", process, log)

    @property
    def embedded(self) -> bool:
        """Whether it is ours, and ends with the build."""
        return self._process is not None

    def ready(self) -> None:
        """Waits until the server answers.

        Raises:
            TaskCraftError: It does not start.
        """
        if self._process is None:
            return
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            if answers(self.url):
                return
            time.sleep(0.2)
        raise TaskCraftError(f"The embedded Prefect server does not start: {self._last_words()}.")

    def stop(self) -> None:
        """Ends the process; one that will not end is killed."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_words(self) -> str:
        assert self._log is not None
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1].rstrip(".") if lines else f"no answer in {START_SECONDS:.0f} s"


def answers(url: str) -> bool:
    """Whether the server with this API is up."""
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False, verify=False).is_success
    except httpx.TransportError:
        return False


def prepare_prefect(verbose: bool) -> None:
    """Sets the environment for Prefect, and for a server that it may start; has to come before Prefect is imported."""
    for name, value in (EMBEDDED if verbose else EMBEDDED | QUIET).items():
        os.environ.setdefault(name, value)


def use_server(verbose: bool) -> Server:
    """Points Prefect to the user's server, or to an embedded one that is starting and stops at exit.

    Has to come before anything else uses Prefect.

    Args:
        verbose: Prefect may write its log to the terminal.
    """
    prepare_prefect(verbose)
    from prefect.context import refresh_global_settings_context
    from prefect.settings import get_current_settings

    own = get_current_settings().api.url
    if own is not None:
        return Server(own)
    server = Server.start()
    # Prefect sends its last logs and events at exit, and what is registered first runs last.
    atexit.register(server.stop)
    os.environ["PREFECT_API_URL"] = server.url
    refresh_global_settings_context()
    return server

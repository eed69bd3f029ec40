"""Prefect's settings for a build from the command line. Whatever the user has set stays as it is."""

from __future__ import annotations

import os

QUIET = {"PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL"}
"""The terminal belongs to the progress display; the server still gets the logs."""

EMBEDDED = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    # One commit an event keeps SQLite busy, so that the start of the next stage is refused and waits 2 s.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "2",
}
"""For the server that Prefect starts by itself when no `PREFECT_API_URL` is set."""


def prepare_prefect(verbose: bool) -> None:
    """Sets what is not set yet; has to be called before Prefect is imported."""
    for name, value in (EMBEDDED if verbose else EMBEDDED | QUIET).items():
        os.environ.setdefault(name, value)

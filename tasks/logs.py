"""What a run writes into its log: what TaskCraft says, and little of what Prefect adds."""

from __future__ import annotations

import logging

from prefect.exceptions import MissingContextError
from prefect.logging import get_run_logger
from prefect.logging.loggers import LoggingAdapter

from taskcraft_core.errors import TaskCraftError

RUNS = ("prefect.flow_runs", "prefect.task_runs")
SAYS_NOTHING = (*(f"Finished in state {state}" for state in ("Completed", "Cached", "Failed")), "Beginning subflow run")
"""What the list of runs shows as well, and TaskCraft says in its own words."""


def run_logger() -> logging.Logger | LoggingAdapter:
    """The log of the run that is under way; outside of one, a plain logger."""
    try:
        return get_run_logger()
    except MissingContextError:
        return logging.getLogger("taskcraft")


def keep_short() -> None:
    """From now on the logs of this process's runs leave out what says nothing, and where a told error was raised."""
    for name in RUNS:
        logging.getLogger(name).addFilter(_short)


def _short(record: logging.LogRecord) -> bool:
    if isinstance(record.msg, str) and record.msg.startswith(SAYS_NOTHING):
        return False
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if isinstance(error, TaskCraftError):
        record.msg, record.args, record.exc_info, record.exc_text = str(error), None, None, None
    return True

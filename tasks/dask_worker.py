"""What TaskCraft does in the worker processes of a Dask cluster. Needs the extra `dask`."""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
from importlib.metadata import version as version_of
from pathlib import Path

import httpx
from distributed import Worker, WorkerPlugin
from prefect.events.worker import EventsWorker

from taskcraft_core.config import Settings
from taskcraft_core.errors import ConfigError
from taskcraft_core.roles.llm.spec import endpoint_label
from tasks import residence
from tasks.terms import Terms, own_settings

SEND_SECONDS = 10.0


class ComputesShards(WorkerPlugin):
    """Lets the workers of a cluster compute the shards of one build; new and restarted ones too.

    Args:
        terms: What the build tells.
    """

    def __init__(self, terms: Terms) -> None:
        self.terms = terms

    async def setup(self, worker: Worker) -> None:
        """The worker is told."""
        if self.terms.owned and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches it too, and the build ends it in order
        await _send_all()
        residence.begin(self.terms, await asyncio.to_thread(fault_of, self.terms, worker.address))

    async def teardown(self, worker: Worker) -> None:
        """The build is over, or the worker ends."""
        await residence.end(self.terms.out)
        await _send_all()


def fault_of(terms: Terms, worker: str) -> str | None:
    """Why this process cannot compute shards of a build, in one sentence; None if it can."""
    mine = version_of("taskcraft")
    if mine != terms.version:
        return f"The Dask worker {worker} has TaskCraft {mine}, and the build {terms.version}: install the same there."
    if not (Path(terms.out) / terms.mark).is_file():
        return (
            f"The Dask worker {worker} does not see what the build writes to {terms.out}: --out has to be a folder "
            "that all workers share, under the same path."
        )
    if not _reaches(terms.api):
        return (
            f"The Dask worker {worker} does not reach the Prefect server at {terms.api}: set PREFECT_API_URL, here, "
            "to a server that all workers reach."
        )
    try:
        own = own_settings()
    except ConfigError as error:
        return f"The Dask worker {worker} computes nothing. {error}"
    return _of_models(terms, own, worker) if terms.endpoint is not None else None


async def _send_all() -> None:
    """Has Prefect send its logs and events, and forget the server that they went to: the next build has its own."""
    sending = EventsWorker.drain_all(timeout=SEND_SECONDS, at_exit=False)  # those of all services, not events alone
    assert inspect.isawaitable(sending), "this is a coroutine where a loop runs"
    await sending


def _of_models(terms: Terms, own: Settings, worker: str) -> str | None:
    if endpoint_label(own) != terms.endpoint:
        return (
            f"The Dask worker {worker} would ask models at {endpoint_label(own)}, and the build asks {terms.endpoint}: "
            "start workers with the same OPENAI_BASE_URL and TASKCRAFT_ENDPOINT_LABEL."
        )
    if terms.journal != (own.journal_url is not None):
        lacks = "has no" if terms.journal else "has a"
        return (
            f"The Dask worker {worker} {lacks} TASKCRAFT_JOURNAL_URL, unlike the build: start workers with the same "
            "one, or calls are paid for twice."
        )
    return None


def _reaches(api: str) -> bool:
    try:
        httpx.get(f"{api}/health", timeout=10, verify=False)  # whether it is trusted is seen when it is used
    except httpx.TransportError:
        return False
    return True

"""Puts the work pool, the deployments and the automations on a Prefect server, as deployments/prefect.yaml says."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import yaml
from pydantic import ValidationError

from flows.embedded import prepare_prefect
from flows.environment import read_settings
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.remote.address import check_out, whole
from taskcraft_core.documents.fetch import is_url
from taskcraft_core.documents.files import files_of
from taskcraft_core.errors import ConfigError, TaskCraftError

POOL = "taskcraft"
PREFECT_FILE = Path(__file__).parent.parent / "deployments" / "prefect.yaml"
"""In the project, and where the package is installed."""


@dataclass(frozen=True)
class Wanted:
    """What is deployed otherwise than the file says.

    Attributes:
        sources: Files, folders, globs, URLs; the file's where there is none.
        out: The output folder, or its URL.
        cron: When the nightly run starts.
        timezone: The time zone of that.
        config_file: A TOML file of `BuildConfig`.
        notify: The address that is told of failed and degraded builds.
    """

    sources: tuple[str, ...]
    out: str
    cron: str | None = None
    timezone: str | None = None
    config_file: Path | None = None
    notify: str | None = None

    def check(self) -> BuildConfig:
        """Checks what can be checked on any machine.

        Raises:
            ConfigError: An option, key or environment variable is wrong.
        """
        from prefect.client.schemas.schedules import CronSchedule

        given = {"cron": self.cron or "0 2 * * *"} | ({"timezone": self.timezone} if self.timezone else {})
        try:
            CronSchedule(**given)
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(f"--{first['loc'][0]} {first['input']!r} is not valid: {first['msg']}.") from None
        if self.notify is not None:
            os.environ["TASKCRAFT_NOTIFY_URL"] = self.notify
        read_settings()
        return BuildConfig.load(self.config_file)

    def check_here(self) -> None:
        """Checks what only the machine that builds can tell: the sources, the folder, the roles and their keys.

        Raises:
            ConfigError: One of them will not do.
        """
        from flows.preflight import check_roles

        self.check_sources()
        check_out(self.out, self.all_sources)
        check_roles(self.check(), read_settings())

    @property
    def all_sources(self) -> tuple[str, ...]:
        """The sources; those of the file are relative to the current folder, as others are."""
        return self.sources or tuple(as_written()["deployments"][0]["parameters"]["sources"])

    def check_sources(self) -> None:
        """Checks that the sources are there.

        Raises:
            ConfigError: One of them is not.
        """
        for source in self.all_sources:
            if not is_url(source):
                next(files_of(source, Path(self.out)), None)


def run_deploy(wanted: Wanted) -> None:
    """Deploys, and prints what is there then."""
    prepare_prefect(verbose=False)
    wanted.check()
    if not wanted.sources:  # those that are named may be there for the workers alone
        wanted.check_sources()
    deploy(wanted)
    print(
        f"Deployed build-dataset/nightly ({next_night()}) and "
        f"build-dataset/on-demand.\nTheir runs wait for a worker: prefect worker start --pool {POOL} --type process"
    )


def deploy(wanted: Wanted) -> None:
    """Deploys to the server that Prefect is set to; twice is as once.

    Raises:
        ConfigError: An option is wrong, or there is no server to deploy to.
        TaskCraftError: The server refuses it.
    """
    spec = laid_over(as_written(), wanted)
    ensure_pool()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--prefect-file", str(path), "--all"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TaskCraftError(f"The deployments were refused: {_last_words(done.stdout + done.stderr)}")


def as_written() -> dict[str, Any]:
    """What the file says."""
    return dict(yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8")))


def laid_over(spec: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The file with the options in place of what it says."""
    merged = deepcopy(dict(spec))
    parameters: dict[str, Any] = {
        "out": whole(wanted.out),
        "sources": [absolute(source) for source in wanted.all_sources],
    }
    if wanted.config_file is not None:
        parameters["config"] = BuildConfig.load(wanted.config_file).model_dump(mode="json", exclude_unset=True)
    timing = {"cron": wanted.cron, "timezone": wanted.timezone}
    for deployment in merged["deployments"]:
        deployment["parameters"] |= parameters
        for schedule in deployment["schedules"]:
            schedule |= {key: value for key, value in timing.items() if value is not None}
    return merged


def absolute(source: str) -> str:
    """A source as a worker finds it, which runs in another folder."""
    return source if is_url(source) else str(Path(source).absolute())


def ensure_pool() -> None:
    """Creates the work pool if it is missing.

    Raises:
        ConfigError: No server is set.
        TaskCraftError: It does not answer, or will not have us.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.settings import get_current_settings
    from prefect.workers.process import ProcessWorker

    url = get_current_settings().api.url
    if url is None:
        raise ConfigError("Set PREFECT_API_URL to the server to deploy to; `taskcraft serve` starts one.")
    try:
        with get_client(sync_client=True) as client:
            try:
                client.read_work_pool(POOL)
            except ObjectNotFound:
                template = ProcessWorker.get_default_base_job_template()
                client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))
    except httpx.HTTPStatusError as error:
        raise TaskCraftError(
            f"The Prefect server at {url} refuses this ({error.response.status_code}); PREFECT_API_KEY or "
            "PREFECT_API_AUTH_STRING is what it asks for."
        ) from None
    except (httpx.TransportError, RuntimeError) as error:  # the latter is how Prefect tells of an API that is no API
        raise TaskCraftError(
            f"The Prefect server at {url} does not answer ({type(error).__name__}); start it, or correct "
            "PREFECT_API_URL."
        ) from None


def next_night(seconds: float = 15) -> str:
    """When the next nightly run starts, in words; a night that was missed and waits for a worker is none.

    Args:
        seconds: How long the scheduler is waited for: it plans a little after a deployment is there.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    to_come = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"after_": datetime.now(UTC)}}
    planned = FlowRunFilter.model_validate(to_come)
    deadline = time.monotonic() + seconds
    with get_client(sync_client=True) as client:
        nightly = client.read_deployment_by_name("build-dataset/nightly")
        active = [one for one in nightly.schedules if one.active and not nightly.paused]
        if not active:
            return "paused"
        only = DeploymentFilter.model_validate({"id": {"any_": [nightly.id]}})
        while time.monotonic() < deadline:
            runs = client.read_flow_runs(
                flow_run_filter=planned, deployment_filter=only, sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=1
            )
            if runs and runs[0].expected_start_time:
                zone = ZoneInfo(getattr(active[0].schedule, "timezone", None) or "UTC")
                return f"next on {runs[0].expected_start_time.astimezone(zone):%A, %d %B %Y, %H:%M %Z}"
            time.sleep(0.3)
    return "by its schedule; the server has planned no run yet"


def prepare() -> None:
    """The build step of the file: what the deployments rely on is there."""
    from prefect.client.orchestration import get_client

    from flows.automations import ensure_automations

    notify = read_settings().notify_url
    with get_client(sync_client=True) as client:
        ensure_automations(client, notify if notify and notify.get_secret_value() else None)


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1].rstrip('.')}." if lines else "Prefect gave no reason."

"""Puts the work pool, the deployments and the automations on a Prefect server, as deployments/prefect.yaml says."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.embedded import prepare_prefect
from taskcraft_core.config import BuildConfig
from taskcraft_core.documents.fetch import is_url
from taskcraft_core.errors import ConfigError, TaskCraftError

POOL = "taskcraft"
PREFECT_FILE = Path(__file__).parent.parent / "deployments" / "prefect.yaml"
"""In the project, and where the package is installed."""


@dataclass(frozen=True)
class Wanted:
    """What is deployed otherwise than the file says.

    Attributes:
        sources: Files, folders, globs, URLs; the file's where there is none.
        out: The output folder.
        cron: When the nightly run starts.
        timezone: The time zone of that.
        config_file: A TOML file of `BuildConfig`.
        notify: The address that is told of failed and degraded builds.
    """

    sources: tuple[str, ...]
    out: Path
    cron: str | None = None
    timezone: str | None = None
    config_file: Path | None = None
    notify: str | None = None


def run_deploy(wanted: Wanted) -> None:
    """Deploys, and prints what is there then."""
    prepare_prefect(verbose=False)
    deploy(wanted)
    print("Deployed build-dataset/nightly and build-dataset/on-demand.")


def deploy(wanted: Wanted) -> None:
    """Deploys to the server that Prefect is set to; twice is as once.

    Raises:
        ConfigError: An option is wrong, or there is no server to deploy to.
        TaskCraftError: The server refuses it.
    """
    spec = laid_over(yaml.safe_load(PREFECT_FILE.read_text(encoding="utf-8")), wanted)
    ensure_pool()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prefect.yaml"
        path.write_text(yaml.safe_dump(spec, sort_keys=False), encoding="utf-8")
        command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--prefect-file", str(path), "--all"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TaskCraftError(f"The deployments were refused: {_last_words(done.stdout + done.stderr)}")


def laid_over(spec: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The file with the options in place of what it says."""
    merged = deepcopy(dict(spec))
    parameters: dict[str, Any] = {"out": str(wanted.out.absolute())}
    if wanted.sources:
        parameters["sources"] = [absolute(source) for source in wanted.sources]
    if wanted.config_file is not None:
        config = BuildConfig.load(wanted.config_file)
        parameters["config"] = config.model_dump(mode="json", exclude_unset=True)
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
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.settings import get_current_settings
    from prefect.workers.process import ProcessWorker

    if get_current_settings().api.url is None:
        raise ConfigError("Set PREFECT_API_URL to the server to deploy to; `taskcraft serve` starts one.")
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            template = ProcessWorker.get_default_base_job_template()
            client.create_work_pool(WorkPoolCreate(name=POOL, type="process", base_job_template=template))


def prepare() -> dict[str, str]:
    """The build step of the file: what the deployments rely on is there.

    Returns:
        `directory`, the folder that is deployed from.
    """
    from prefect.client.orchestration import get_client

    from flows.automations import ensure_automations

    with get_client(sync_client=True) as client:
        ensure_automations(client)
    return {"directory": str(Path.cwd())}


def _last_words(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1].rstrip('.')}." if lines else "Prefect gave no reason."

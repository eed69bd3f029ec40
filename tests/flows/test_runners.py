"""Where shards are computed: which runners there are, and what is said of one that will not do."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.context import SettingsContext, get_settings_context
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_URL, temporary_settings

from flows.dask_cluster import Cluster
from flows.dask_settings import PublicSettings
from flows.runners import check_runner, computing
from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.errors import ConfigError, ProviderUnavailable
from tasks.terms import Terms

API = "http://127.0.0.1:9/api"
MODEL = BuildConfig(solver="openai:gpt-4o-mini")


@pytest.mark.parametrize(
    "spec", ["local", "dask", "dask:tcp://10.0.0.7:8786", "dask:tcp://[::1]:8786", "dask:tls://a.b:1"]
)
def test_runners_that_there_are(spec: str) -> None:
    check_runner(spec)


@pytest.mark.parametrize(
    "spec", ["", "Dask", "ray", "dask:", "dask:8786", "dask:tcp://host", "dask:http://host:1", "tcp://h:1"]
)
def test_others_are_refused_with_those_that_there_are(spec: str) -> None:
    with pytest.raises(ConfigError, match=r"is no runner: write local, dask .* or dask:tcp://HOST:PORT"):
        check_runner(spec)


def test_without_dask_it_is_said_how_to_install_it() -> None:
    script = (
        "import sys; sys.modules['distributed'] = None\n"
        "from importlib import machinery\n"
        "find = machinery.PathFinder.find_spec\n"
        "machinery.PathFinder.find_spec = lambda name, *more: None if name == 'prefect_dask' else find(name, *more)\n"
        "from flows.runners import check_runner\n"
        "check_runner('local')\n"
        "try: check_runner('dask')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == (
        'ConfigError --runner dask needs Dask, which is not installed: pip install "taskcraft[dask]".\n'
    )


async def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.dask_starting.CONNECT_SECONDS", 1.0)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        with temporary_settings({PREFECT_API_URL: API}), pytest.raises(ProviderUnavailable) as caught:
            async with computing(f"dask:{address}", tmp_path, BuildConfig()):
                raise AssertionError("nobody listens there")
    assert str(caught.value).startswith(f"The Dask scheduler at {address} cannot be reached (")


async def test_a_model_on_a_cluster_needs_a_journal_that_all_workers_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASKCRAFT_JOURNAL_URL", raising=False)
    with pytest.raises(
        ConfigError, match="set TASKCRAFT_JOURNAL_URL to a PostgreSQL database, here and for the workers"
    ):
        async with computing("dask:tcp://127.0.0.1:9", tmp_path, MODEL):
            raise AssertionError("there is none")


def test_what_a_task_takes_along_of_prefects_settings_holds_no_secret() -> None:
    secrets = {PREFECT_API_KEY: "pnu-planted", PREFECT_API_AUTH_STRING: "user:planted"}
    with temporary_settings({PREFECT_API_URL: API, **secrets}):
        assert "planted" in str(get_settings_context().serialize())
        with PublicSettings.of_this_process():
            taken = get_settings_context().serialize()
        assert "planted" not in repr(taken)
        with SettingsContext(**taken) as there:
            assert there.settings.api.url == API


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 7, 64, 200])
@pytest.mark.parametrize("endpoint", ["openai", None])
def test_the_shares_of_those_at_work_are_never_more_than_the_whole(workers: int, endpoint: str | None) -> None:
    settings = Settings(calls_at_once=7, requests_per_minute=1000, tokens_per_minute=10**6)
    terms = Terms("/out", "mark", {}, "1", API, endpoint, True, "here", False)
    limits = Cluster(None, "tcp://a:1", terms, settings)._limits(workers)
    at_work = min(workers, 7) if endpoint else workers
    assert limits["processes"] == at_work
    assert endpoint is None or at_work * max(1, 7 // at_work) <= 7
    assert workers * limits["requests_per_minute"] <= 1000 * at_work
    assert workers * limits["tokens_per_minute"] <= 10**6 * at_work

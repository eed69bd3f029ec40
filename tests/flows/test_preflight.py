"""What is checked of the environment and of the services before anything else."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from flows.environment import read_settings, setting_faults, unknown_variables
from flows.preflight import check_roles, preflight, warnings_of
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ConfigError, ProviderUnavailable
from taskcraft_core.loopback.process import Loopback, start
from tasks.workbench import put_away

WEB = BuildConfig(search="tavily")


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "TASKCRAFT_TAVILY_BASE_URL"])
@pytest.mark.parametrize(
    "address",
    ["http://[::1", "localhost:8000/v1", "api.example/v1", "ftp://gw.example", "https:///v1", "http://gw:port/v1"],
)
def test_a_base_url_that_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch, variable: str, address: str) -> None:
    monkeypatch.setenv(variable, address)
    with pytest.raises(ConfigError, match=f"^The environment variable {variable} is not valid: it is no http") as told:
        read_settings()
    assert address not in str(told.value), "an address may hold a secret"


@pytest.mark.parametrize(
    "address", ["", "http://[::1]:8000/v1", "HTTPS://user:secret@gw.example/openai/v1", "http://127.0.0.1:9"]
)
def test_addresses_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    assert read_settings().openai_base_url == address


@pytest.mark.parametrize("text", ["api-key: 1", "[1]", '{"api-key": 1}', "{"])
def test_headers_that_are_no_object_are_named_with_the_right_form(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("TASKCRAFT_OPENAI_HEADERS", text)
    with pytest.raises(ConfigError, match=r'TASKCRAFT_OPENAI_HEADERS is no JSON object of texts; write \{"api-key": '):
        read_settings()


@pytest.mark.parametrize("headers", [{"x": "naïve-secret"}, {"x": "naive\r\nsecret"}, {"ü": "secret"}])
def test_a_header_that_cannot_be_sent_is_told(monkeypatch: pytest.MonkeyPatch, headers: dict[str, str]) -> None:
    monkeypatch.setenv("TASKCRAFT_OPENAI_HEADERS", json.dumps(headers))
    with pytest.raises(
        ConfigError, match="TASKCRAFT_OPENAI_HEADERS holds a header that is not printable ASCII"
    ) as told:
        read_settings()
    assert "secret" not in str(told.value)


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OPENAI_QUERY": "3", "MAX_USD": "-1", "CALLS_AT_ONCE": "many"}.items():
        monkeypatch.setenv(f"TASKCRAFT_{name}", value)
    faults = list(setting_faults())
    assert [fault.split()[3] for fault in faults] == [
        "TASKCRAFT_OPENAI_QUERY", "TASKCRAFT_CALLS_AT_ONCE", "TASKCRAFT_MAX_USD",
    ]  # fmt: skip
    assert all(fault.startswith("The environment variable ") and fault.endswith(".") for fault in faults)


def test_a_database_that_is_none_is_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKCRAFT_JOURNAL_URL", "mysql://me:secret@db/x")
    (fault,) = setting_faults()
    assert "TASKCRAFT_JOURNAL_URL is not valid" in fault and "secret" not in fault
    monkeypatch.setenv("TASKCRAFT_JOURNAL_URL", "postgresql:///calls")
    assert not list(setting_faults())


def test_a_variable_that_is_no_setting_is_told_with_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKCRAFT_CALL_AT_ONCE", "3")
    (told,) = (one for one in unknown_variables() if "CALL_AT_ONCE" in one)
    assert told.endswith("the nearest is TASKCRAFT_CALLS_AT_ONCE.")


@pytest.mark.parametrize(
    ("config", "marked"),
    [
        (BuildConfig(author="openai:m", solver="openai:o", judge="openai:m?temperature=0"), "author (m)"),
        (BuildConfig(author="openai:m?temperature=1", solver="openai:m", judge="openai:m"), "author and the solver"),
        (BuildConfig(author="openai:m-2", solver="extractive", judge="openai:m"), None),
        (BuildConfig(), None),
    ],
)
def test_a_judge_of_its_own_work_is_warned_of_however_it_is_sampled(config: BuildConfig, marked: str | None) -> None:
    told = [one for one in warnings_of(config) if "marks its own work" in one]
    assert len(told) == (marked is not None) and all(marked in one for one in told if marked)


def test_a_model_without_a_price_cannot_keep_a_cap_on_dollars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setenv("TASKCRAFT_MAX_USD", "5")
    check_roles(BuildConfig(author="openai:gpt-4o"), read_settings())
    with pytest.raises(ConfigError, match=r"^openai:my-model has no price, so --max-usd cannot be kept; add it to a t"):
        check_roles(BuildConfig(author="openai:gpt-4o", judge="openai:my-model"), read_settings())


@pytest.mark.parametrize("name", ["gpt-4o-mini", "llama3.1:8b", "gpt-4o?temperature=0"])
def test_a_bare_model_is_told_its_spec(name: str) -> None:
    with pytest.raises(ConfigError) as told:
        check_roles(BuildConfig(solver=name), read_settings())
    assert str(told.value) == f"{name!r} is no engine; for a chat model write openai:{name}."


@pytest.fixture(scope="module")
def service() -> Iterator[Loopback]:
    with start(tavily_key="tvly-right") as server:
        yield server


@pytest.fixture
async def searching(monkeypatch: pytest.MonkeyPatch, service: Loopback) -> AsyncIterator[pytest.MonkeyPatch]:
    monkeypatch.setenv("TAVILY_API_KEY", "tvly-right")
    monkeypatch.setenv("TASKCRAFT_TAVILY_BASE_URL", service.address)
    service.control(reset=True)
    yield monkeypatch
    await put_away()


async def test_the_search_is_tried_once_and_never_again(
    tmp_path: Path, searching: pytest.MonkeyPatch, service: Loopback
) -> None:
    for _ in range(2):
        await preflight(tmp_path, WEB)
        await put_away()
    assert service.stats()["searches"] == 1


async def test_a_key_that_the_search_does_not_take_is_told_before_a_model_is_asked(
    tmp_path: Path, searching: pytest.MonkeyPatch, service: Loopback
) -> None:
    searching.setenv("TAVILY_API_KEY", "tvly-wrong")
    searching.setenv("OPENAI_API_KEY", "any")
    searching.setenv("OPENAI_BASE_URL", service.base_url)
    with pytest.raises(ConfigError, match="Tavily does not accept the key; set TAVILY_API_KEY"):
        await preflight(tmp_path, BuildConfig(search="tavily", solver="openai:m"))
    assert service.stats()["seen"] == 0


async def test_a_search_that_cannot_be_reached_is_told_with_its_address_to_correct(
    tmp_path: Path, searching: pytest.MonkeyPatch
) -> None:
    searching.setenv("TASKCRAFT_TAVILY_BASE_URL", "http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable, match="cannot be reached at the address in TASKCRAFT_TAVILY_BASE_URL"):
        await preflight(tmp_path, WEB)

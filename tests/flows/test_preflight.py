"""What is checked of the environment before anything else."""

import pytest

from flows.preflight import read_settings
from taskcraft_core.errors import ConfigError


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

"""What the doctor finds wrong without a network, as a build would refuse it."""

from pathlib import Path

import pytest

from flows.doctor import CHECKS, checks_of
from taskcraft_core.errors import ConfigError, TaskCraftError


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_BASE_URL", "localhost:8000"),
        ("TASKCRAFT_PRICES", "nowhere.toml"),
        ("TASKCRAFT_JOURNAL_URL", "sqlite:///calls"),
        ("TASKCRAFT_OPENAI_HEADERS", "x"),
    ],
)
def test_settings_that_a_build_refuses_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("TASKCRAFT_MAX_USD", "little")
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError, match="TASKCRAFT_MAX_USD"):
        CHECKS["settings"](tmp_path)
    monkeypatch.delenv("TASKCRAFT_MAX_USD")
    with pytest.raises(ConfigError, match=f"{variable}|{value}"):
        CHECKS["settings"](tmp_path)


def test_a_damaged_journal_is_found_and_a_missing_one_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TASKCRAFT_JOURNAL_URL", raising=False)
    assert CHECKS["journal"](tmp_path) == "none yet" and not list(tmp_path.iterdir())
    (tmp_path / "journal.sqlite").write_bytes(b"not a database, only text " * 100)
    with pytest.raises(ConfigError, match=r"journal\.sqlite: is damaged"):
        CHECKS["journal"](tmp_path)


def test_a_misspelt_setting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKCRAFT_CALL_AT_ONCE", "3")
    assert "TASKCRAFT_CALL_AT_ONCE is no setting; the nearest is TASKCRAFT_CALLS_AT_ONCE" in CHECKS["settings"](
        tmp_path
    )


def test_an_address_is_good_if_it_can_be_written(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/remote"
    assert checks_of(address)["output folder"](tmp_path) == f"{address} can be written"
    assert (tmp_path / "remote").is_dir()
    with pytest.raises(ConfigError, match="no storage that fsspec knows"):
        checks_of("s5://bucket/demo")["output folder"](tmp_path)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(TaskCraftError, match="cannot be written"):
        checks_of(f"file://{tmp_path}/file/demo")["output folder"](tmp_path)


def test_what_only_an_extra_needs_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ["rich>=14", 'no-such-package>=1; extra == "s3"', 'no-such-package; python_version < "3"']
    monkeypatch.setattr("flows.doctor.requires", lambda _: needed)
    assert CHECKS["packages"](tmp_path) == "1 packages, their versions fit"
    needed.append('no-such-package; python_version > "3"')
    with pytest.raises(ConfigError, match="no-such-package is not installed"):
        CHECKS["packages"](tmp_path)

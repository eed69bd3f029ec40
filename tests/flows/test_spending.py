"""`taskcraft costs`, over a journal on disk."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from flows.spending import show_costs
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.errors import ConfigError


def called(key: str, stage: str, role: str, model: str, usd: float | None, seconds: float = 2.0) -> CallRecord:
    return CallRecord(
        key=key * 64, kind="chat", endpoint="here", model=model, role=role, stage=stage, item="one", sample=0,
        response="{}", prompt_tokens=1_000, completion_tokens=50, usd=usd, seconds=seconds, made_at=1.0,
    )  # fmt: skip


def journal(out: Path, *records: CallRecord) -> None:
    async def keep() -> None:
        opened = await open_journal(out, None)
        for record in records:
            await opened.put(record)
        await opened.close()

    asyncio.run(keep())


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("TASKCRAFT_JOURNAL_URL", raising=False)


def test_spend_is_told_by_stage_and_role_and_unknown_prices_stay_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal(
        tmp_path,
        called("a", "verify", "solver", "priced", 1.25, 1.0),
        called("b", "verify", "solver", "priced", 0.25, 3.0),
        called("c", "generate", "author", "strange", None),
    )
    show_costs(str(tmp_path), False)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    author = next(i for i, row in enumerate(rows) if row[:2] == ["generate", "author"])
    assert rows[author] == ["generate", "author", "strange", "1", "1,000", "50", "unknown", "2.00"]
    assert rows[author + 1] == ["verify", "solver", "priced", "2", "2,000", "100", "$1.50", "2.00"]
    assert ["in", "all", "3", "3,000", "150", "at", "least", "$1.50", "2.00"] in rows
    assert ["No", "task", "is", "published", "yet."] in rows


def test_in_80_columns_a_name_stays_on_its_line_and_dollars_have_one_number_of_decimals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    dear = replace(called("a", "verify", "solver", "gpt-4o-mini", 1234.5), prompt_tokens=2**31, completion_tokens=2**20)
    cheap = called("b", "generate", "author", "gpt-4o-mini", 0.0123)
    journal(tmp_path, dear, cheap, called("c", "preflight", "solver", "gpt-4o-mini", 0.0))
    show_costs(str(tmp_path), False)
    printed = capsys.readouterr().out
    rows = [line.split() for line in printed.splitlines() if "gpt-4o-mini" in line]
    assert [row[-1] for row in rows] == ["$0.0000", "$0.0123", "$1,234.5000"]
    assert rows[0][:4] == ["first", "try", "-", "gpt-4o-mini"]
    assert max(map(len, printed.splitlines())) <= 80


def test_as_json_a_price_that_is_not_known_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal(tmp_path, called("a", "verify", "solver", "priced", 0.5), called("b", "verify", "judge", "strange", None))
    show_costs(str(tmp_path), True)
    told = json.loads(capsys.readouterr().out)
    assert {line["role"]: line["usd"] for line in told["lines"]} == {"solver": 0.5, "judge": None}
    assert told["total"]["usd"] == 0.5 and told["total"]["unpriced"] == 1 and told["total"]["calls"] == 2


def test_without_a_journal_one_sentence_and_no_journal_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_costs(str(tmp_path), False)
    assert "no call was journalled here" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="there is no such folder"):
        show_costs(str(tmp_path / "nowhere"), False)

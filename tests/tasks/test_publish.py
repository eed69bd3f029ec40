"""What a release may hold of shards that failed."""

from pathlib import Path

import pytest

from tasks.publish import note_failed


@pytest.mark.parametrize("told", ["pa%40ss%2Fw0rd", "pa@ss/w0rd"], ids=["as in the address", "as it is"])
def test_no_release_holds_the_password_of_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: str
) -> None:
    monkeypatch.setenv("TASKCRAFT_JOURNAL_URL", "postgresql://user:pa%40ss%2Fw0rd@db/journal")
    noted = note_failed(tmp_path, [{"stage": "verify", "shard": "verify, 1 of 2", "reason": f"refused {told}: no."}])
    assert noted is not None
    assert "refused ***: no." in (tmp_path / noted).read_text(encoding="utf-8")

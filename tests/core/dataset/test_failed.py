"""What a release tells of shards that failed: enough to understand it, and nothing of the machine."""

from pathlib import Path

import pytest

from taskcraft_core.dataset.failed import LONGEST_REASON, publishable

OUT = Path("/home/ann/out/nightly")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("The fault of the test.", "The fault of the test."),
        (f"{OUT}/work/verify/ab.parquet: cannot be read.", "work/verify/ab.parquet: cannot be read."),
        (f"{OUT} is full.", "the output folder is full."),
        ("OSError: [Errno 28] No space: '/var/tmp/x/y.part'.", "OSError: [Errno 28] No space: '…/y.part'."),
        ("see file:///home/ann/notes.md now", "see …/notes.md now"),
        ("postgresql://ann:pass@db:5432/j is gone.", "postgresql://***@db:5432/j is gone."),
        ("https://x.org/a/b.html?sig=abc: answered 500.", "https://x.org/a/b.html?… answered 500."),
        ("notes/a.md and 3/4 and 1 / 2 stay.", "notes/a.md and 3/4 and 1 / 2 stay."),
        ("The key sk-planted-secret is refused.", "The key *** is refused."),
        ("two\nlines", "two lines"),
    ],
)
def test_secrets_and_folders_are_left_out(reason: str, told: str) -> None:
    (one,) = publishable([{"stage": "verify", "shard": "verify, 1 of 2", "reason": reason}], OUT, ["sk-planted-secret"])
    assert one == {"stage": "verify", "shard": "verify, 1 of 2", "reason": told}


def test_a_reason_is_bounded() -> None:
    (one,) = publishable([{"stage": "s", "shard": "s, 1 of 1", "reason": "word " * 1000}], OUT)
    assert len(one["reason"]) <= LONGEST_REASON + 2 and one["reason"].endswith("word …")

"""Content addressing: the name of a shard is the hash of everything that could change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taskcraft_core.models import content_hash

STAGE_VERSIONS: Mapping[str, int] = {
    "ingest": 1,
    "generate": 1,
    "verify": 1,
    "depth": 2,
    "width": 2,
    "audit": 1,
}
"""Raised by hand when the code of a stage changes what it writes."""


def fingerprint(stage: str, inputs: Sequence[str], **matters: Any) -> str:
    """The name of a shard.

    Args:
        stage: A key of `STAGE_VERSIONS`.
        inputs: sha256 (hex) of the input shards, or of what stands for them.
        **matters: JSON-able settings, prompt hashes, role names, corpus fingerprint: whatever the stage reads.

    Returns:
        32 hex digits.
    """
    return content_hash([stage, STAGE_VERSIONS[stage], list(inputs), matters])[:32]


def bucket_of(document_id: str, buckets: int) -> int:
    """The stable bucket, in 0 .. buckets - 1, of a document id (sha256 hex)."""
    return int(document_id[:8], 16) % buckets

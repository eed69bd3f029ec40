"""Whether the shards of a build are of a good size; a build does not choose it, for the shards' names depend on it."""

from __future__ import annotations

LARGE = 500
"""Documents a shard beyond which a stop loses much, and one new document makes much anew."""
GOOD, MANY = 100, 200
"""Documents a shard, and shards a stage, that are enough: every shard costs the Prefect server a moment."""


def too_large(documents: int, shards: int) -> str | None:
    """A sentence for a build whose shards are too large, with a number of buckets that is better; else None.

    Args:
        documents: What the sources held.
        shards: Over how many shards they are spread.
    """
    if documents <= LARGE * shards:
        return None
    buckets = max(min(-(-documents // GOOD), MANY), -(-documents // LARGE))
    return (
        f"Shards hold {documents // shards:,} documents each; with buckets = {buckets} a stop would lose less, and a "
        "new document make less anew. All shards are computed once more then, and no call is paid again."
    )

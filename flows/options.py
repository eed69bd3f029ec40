"""How a build runs, as against what it makes: none of this changes a row that is made."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from taskcraft_core.models import Record

Percent = Annotated[float, Field(ge=0, le=100)]


class RunOptions(Record):
    """How a build runs; never a part of a fingerprint.

    Attributes:
        prune: Whether tasks whose documents are gone are retired.
        failed_shards: Percent of the shards of a stage that may fail without failing the build, rounded up.
        runner: `local`, `dask` (a cluster on this machine) or `dask:tcp://…` (a cluster that is there).
    """

    prune: bool = False
    failed_shards: Percent = 0.0
    runner: str = "local"

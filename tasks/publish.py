"""Publishing as a Prefect task: the audited rows are merged in one commit, and the version is released."""

from __future__ import annotations

from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.releases import release, release_path, release_sound
from taskcraft_core.dataset.rows import Lineage, row_of
from taskcraft_core.dataset.store import Published, open_dataset, publish
from taskcraft_core.errors import ConfigError
from taskcraft_core.models import Task
from taskcraft_core.shards import Reference, read_result
from tasks.aside import aside
from tasks.caching import plain_task
from tasks.manifest import read_manifest, read_pairs
from tasks.memory import give_back


@plain_task
async def publish_dataset(
    out: str, audited: Reference, documents: str, lineage: Lineage, config: BuildConfig
) -> Published:
    """Brings the dataset up to date; with nothing new it makes no version.

    Looks at the dataset each time instead of trusting a memory, for other builds publish into it too.
    """
    return await aside(_publish, Path(out), audited, documents, lineage, config)


def _publish(out: Path, audited: Reference, documents: str, lineage: Lineage, config: BuildConfig) -> Published:
    version = _published_as(out, audited)
    if version is not None:
        return Published(version=version, unchanged=audited.rows)
    metadata = {"config_hash": lineage.config_hash, "code_version": lineage.code_version, "audited": audited.sha256}
    published = publish([row_of(one, lineage) for one in read_result(out, audited, Task)[0]], out, metadata)
    give_back()
    if published.version > 0:
        uris = dict(read_pairs(out, read_manifest(out, documents), "id", "uri"))
        release(out, published.version, config, lineage.code_version, uris)
    return published


def _published_as(out: Path, audited: Reference) -> int | None:
    """The newest version, if it was made from these very rows and its release is whole: nothing is left to do."""
    try:
        newest = open_dataset(out).history(1)[0]
    except ConfigError:
        return None
    version = int(newest["version"])
    made_from_these = newest.get("audited") == audited.sha256
    return version if made_from_these and release_sound(release_path(out, version)) else None

"""The audit as a Prefect task: all candidate rows of a build together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.models import Message, Rejection, Task
from taskcraft_core.shards import Reference, read_shard, rejected_path, result_path, result_sound, write_result
from tasks.aside import aside
from tasks.caching import kept, shard_task
from tasks.manifest import read_all, read_manifest
from tasks.progress import items_done
from tasks.workbench import bench_for


@shard_task
async def audit_rows(
    out: str, stage: str, fingerprint: str, candidates: list[str], documents: str, config: BuildConfig
) -> Reference:
    """Checks every candidate of the given manifests; what fails goes into quarantine, with the rule."""
    # Great Expectations takes seconds to import, and a build with nothing new does not need it.
    from taskcraft_core.dataset.quality import audit
    from taskcraft_core.dataset.quarantine import quarantine

    folder = Path(out)
    if (there := kept(folder, stage, fingerprint)) is not None:
        return there
    tasks = [*shared(one for name in candidates for one in read_all(folder, read_manifest(folder, name), Task))]
    corpus = (await bench_for(folder, documents, config)).corpus
    passed, failed = await aside(audit, tasks, corpus, config)
    quarantine(failed, folder)
    items_done(len(passed) + len(failed))
    return write_result(folder, stage, fingerprint, passed, Task, [one.rejection for one in failed])


def drop_unless_quarantined(out: Path, fingerprint: str) -> None:
    """Removes the result of an audit whose failed rows are not in quarantine, so that it is computed again.

    The quarantine comes before the result, but at an address it is a version like any other: where another machine
    has published meanwhile, ours never was.
    """
    if not result_sound(out, "audit", fingerprint):
        return
    from taskcraft_core.dataset.quarantine import holds

    if not holds(out, read_shard(rejected_path(out, "audit", fingerprint), Rejection)):
        result_path(out, "audit", fingerprint).unlink()


def shared(tasks: Iterable[Task]) -> Iterator[Task]:
    """The same tasks, with one object for equal messages: what is composed repeats what its parts say."""
    known: dict[Message, Message] = {}
    for one in tasks:
        messages = tuple(known.setdefault(message, message) for message in one.trajectory)
        yield one.model_copy(update={"trajectory": messages})

"""The stages, one async subflow each: what goes into a shard's fingerprint, and which task computes it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from flows.account import show_left_out
from flows.gathering import run_shards, shards_at_once
from flows.options import RunOptions
from flows.outcome import StageRun
from flows.reporting import stage
from flows.shard_sizes import too_large
from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.dataset.retirement import not_listed
from taskcraft_core.dataset.rows import Lineage
from taskcraft_core.dataset.store import Published
from taskcraft_core.documents.fetch import is_url
from taskcraft_core.documents.files import files_of, well_formed
from taskcraft_core.documents.sources import Listed
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.fingerprint import bucket_of, fingerprint
from taskcraft_core.models import Document, Reason, Rejection, content_hash
from taskcraft_core.own_tasks import read_own_tasks
from taskcraft_core.roles.bench import identity
from taskcraft_core.shards import Reference, result_reference, result_sound, write_result
from tasks.adopt import adopt_own_tasks
from tasks.audit import audit_rows, drop_unless_quarantined
from tasks.extend import balance_depth, extend_depth_shard, extend_width_shard
from tasks.generate import generate_atomic_shard
from tasks.ingest import ingest_shard, list_documents, sandboxed
from tasks.logs import run_logger
from tasks.manifest import digest, read_manifest, read_rejections
from tasks.publish import publish_dataset
from tasks.verify import verify_atomic_shard
from tasks.workbench import ROLES

SOLVING = ("solver", "judge", "search", "max_steps", "acceptance")
"""The configuration that every stage with an agent in it depends on."""


@stage("ingest")
async def ingest_stage(sources: list[str], out: str, config: BuildConfig, options: RunOptions) -> StageRun:
    """Lists the sources and parses what they hold, in buckets of document ids."""
    listed, left_out = await list_documents(sources, out, config)
    empty = _empty(sources, Path(out))
    await show_left_out([*left_out, *empty])
    buckets: defaultdict[int, list[Listed]] = defaultdict(list)
    for item in listed:
        buckets[bucket_of(item.id, config.buckets)].append(item)
    matters = matter_of(config, "max_figures")
    shards = {
        fingerprint("ingest", [content_hash(item.model_dump()) for item in bucket], **matters): {
            "listed": bucket, "config": config,
        }
        for bucket in buckets.values()
    }  # fmt: skip
    async with sandboxed():
        done = await run_shards(out, "ingest", ingest_shard, shards, options, items=len(listed))
    if done.rows == 0:
        raise TaskCraftError(_nothing(Path(out), done, left_out))
    if advice := too_large(done.rows, len(done.shards)):
        run_logger().warning(advice)
    shards_and_listing = (*done.shards, *_listing(Path(out), [*left_out, *empty]))
    items = len(listed) + len(left_out) + len(empty)
    return done.model_copy(update={"shards": shards_and_listing, "items": items})


@stage("generate")
async def generate_stage(documents: str, out: str, config: BuildConfig, options: RunOptions) -> StageRun:
    """Authors atomic tasks, one shard for each shard of documents."""
    matters = matter_of(config, "author", "max_conclusions", "max_tasks_per_document")
    shards = {
        fingerprint("generate", [shard.sha256], **matters): {"documents": shard, "config": config}
        for shard in read_manifest(Path(out), documents)
    }
    items, at_once = _rows(out, documents), shards_at_once(config.author)
    return await run_shards(out, "generate", generate_atomic_shard, shards, options, items=items, at_once=at_once)


@stage("own tasks")
async def adopt_stage(tasks: str, documents: str, out: str, config: BuildConfig, options: RunOptions) -> StageRun:
    """Takes the tasks of the user's own file in: one more shard of atomic tasks to verify."""
    own, unusable = read_own_tasks(Path(tasks))
    content = content_hash([one.model_dump(mode="json") for one in (*own, *unusable)])
    name = fingerprint("generate", [content], own=True, corpus=_corpus(out, documents))
    arguments = {"tasks": tasks, "documents": documents, "config": config}
    return await run_shards(out, "generate", adopt_own_tasks, {name: arguments}, options, "own tasks", len(own))


@stage("verify")
async def verify_stage(
    authored: list[str], documents: str, out: str, config: BuildConfig, options: RunOptions
) -> StageRun:
    """Verifies the atomic tasks of the given manifests, one shard for each shard of them."""
    matters = matter_of(config, *SOLVING) | {"corpus": _corpus(out, documents)}
    shards = {
        fingerprint("verify", [shard.sha256], **matters): {
            "authored": shard, "documents": documents, "config": config,
        }
        for manifest in authored
        for shard in read_manifest(Path(out), manifest)
    }  # fmt: skip
    items, at_once = _rows(out, *authored), shards_at_once(config.solver, config.judge)
    return await run_shards(out, "verify", verify_atomic_shard, shards, options, items=items, at_once=at_once)


@stage("depth")
async def depth_stage(
    verified: str, documents: str, out: str, config: BuildConfig, options: RunOptions
) -> list[StageRun]:
    """Adds one hop after the other, then caps the share of each superset; the last run holds what stays."""
    matters = matter_of(config, "author", *SOLVING) | {"corpus": _corpus(out, documents)}
    at_once = shards_at_once(config.author, config.solver, config.judge)
    runs: list[StageRun] = []
    cores = verified
    for hops in range(2, config.max_hops + 1):
        shards = {
            fingerprint("depth", [shard.sha256], hops=hops, **matters): {
                "cores": shard, "hops": hops, "documents": documents, "config": config,
            }
            for shard in read_manifest(Path(out), cores)
        }  # fmt: skip
        label, items = f"depth, {hops} hops", _rows(out, cores)
        runs.append(await run_shards(out, "depth", extend_depth_shard, shards, options, label, items, at_once))
        cores = runs[-1].manifest
    extended = [shard for run in runs for shard in run.shards]
    balanced = fingerprint("depth", [digest(extended)], **matter_of(config, "superset_share"))
    arguments = {"extended": [run.manifest for run in runs], "config": config}
    runs.append(await run_shards(out, "depth", balance_depth, {balanced: arguments}, options, "depth, balanced"))
    return runs


@stage("width")
async def width_stage(verified: str, documents: str, out: str, config: BuildConfig, options: RunOptions) -> StageRun:
    """Merges related tasks; which belong together depends on all of them, so every shard does too."""
    matters = matter_of(config, "author", "max_width", "buckets", *SOLVING) | {"corpus": _corpus(out, documents)}
    inputs = [digest(read_manifest(Path(out), verified))]
    shards = {
        fingerprint("width", inputs, bucket=bucket, **matters): {
            "verified": verified, "bucket": bucket, "documents": documents, "config": config,
        }
        for bucket in range(config.buckets)
    }  # fmt: skip
    at_once = shards_at_once(config.author, config.solver, config.judge)
    return await run_shards(out, "width", extend_width_shard, shards, options, at_once=at_once)


@stage("audit")
async def audit_stage(
    candidates: list[str], documents: str, out: str, config: BuildConfig, options: RunOptions
) -> StageRun:
    """Audits all candidate rows together; a build cannot go on without."""
    matters = matter_of(config, "max_hops", "max_width", "max_steps", "acceptance")
    inputs = [digest(read_manifest(Path(out), name)) for name in candidates]
    name = fingerprint("audit", inputs, corpus=_corpus(out, documents), **matters)
    drop_unless_quarantined(Path(out), name)
    arguments = {"candidates": candidates, "documents": documents, "config": config}
    strict = options.model_copy(update={"failed_shards": 0.0})
    return await run_shards(out, "audit", audit_rows, {name: arguments}, strict)


@stage("publish")
async def publish_stage(
    audited: Reference,
    documents: str,
    lineage: Lineage,
    out: str,
    config: BuildConfig,
    prune: bool = False,
    failed: str | None = None,
) -> Published:
    """Publishes the audited rows in one commit, and retires those of earlier builds whose documents are gone."""
    return await publish_dataset(out, audited, documents, lineage, config, prune, failed)


def not_pruned(out: str, ingested: StageRun, config: BuildConfig, options: RunOptions) -> str | None:
    """Why tasks whose documents are gone stay although they should leave; None where nothing is in the way."""
    if not options.prune:
        return None
    why = not_listed(read_rejections(Path(out), ingested.shards), len(ingested.failed), config.limit)
    if why is not None:
        run_logger().warning("Nothing is retired, for not every source was listed completely: %s.", why)
    return why


def matter_of(config: BuildConfig, *names: str) -> dict[str, Any]:
    """The part of the configuration that a stage reads; of a role, everything that changes what it says."""
    read = config.model_dump(mode="json", include=set(names))
    return read | {role: identity(role, read[role], Settings()) for role in ROLES if role in read}


def _corpus(out: str, documents: str) -> str:
    return digest(read_manifest(Path(out), documents))


def _rows(out: str, *manifests: str) -> int:
    return sum(shard.rows for manifest in manifests for shard in read_manifest(Path(out), manifest))


def _listing(out: Path, left_out: list[Rejection]) -> list[Reference]:
    """The rejections of the listing, as a shard without documents; none when nothing was left out."""
    if not left_out:
        return []
    name = fingerprint("ingest", [content_hash([one.model_dump(mode="json") for one in left_out])], listing=True)
    if result_sound(out, "ingest", name):
        return [result_reference(out, "ingest", name)]
    return [write_result(out, "ingest", name, [], Document, left_out)]


def _empty(sources: list[str], out: Path) -> list[Rejection]:
    """The folders that hold nothing: perhaps what should be mounted there is not."""
    folders = [Path(source) for source in sources if not is_url(source) and Path(source).is_dir()]
    names = [well_formed(path.resolve().name) for path in folders if next(files_of(str(path), out), None) is None]
    return [
        Rejection(stage="ingest", reason=Reason.EMPTY_FOLDER, item=name, detail=f"{name}: the folder holds no file.")
        for name in names
    ]


def _nothing(out: Path, done: StageRun, left_out: list[Rejection]) -> str:
    """Why there is nothing to build from, in one sentence."""
    rejections = [*left_out, *read_rejections(out, done.shards)]
    if not rejections:
        return "The sources hold no document; name files, folders, globs or URLs."
    first = f"{rejections[0].item}: {rejections[0].reason.value}"
    return f"The sources hold no usable document: {len(rejections)} were left out, the first is {first}."

"""The pipeline, in the order in which it runs: documents go in, a published dataset version comes out."""

from __future__ import annotations

import time
from importlib.metadata import version as version_of
from pathlib import Path

from prefect import flow

from flows.account import accounted, count_from_here
from flows.environment import read_settings
from flows.form import Out, Runner, Sources, TasksFile
from flows.leftovers import bury_crashed
from flows.mirror import check_place, folder_of, mirrored
from flows.naming import BUILD, name_of_run
from flows.options import Percent, RunOptions
from flows.outcome import StageRun
from flows.preflight import check_roles, preflight
from flows.reporting import is_tried_again, reported
from flows.runners import check_runner, computing, look, spent
from flows.stages import (
    adopt_stage,
    audit_stage,
    depth_stage,
    generate_stage,
    ingest_stage,
    not_pruned,
    publish_stage,
    verify_stage,
    width_stage,
)
from flows.summary import BuildSummary, summarise
from flows.terminating import cancelled_by_sigterm
from flows.turns import turn_of_this_run
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.rows import Lineage, Named
from taskcraft_core.models import content_hash
from taskcraft_core.own_tasks import check_documents, read_own_tasks, sources_of
from taskcraft_core.prompts import PROMPTS, prompt
from taskcraft_core.roles.llm.spec import is_model
from taskcraft_core.shards import sweep
from tasks.publish import note_failed
from tasks.workbench import ROLES, put_away


@flow(name=BUILD, flow_run_name=name_of_run, persist_result=False, on_crashed=[bury_crashed])
@reported
async def build_dataset(
    sources: Sources,
    out: Out,
    config: BuildConfig = BuildConfig(),  # noqa: B008 (frozen)
    tasks: TasksFile = None,
    prune: bool = False,
    failed_shards: Percent = 0.0,
    runner: Runner = "local",
) -> BuildSummary:
    """Turns documents into verified, audited tasks, and publishes them.

    What is there already is not computed again: run it again after a failure, or with more sources.

    Args:
        sources: Files, folders, globs, http(s) URLs, JSONL or CSV files of documents; a path is one of the machine
            that the worker runs on.
        out: The output folder, or the URL of one in an object store. A folder that holds a dataset is added to.
        config: What is made, and by whom; everything here changes the rows.
        tasks: A JSONL file of tasks that are there already, to be verified and extended. Without sources no others
            are authored.
        prune: Whether tasks whose documents are gone leave the dataset; only where every source could be listed.
        failed_shards: Percent of the shards of a stage that may fail without failing the build, rounded up: with any
            value above 0 at least one of several may fail, with 0 none. The release names them. A run that retries
            by itself goes on without them in its last attempt only.
        runner: Where shards are computed: local, dask (a cluster on this machine) or dask:tcp://HOST:PORT.

    Returns:
        What was read, made, left out and published.

    Raises:
        TaskCraftError: One sentence about what stopped the build; everything finished is kept.
    """
    check_runner(runner)
    # What a retry may still compute is not gone without.
    options = RunOptions(prune=prune, failed_shards=0 if is_tried_again() else failed_shards, runner=runner)
    read = [*sources, *filter(None, [tasks])]
    check_place(out, config, read)

    async def built() -> BuildSummary:
        async with mirrored(out, config, read) as folder, computing(runner, folder, config):
            await count_from_here()
            return (await _build(sources, str(folder), config, tasks, options)).told_at(out)

    async with cancelled_by_sigterm(), turn_of_this_run(folder_of(out)):
        return await accounted(built())


async def _build(
    sources: list[str], out: str, config: BuildConfig, tasks: str | None, options: RunOptions
) -> BuildSummary:
    began, before = time.monotonic(), spent()
    check_roles(config, read_settings())
    if tasks and not sources:
        check_documents(Path(tasks))
    sweep(Path(out))
    try:
        await preflight(Path(out), config)
        documents = await ingest_stage([*sources, *named_by(tasks)], out, config, options)
        authored = [await generate_stage(documents.manifest, out, config, options)] if sources else []
        authored += [await adopt_stage(tasks, documents.manifest, out, config, options)] if tasks else []
        verified = await verify_stage([run.manifest for run in authored], documents.manifest, out, config, options)
        deep = await depth_stage(verified.manifest, documents.manifest, out, config, options)
        wide = await width_stage(verified.manifest, documents.manifest, out, config, options)
        candidates = [verified.manifest, deep[-1].manifest, wide.manifest]
        audited = await audit_stage(candidates, documents.manifest, out, config, options)
        await put_away()
        runs = [documents, *authored, verified, *deep, wide, audited]
        lineage = lineage_of(runs, config)
        failed = [one for run in runs for one in run.failed]
        unlisted = not_pruned(out, documents, config, options)
        published = await publish_stage(
            audited.shards[0], documents.manifest, lineage, out, config,
            prune=options.prune and unlisted is None,
            failed=note_failed(Path(out), [one.model_dump() for one in failed]),
        )  # fmt: skip
    finally:
        await put_away()
    await look()
    return summarise(Path(out), runs, published, spent() - before, began, not_pruned=unlisted)


def lineage_of(runs: list[StageRun], config: BuildConfig) -> Lineage:
    """What the rows of this build are made by: configuration, code, roles, and the shards of every stage."""
    roles = {"author": config.author, "solver": config.solver, "judge": config.judge, "search": config.search}
    return Lineage(
        config_hash=content_hash(config.model_dump(mode="json")),
        code_version=version_of("taskcraft"),
        prompt_hashes=tuple(Named(name=name, value=prompt(name).hash) for name in prompts_of(config)),
        roles=tuple(Named(name=role, value=spec) for role, spec in sorted(roles.items())),
        stage_fingerprints=tuple(Named(name=run.stage, value=Path(run.manifest).name[:32]) for run in runs),
    )


def prompts_of(config: BuildConfig) -> list[str]:
    """The prompts that the models of a build are asked with."""
    models = [role for role in ROLES if is_model(getattr(config, role))]
    general = {name for name in PROMPTS if not name.startswith(tuple(f"{role}_" for role in ROLES))}
    return [name for name in PROMPTS if models and (name in general or name.startswith(tuple(f"{m}_" for m in models)))]


def named_by(tasks: str | None) -> list[str]:
    """The documents that a file of tasks names."""
    return sources_of(read_own_tasks(Path(tasks))[0], Path(tasks)) if tasks else []

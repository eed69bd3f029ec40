"""The `taskcraft` command: thin; everything heavy is imported when a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Turns documents into verified, audited agentic tasks.\n\n"
    "Start with `taskcraft build FOLDER --out OUT`, then `taskcraft show TASK --out OUT`.",
    epilog="Exit codes: 0 done, 1 the run failed, 2 wrong usage or configuration, 130 interrupted, 143 terminated.",
)

STOPPED = "Stopped; what is finished is kept, and the same command goes on from there."
OutOption = Annotated[
    str,
    typer.Option("--out", metavar="DIR", help="The output folder, or its URL: `s3://bucket/demo`. All is kept there."),
]
SourcesArgument = Annotated[
    list[str] | None, typer.Argument(metavar="SOURCE", help="A file, folder, glob or URL; JSONL or CSV of documents.")
]
CronOption = Annotated[str | None, typer.Option(metavar="CRON", help="When the nightly build starts.  [0 2 * * *]")]
ZoneOption = Annotated[str | None, typer.Option(metavar="ZONE", help="The time zone of that.  [UTC]")]
ConfigOption = Annotated[Path | None, typer.Option(metavar="FILE.toml", help="What the builds make, as for `build`.")]
NotifyOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Where JSON is posted to when a build fails or is degraded; or TASKCRAFT_NOTIFY_URL, if it is secret.",
    ),
]


@app.command()
def build(
    out: OutOption,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="SOURCE", help="A file, folder, glob or URL; JSONL or CSV of documents."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A TOML file; its keys are the options below, with underscores.")
    ] = None,
    tasks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Tasks that you have: question, answer, optional identifier and document. They are verified and "
            "extended; without a SOURCE no others are made.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Author, solver and judge at once: `extractive`; `openai:MODEL` at any endpoint that speaks OpenAI's "
            "protocol (OPENAI_API_KEY, OPENAI_BASE_URL), behind a `?` how to sample it; or your own "
            "`package.module:Class`.",
        ),
    ] = None,
    author: Annotated[str | None, typer.Option(metavar="SPEC", help="Who writes questions.")] = None,
    solver: Annotated[str | None, typer.Option(metavar="SPEC", help="Who answers them.")] = None,
    judge: Annotated[str | None, typer.Option(metavar="SPEC", help="Who scores answers.")] = None,
    search: Annotated[
        str | None,
        typer.Option(help="What the search tool searches: `local`, the documents, or `tavily`, the web."),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Use at most this many documents.")] = None,
    buckets: Annotated[int | None, typer.Option(help="Shards a stage.")] = None,
    max_hops: Annotated[int | None, typer.Option(help="Deepest chain; 1 turns depth off.")] = None,
    max_width: Annotated[int | None, typer.Option(help="Most parts of a width task; 1 turns it off.")] = None,
    max_tasks_per_document: Annotated[int | None, typer.Option(help="Atomic tasks a document.")] = None,
    max_steps: Annotated[int | None, typer.Option(help="Tool calls for an atomic task.")] = None,
    acceptance: Annotated[str | None, typer.Option(help="strict or paper.")] = None,
    max_usd: Annotated[
        float | None, typer.Option(min=0, help="What the calls of this folder may cost in all, in US dollars.")
    ] = None,
    max_tokens: Annotated[int | None, typer.Option(min=0, help="Tokens that they may take in all.")] = None,
    max_calls: Annotated[int | None, typer.Option(min=0, help="How many there may be in all.")] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune/--no-prune",
            help="Retire the tasks whose documents the SOURCEs do not hold any more, if all of them could be listed; "
            "older versions keep them. Otherwise builds only add.",
        ),
    ] = False,
    failed_shards: Annotated[
        float,
        typer.Option(
            metavar="PERCENT",
            help="Go on without shards that fail, as long as they are no more than PERCENT of a stage, rounded up; the "
            "release names them.",
        ),
    ] = 0.0,
    runner: Annotated[
        str,
        typer.Option(
            metavar="SPEC",
            help="Where shards are computed: `local`, `dask` (worker processes on this machine) or "
            "`dask:tcp://HOST:PORT` (a cluster that is there).",
        ),
    ] = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read the documents, estimate calls, tokens and cost, and stop there.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show Prefect's log and full errors.")] = False,
) -> None:
    """Builds a dataset from documents, or goes on with one.

    What is there already is not computed again, and no model call is paid twice, so the same command resumes a
    build that was stopped, and with more sources it adds to the dataset.

    For example:

    `taskcraft build data/samples --out out/demo`

    `taskcraft build handbook.pdf "notes/*.md" https://example.org/page.html --out out --max-hops 2`

    `taskcraft build docs --out out --model openai:gpt-4o-mini --judge openai:gpt-4o --max-usd 5 --dry-run`

    `taskcraft build docs --out out --config build.toml --tasks questions.jsonl --limit 50`

    `taskcraft build docs "notes/*.md" --out out --prune --failed-shards 5`
    """
    from flows.building import Request, run_build

    options = {
        "author": author or model, "solver": solver or model, "judge": judge or model, "search": search,
        "limit": limit, "buckets": buckets, "max_hops": max_hops, "max_width": max_width,
        "max_tasks_per_document": max_tasks_per_document, "max_steps": max_steps, "acceptance": acceptance,
    }  # fmt: skip
    caps = {"MAX_USD": max_usd, "MAX_TOKENS": max_tokens, "MAX_CALLS": max_calls}
    request = Request(
        tuple(sources or ()), out, config, options, tasks, caps, dry_run, verbose, prune, failed_shards, runner
    )
    _guarded(run_build, request, verbose=verbose)


@app.command()
def show(
    task: Annotated[str, typer.Argument(metavar="TASK", help="A task id, or the beginning of one.")],
    out: OutOption,
    full: Annotated[bool, typer.Option("--full", help="Do not cut what the tools returned.")] = False,
) -> None:
    """Shows one task: question, answer, evidence, parents and trajectory.

    For example: `taskcraft show 3f9c --out out/demo`
    """
    from flows.showing import show_task

    _guarded(show_task, task, out, full)


@app.command()
def costs(
    out: OutOption,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Shows what the calls of a folder have cost: by stage and role, in all, and for each accepted task.

    For example: `taskcraft costs --out out/demo`
    """
    from flows.spending import show_costs

    _guarded(show_costs, out, as_json)


@app.command()
def serve(
    out: OutOption,
    sources: SourcesArgument = None,
    cron: CronOption = None,
    timezone: ZoneOption = None,
    config: ConfigOption = None,
    notify: NotifyOption = None,
    host: Annotated[str, typer.Option(help="Where the server listens; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="The server's port.")] = 4200,
) -> None:
    """Builds every night, and whenever you ask for it in the UI, until you stop it.

    Starts a Prefect server with its UI, unless PREFECT_API_URL names one, puts the deployments on it, and starts a
    worker. Everything is kept in PREFECT_HOME, so the same command goes on from there. Keys come from the environment.

    For example:

    `taskcraft serve data/samples --out out/nightly`

    `taskcraft serve docs "notes/*.md" --out out --cron "30 3 * * 1-5" --timezone Europe/Vienna --config build.toml`

    `TASKCRAFT_NOTIFY_URL=https://hooks.example.org/T0/secret taskcraft serve docs --out out --port 8080`
    """
    from flows.deploying import Wanted
    from flows.serving import run_serve

    _guarded(run_serve, Wanted(tuple(sources or ()), out, cron, timezone, config, notify), host, port)


@app.command()
def deploy(
    out: OutOption,
    sources: SourcesArgument = None,
    cron: CronOption = None,
    timezone: ZoneOption = None,
    config: ConfigOption = None,
    notify: NotifyOption = None,
) -> None:
    """Puts the nightly and the on-demand build on the Prefect server at PREFECT_API_URL.

    Creates the work pool `taskcraft`, the deployments, and the automations that watch their runs; doing it again
    changes what is different. Runs are made by workers: `prefect worker start --pool taskcraft`.

    For example:

    `taskcraft deploy data/samples --out out/nightly`

    `taskcraft deploy /data/handbooks --out /data/out --cron "30 3 * * 1-5" --timezone Europe/Vienna`
    """
    from flows.deploying import Wanted, run_deploy

    _guarded(run_deploy, Wanted(tuple(sources or ()), out, cron, timezone, config, notify))


@app.command()
def doctor(
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="The folder, or its URL, that a build would write to.")
    ] = "out",
) -> None:
    """Checks the installation and the settings; prints no secret.

    For example: `taskcraft doctor --out out/demo`
    """
    from flows.doctor import examine

    if not _guarded(examine, out):
        raise typer.Exit(1)


def _guarded(work: Any, *arguments: Any, verbose: bool = False) -> Any:
    """Runs a command; an error becomes one sentence and an exit code."""
    from flows.terminating import Terminated, raise_when_terminated
    from taskcraft_core.errors import ConfigError, TaskCraftError

    raise_when_terminated()
    try:
        return work(*arguments)
    except Terminated:
        _stop(STOPPED, 143)
    except KeyboardInterrupt:
        _stop(STOPPED, 130)
    except BrokenPipeError:
        sys.stderr.close()
        raise typer.Exit(1) from None
    except Exception as error:
        if verbose:
            raise
        code = 2 if isinstance(error, ConfigError) else 1
        known = isinstance(error, TaskCraftError)
        _stop(str(error) if known else f"{type(error).__name__}: {error} (--verbose shows where)", code)


def _stop(sentence: str, code: int) -> NoReturn:
    typer.echo(f"taskcraft: {' '.join(sentence.split())}", err=True)
    raise typer.Exit(code)


def main() -> None:
    """The entry point of the `taskcraft` command."""
    app(prog_name="taskcraft")


if __name__ == "__main__":
    main()

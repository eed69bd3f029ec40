"""Builds into URLs and tells as JSON what was computed. Run as a program, so that its embedded Prefect server, cache
and settings are its own: `python mirrored_builds.py SAMPLES FOLDER`. With `OUT` as a third argument it is another
machine of the same server, which has a cache of its own, and builds there once.
"""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from flows.embedded import use_server
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import TaskCraftError
from tasks.progress import watched_by

CONFIG = BuildConfig(buckets=3, max_hops=1)
PAGES, ADDED = ("titan", "europa", "ganymede", "io", "galilean-moons"), "callisto"
FAULT = "verify, 2 of 3"


class Ear:
    """Listens to a build: says when it waits, and does something when it has come to its audit."""

    def __init__(self, at_audit: Callable[[], None] = lambda: None) -> None:
        self._at_audit = at_audit

    def waits(self, sentence: str) -> None:
        print(json.dumps({"waits": sentence}), flush=True)

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None:
        if stage == "audit":
            self._at_audit()

    def items_done(self, count: int) -> None: ...

    def shard_done(self) -> None: ...

    def stage_ends(self) -> None: ...


async def told(build: Any, sources: Path, out: str) -> dict[str, Any]:
    """What a build into an address gives, or why it failed; and what lies there afterwards."""
    try:
        summary = (await build([str(sources)], out, CONFIG)).model_dump(mode="json")
    except TaskCraftError as error:
        print(error, file=sys.stderr)
        summary = {"error": str(error)}
    computed = {stage["stage"]: stage["computed"] for stage in summary.get("stages", ())}
    return {"summary": summary, "computed": computed, "files": stored(out)}


def stored(out: str) -> list[str]:
    files, root = fsspec.core.url_to_fs(out)
    files.invalidate_cache()
    return sorted(path.removeprefix(f"{root}/") for path in files.find(root))


def read_there(out: str, options: dict[str, str]) -> dict[str, Any]:
    """The newest release and the table as others read them, by their addresses."""
    files, root = fsspec.core.url_to_fs(out)
    versions = sorted(path.rsplit("/", 1)[1] for path in files.ls(f"{root}/releases", detail=False))
    rows = {name: pq.read_table(f"{root}/releases/{name}/tasks.parquet", filesystem=files) for name in versions}
    table = DeltaTable(f"{out}/dataset", storage_options=options)
    return {
        "releases": {name: one["task_id"].to_pylist() for name, one in rows.items()},
        "version": table.version(),
        "rows": sum(pa.table(table.get_add_actions())["num_records"].to_pylist()),
    }


async def both(build: Any, sources: Path, samples: Path, folder: Path, out: str) -> dict[str, Any]:
    """A build, and one of another machine that begins before the first has published."""
    other = subprocess.Popen(
        [sys.executable, __file__, samples, folder, out], env=os.environ | {"TASKCRAFT_CACHE": str(folder / "other")},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    line = other.stdout.readline
    said: dict[str, Any] = {}
    try:
        assert line() == "ready\n"

        def begin() -> None:
            other.send_signal(signal.SIGUSR1)
            said.update(json.loads(line()))

        with watched_by(Ear(begin)):
            first = await told(build, sources, out)
        second = json.loads((await asyncio.to_thread(other.communicate, timeout=300))[0].splitlines()[-1])
    finally:
        other.kill()
        other.wait()
    return {"first": first, "other machine": second | said}


async def one_more(sources: Path, out: str) -> dict[str, Any]:
    """What the other machine does, when it is told to."""
    from flows.build_dataset import build_dataset

    begin = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, begin.set)
    print("ready", flush=True)
    await begin.wait()
    with watched_by(Ear()):
        return await told(build_dataset, sources, out)


async def builds(samples: Path, folder: Path) -> dict[str, Any]:
    """A first build and the same of another machine at once, one with more, and one that fails in the middle."""
    from flows.build_dataset import build_dataset

    sources, faults = folder / "sources", folder / "faults.txt"
    sources.mkdir()
    for page in PAGES:
        shutil.copyfile(samples / "solar-system" / f"{page}.html", sources / f"{page}.html")
    out, broken = f"file://{folder}/remote/demo", f"file://{folder}/remote/broken"

    async def build(name: str, into: str = out) -> None:
        results[name] = await told(build_dataset, sources, into)

    results = await both(build_dataset, sources, samples, folder, out)
    forget: Callable[[], None] = lambda: shutil.rmtree(os.environ["TASKCRAFT_CACHE"])  # noqa: E731
    forget()
    faults.write_text(f"{FAULT}\n", encoding="utf-8")
    await build("failing", broken)
    faults.write_text("", encoding="utf-8")
    forget()
    await build("resumed", broken)
    shutil.copyfile(samples / "solar-system" / f"{ADDED}.html", sources / f"{ADDED}.html")
    await build("added")
    results["read"] = read_there(out, {})
    if store := os.environ.get("AWS_ENDPOINT_URL"):
        fsspec.filesystem("s3").mkdir("bucket")
        await build("s3", "s3://bucket/datasets/demo")
        forget()
        await build("s3 again", "s3://bucket/datasets/demo")
        results["read s3"] = read_there("s3://bucket/datasets/demo", {"allow_http": "true", "endpoint_url": store})
    return results


if __name__ == "__main__":
    home = Path(sys.argv[2])
    os.environ |= {"TASKCRAFT_FAULTS": str(home / "faults.txt")}
    os.environ.setdefault("TASKCRAFT_CACHE", str(home / "cache"))
    use_server(verbose=False).ready()
    work = one_more(home / "sources", sys.argv[3]) if sys.argv[3:] else builds(Path(sys.argv[1]), home)
    print(json.dumps(asyncio.run(work)))

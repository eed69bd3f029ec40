"""Builds into URLs and tells as JSON what was computed. Run as a program, so that its embedded Prefect server, cache
and settings are its own: `python mirrored_builds.py SAMPLES FOLDER`.
"""

import asyncio
import json
import os
import shutil
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

CONFIG = BuildConfig(buckets=3, max_hops=1)
PAGES, ADDED = ("titan", "europa", "ganymede", "io", "galilean-moons"), "callisto"
FAULT = "verify, 2 of 3"


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


async def builds(samples: Path, folder: Path) -> dict[str, Any]:
    """A first build, the same again from another machine's cache, one with more, and one that fails in the middle."""
    from flows.build_dataset import build_dataset

    sources, faults = folder / "sources", folder / "faults.txt"
    sources.mkdir()
    for page in PAGES:
        shutil.copyfile(samples / "solar-system" / f"{page}.html", sources / f"{page}.html")
    out, broken = f"file://{folder}/remote/demo", f"file://{folder}/remote/broken"

    async def build(name: str, into: str = out) -> None:
        results[name] = await told(build_dataset, sources, into)

    results: dict[str, Any] = {}
    await build("first")
    forget: Callable[[], None] = lambda: shutil.rmtree(os.environ["TASKCRAFT_CACHE"])  # noqa: E731
    forget()
    await build("fresh cache")
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
    os.environ |= {"TASKCRAFT_CACHE": str(home / "cache"), "TASKCRAFT_FAULTS": str(home / "faults.txt")}
    use_server(verbose=False).ready()
    print(json.dumps(asyncio.run(builds(Path(sys.argv[1]), home))))

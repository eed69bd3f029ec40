"""Builds night after night, while documents come, change and go, and tells as JSON what became of them. Run as a
program, so that its embedded Prefect server and settings are its own: `python nights.py SAMPLES FOLDER`.
"""

import asyncio
import functools
import json
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from flows.embedded import use_server
from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.store import open_dataset, read_dataset
from taskcraft_core.errors import TaskCraftError
from taskcraft_core.models import Rejection
from taskcraft_core.shards import read_shard

PAGES = ("noble-gases", "argon", "neon", "copper", "gallium", "germanium")
REPORT = "reports/deep-lakes.pdf"
CONFIG = BuildConfig(max_hops=2, max_width=2)


def copied(samples: Path, target: Path) -> Path:
    """A few of the samples, in a folder that may be changed; a page under another folder is served."""
    for folder in (target, target.parent / "served", target.parent / "empty#1"):
        folder.mkdir(parents=True)
    for name in PAGES:
        shutil.copyfile(samples / f"elements/{name}.html", target / f"{name}.html")
    shutil.copyfile(samples / REPORT, target / "lakes.pdf")
    shutil.copyfile(samples / "elements/xenon.html", target.parent / "served" / "xenon.html")
    return target


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[int]:
    """The folder on a loopback server, until the end."""
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", port), functools.partial(quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


@contextmanager
def setting(name: str, value: str) -> Iterator[None]:
    """A setting, until the end."""
    os.environ[f"TASKCRAFT_{name}"] = value
    try:
        yield
    finally:
        del os.environ[f"TASKCRAFT_{name}"]


def rows_of(out: Path, version: int) -> dict[str, Any]:
    """What the rows of a version say, by id."""
    columns = ["task_id", "kind", "question", "identifier", "parent_ids", "evidence"]
    return {row["task_id"]: row for row in read_dataset(out, version).select(columns).to_pylist()}


def forgotten(out: Path, uri: str) -> None:
    """Deletes what was parsed, and the shard in which a document lies: all in there is parsed again."""
    shutil.rmtree(out / "work" / "ingest" / "parsed")
    for file in (out / "work" / "ingest").glob("*.parquet"):
        if any(name.endswith(uri) for name in _column(file, "uri") + _column(file, "item")):
            file.unlink()


def _column(file: Path, name: str) -> list[str]:
    with pq.ParquetFile(file) as opened:
        return opened.read(columns=[name])[name].to_pylist() if name in opened.schema_arrow.names else []


async def nights(samples: Path, folder: Path) -> dict[str, Any]:
    """The builds of one output folder."""
    from flows.build_dataset import build_dataset

    told: dict[str, Any] = {}
    sources, out = copied(samples, folder / "in"), folder / "out"

    async def build(name: str, *more: str, config: BuildConfig = CONFIG, **options: Any) -> None:
        summary = await build_dataset([str(sources), *more], str(out), config, **options)
        version = summary.published.version
        manifest = json.loads((out / "releases" / f"v{version}" / "manifest.json").read_text(encoding="utf-8"))
        told[name] = {
            "summary": summary.model_dump(mode="json"),
            "computed": summary.computed,
            "rows": rows_of(out, version),
            "left": [one.model_dump(mode="json") for one in read_shard(out / "rejections.parquet", Rejection)],
            "commit": open_dataset(out, version).history(1)[0],
            "failed_shards": manifest["failed_shards"],
            "card": (out / "releases" / f"v{version}" / "README.md").read_text(encoding="utf-8"),
        }

    faults = folder / "faults.txt"
    in_verify = "".join(f"verify, 1 of {n}\n" for n in range(1, 9))
    with served(folder / "served") as port:
        page = f"http://127.0.0.1:{port}/xenon.html"
        with setting("FAULTS", str(faults)):
            faults.write_text(f"{in_verify}audit, 1 of 1\n", encoding="utf-8")
            try:
                await build("the audit fails", page, failed_shards=100)
            except TaskCraftError as error:
                told["the audit fails"] = str(error)
            faults.write_text(in_verify, encoding="utf-8")
            await build("a shard fails", page, failed_shards=20)
        await build("it is there", page, failed_shards=20)
        await build("a limit", page, prune=True, config=CONFIG.model_copy(update={"limit": 1000}))

    (sources / "gallium.html").unlink()
    copper = sources / "copper.html"
    copper.write_text(copper.read_text(encoding="utf-8").replace("1,084", "1,085"), encoding="utf-8")
    shutil.copyfile(samples / "elements/krypton.html", sources / "krypton.html")
    neon = (sources / "neon.html").read_text(encoding="utf-8")
    (sources / "neon-again.html").write_text(neon.replace("</body>", "<p>Written again.</p></body>"), encoding="utf-8")
    await build("a server is down", page, prune=True)
    with served(folder / "served", port):
        await build("all is listed", page, prune=True)
        shutil.rmtree(out / "releases" / f"v{told['all is listed']['summary']['published']['version']}")
        await build("the same again", page, prune=True)

        forgotten(out, "lakes.pdf")
        with setting("PARSE_TIMEOUT", "0.0001"):
            await build("a parse takes too long", page, prune=True)

        (sources / "germanium.html").unlink()
        await build("not mounted", page, str(folder / "empty#1"), prune=True)
        await build("mounted", page, prune=True)
    return told


if __name__ == "__main__":
    use_server(verbose=False).ready()
    print(json.dumps(asyncio.run(nights(Path(sys.argv[1]), Path(sys.argv[2])))))

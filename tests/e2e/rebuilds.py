"""Builds again and again, each time after one change, and tells as JSON what was computed. Run as a program, so that
its embedded Prefect server and settings are its own: `python rebuilds.py SAMPLES FOLDER`.
"""

import asyncio
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.embedded import use_server

PAGES = (
    "solar-system/[c-m]*.html",
    "zh/t*.html",
    "tables/*.csv",
    "figures/*moon-radii-s*.png",
    "reports/deep-lakes.pdf",
)
ADDED = "landmarks/eiffel-tower.html"


def copied(samples: Path, target: Path) -> Path:
    """A few of the samples, in a folder that may be changed."""
    for pattern in PAGES:
        for path in sorted(samples.glob(pattern)):
            place = target / path.relative_to(samples)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return target


def files_of(out: Path) -> dict[str, str]:
    """Every work file and release file, with its hash."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("work", "releases")
        for path in sorted((out / folder).rglob("*"))
        if path.is_file()
    }


def damaged(out: Path) -> Iterator[str]:
    """Deletes one work file and cuts another in half; which they are is what is told."""
    generated = sorted((out / "work" / "generate").glob("*[0-9a-f].parquet"))
    verified = sorted((out / "work" / "verify").glob("*[0-9a-f].parquet"))
    generated[0].unlink()
    verified[0].write_bytes(verified[0].read_bytes()[: verified[0].stat().st_size // 2])
    yield from (path.relative_to(out).as_posix() for path in (generated[0], verified[0]))


async def rebuilds(samples: Path, folder: Path) -> dict[str, Any]:
    """Six builds of two output folders."""
    from flows.build_dataset import build_dataset

    told: dict[str, Any] = {}

    async def build(name: str, sources: Path, out: Path) -> None:
        before = files_of(out)
        summary = await build_dataset([str(sources)], str(out))
        after = files_of(out)
        told[name] = {
            "summary": summary.model_dump(mode="json"),
            "computed": {stage.stage: stage.computed for stage in summary.stages},
            "files": after,
            "new": sorted(set(after) - set(before)),
            "changed": sorted(key for key in set(after) & set(before) if after[key] != before[key]),
        }

    sources = copied(samples, folder / "samples")
    one, two = folder / "one", folder / "two"
    await build("first", sources, one)
    await build("again", sources, one)
    await build("elsewhere", sources, two)
    told["damage"] = list(damaged(one))
    await build("repaired", sources, one)
    shutil.copyfile(samples / ADDED, sources / "solar-system" / "added.html")
    await build("added", sources, one)
    (sources / "solar-system" / "added.html").unlink()
    await build("taken back", sources, one)
    return told


if __name__ == "__main__":
    use_server(verbose=False).ready()
    print(json.dumps(asyncio.run(rebuilds(Path(sys.argv[1]), Path(sys.argv[2])))))

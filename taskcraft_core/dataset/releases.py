"""A release: one version of the dataset as plain Parquet, with a manifest and a card, never changed again.

`releases/v<N>/` holds version N of the Delta table. Equal rows, configuration and documents give equal bytes:
nothing in a release tells the time. It is written to a staging folder and renamed, so it is there whole or
not at all; the manifest comes last and lists the hash of every other file.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.card import dataset_card
from taskcraft_core.dataset.orphans import sole_writer
from taskcraft_core.dataset.store import read_dataset
from taskcraft_core.disk import writing
from taskcraft_core.models import content_hash
from taskcraft_core.shards import parquet_bytes, write_aside

ROWS_PER_FILE = 50_000
STAGING = ".staging"


def release_path(out: Path, version: int) -> Path:
    """Where the release of a version lies."""
    return out / "releases" / f"v{version}"


def release(
    out: Path,
    version: int,
    config: BuildConfig,
    code_version: str,
    documents: Mapping[str, str],
    failed_shards: Sequence[Mapping[str, str]] = (),
) -> Path:
    """Writes the release of a version, unless it is there and sound.

    Args:
        out: The output folder, which holds the dataset.
        version: A version of the dataset, 1 or more.
        config: The configuration of the build that made the version.
        code_version: The version of the code that made it.
        documents: The uri of every document of the build by its id (the sha256 of its bytes); the documents
            that rows of earlier builds quote are added from the rows.
        failed_shards: The shards that the build went on without: stage, shard and reason. When they are there later,
            a release that is sound stays as it is; what they change, if anything, is in a later version.

    Returns:
        The folder of the release.

    Raises:
        ConfigError: There is no dataset, or no such version.
        StorageError: The release cannot be written.
    """
    target = release_path(out, version)
    with sole_writer(target.parent):
        with writing(target):
            sweep_staging(target.parent)
        if not release_sound(target):
            table = read_dataset(out, version)
            facts = _facts(table, version, config, code_version, documents)
            with writing(target):
                staging = Path(tempfile.mkdtemp(prefix=f".v{version}-", suffix=STAGING, dir=target.parent))
                _write(staging, table, facts | {"failed_shards": [dict(one) for one in failed_shards]})
                _replace(target, staging)
    return target


def release_sound(folder: Path) -> bool:
    """Whether a release is complete and every file is what its manifest says."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return all(_sha256(folder / name) == facts["sha256"] for name, facts in manifest["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sweep_staging(releases: Path) -> int:
    """Removes the staging folders of killed runs; returns how many. Only safe for the sole writer."""
    leftover = [path for path in releases.glob(f".*{STAGING}") if path.is_dir()]
    for path in leftover:
        shutil.rmtree(path)
    return len(leftover)


# --- writing -----------------------------------------------------------------------------------------------


def _write(folder: Path, table: pa.Table, facts: dict[str, Any]) -> None:
    rows = {name: part.num_rows for name, part in _parts(table)}
    for name, part in _parts(table):
        write_aside(folder / name, parquet_bytes(part))
    write_aside(folder / "README.md", dataset_card(facts).encode())
    files = {
        name: {"sha256": _sha256(folder / name), "bytes": (folder / name).stat().st_size}
        | ({"rows": rows[name]} if name in rows else {})
        for name in [*rows, "README.md"]
    }
    text = json.dumps(facts | {"files": files}, ensure_ascii=False, indent=2, sort_keys=True)
    write_aside(folder / "manifest.json", f"{text}\n".encode())


def _parts(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The files of a release: one, or as many as it takes."""
    count = max(1, -(-table.num_rows // ROWS_PER_FILE))
    for number in range(count):
        name = f"tasks-{number + 1:05}-of-{count:05}.parquet" if count > 1 else "tasks.parquet"
        yield name, table.slice(number * ROWS_PER_FILE, ROWS_PER_FILE)


def _facts(
    table: pa.Table, version: int, config: BuildConfig, code_version: str, documents: Mapping[str, str]
) -> dict[str, Any]:
    columns = ["kind", "tools", "hops", "width", "language", "evidence", "row_hash"]
    rows = table.select(columns).to_pylist()
    quoted = {item["document_id"]: item["uri"] for row in rows for item in row["evidence"]}
    return {
        "version": version,
        "rows": len(rows),
        "rows_hash": content_hash(sorted(row["row_hash"] for row in rows)),
        "counts": {
            "kind": _counts(row["kind"] for row in rows),
            "tool": _counts(tool for row in rows for tool in row["tools"]),
            "hops": _counts(str(row["hops"]) for row in rows),
            "width": _counts(str(row["width"]) for row in rows),
            "language": _counts(row["language"] for row in rows),
        },
        "columns": {field.name: str(field.type) for field in table.schema},
        "config": config.model_dump(mode="json"),
        "code_version": code_version,
        "documents": [{"sha256": key, "uri": uri} for key, uri in sorted((quoted | dict(documents)).items())],
    }


def _counts(values: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _replace(target: Path, staging: Path) -> None:
    """Puts the staged folder in place; a damaged release is moved out of the way first."""
    if target.exists():
        target.rename(target.with_name(f".{target.name}-damaged{STAGING}"))
    staging.chmod(0o755)
    staging.rename(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sweep_staging(target.parent)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

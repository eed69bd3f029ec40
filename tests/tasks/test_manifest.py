from pathlib import Path

import pytest

from taskcraft_core.errors import TaskCraftError
from taskcraft_core.shards import Reference
from tasks.manifest import digest, read_manifest, write_manifest

ONE = Reference(path="work/verify/b.parquet", rows=1, sha256="11")
TWO = Reference(path="work/verify/a.parquet", rows=2, sha256="22")


def test_the_same_shards_give_the_same_manifest(tmp_path: Path) -> None:
    name = write_manifest(tmp_path, "verify", [ONE, TWO])
    assert name == write_manifest(tmp_path, "verify", [TWO, ONE])
    assert read_manifest(tmp_path, name) == [TWO, ONE]
    assert digest([ONE, TWO]) == digest([TWO, ONE]) != digest([ONE])


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    name = write_manifest(tmp_path, "verify", [ONE])
    (tmp_path / name).write_text("[{", encoding="utf-8")
    with pytest.raises(TaskCraftError, match=r"shards\.json.*build again"):
        read_manifest(tmp_path, name)

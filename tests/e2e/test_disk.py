"""A disk that fills up, or may only be read: one sentence, and after it is mended the same command goes on.

Small file systems in memory are mounted for it, which takes Linux and root.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_builds import ModelBuild, build, environment, fail

from taskcraft_core.loopback.process import Loopback, start

SOURCES = ["data/samples/zh"]
OPTIONS = ["--limit", "4", "--max-hops", "2", "--max-width", "2"]
ROOMY = 64 * 2**20


class Disk:
    """A file system in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self, options: str) -> None:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.folder], capture_output=True)
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.decode().strip()}")

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", self.folder], check=True)

    @property
    def used(self) -> int:
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    yield Disk(folder)
    subprocess.run(["umount", folder], capture_output=True)


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with start(latency=0.05) as server:
        yield server


@pytest.fixture(scope="module")
def env(server: Loopback, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return environment(server, tmp_path_factory.mktemp("prefect"), TASKCRAFT_CALLS_AT_ONCE="8")


@pytest.fixture(scope="module")
def whole(server: Loopback, env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> ModelBuild:
    """The build that nothing disturbs."""
    return build(SOURCES, tmp_path_factory.mktemp("whole"), env, server, *OPTIONS)


def size_of(folder: Path) -> int:
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*") if path.is_file())


def sentence_of(printed: str) -> str:
    assert "Traceback" not in printed
    (told,) = [line for line in printed.splitlines() if line.startswith("taskcraft: ") and "warning" not in line]
    return told


def test_a_disk_that_may_only_be_read_is_one_sentence(disk: Disk, env: dict[str, str]) -> None:
    disk.mount("size=1m")
    (disk.folder / "out").mkdir()
    disk.remount("ro")
    told = sentence_of(fail(SOURCES, disk.folder / "out", env, *OPTIONS))
    assert told.startswith(f"taskcraft: {disk.folder / 'out'}: it lies on a disk that may only be read; make it")


@pytest.mark.soak
@pytest.mark.parametrize("part", [0.2, 0.4, 0.6, 0.8, 0.95])
def test_a_disk_that_fills_up_stops_the_build_which_then_goes_on(
    part: float, disk: Disk, env: dict[str, str], server: Loopback, whole: ModelBuild
) -> None:
    disk.mount(f"size={int(size_of(whole.out) * part)}")
    server.control(reset=True)
    told = sentence_of(fail(SOURCES, disk.folder / "out", env, *OPTIONS))
    print(f"{part:.0%} of the room: {told}")
    assert "the disk is full; free some space, then run the same again" in told
    assert str(disk.folder) in told
    seen = server.stats()["seen"]
    disk.remount(f"size={ROOMY}")
    again = build(SOURCES, disk.folder / "out", env, server, *OPTIONS)
    repeated = seen + again.seen["seen"] - whole.seen["seen"]
    print(f"{seen} calls before, {repeated} made again")
    assert 0 <= repeated <= 8
    assert {key: row.row_hash for key, row in again.rows.items()} == {
        key: row.row_hash for key, row in whole.rows.items()
    }

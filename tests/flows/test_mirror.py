"""What surrounds a build whose output folder is a URL: nothing earned is lost, however it ends."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.mirror import folder_of, mirrored, reading
from taskcraft_core.config import BuildConfig
from taskcraft_core.errors import ConfigError, TaskCraftError
from tasks.progress import watched_by

EMBEDDED = BuildConfig()
MODELS = {"judge": "openai:some-model"}, {"search": "tavily"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("TASKCRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("TASKCRAFT_JOURNAL_URL", raising=False)
    yield tmp_path / "cache"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    return tmp_path / "remote" / "demo"


@pytest.fixture
def out(remote: Path) -> str:
    return f"file://{remote}"


def earn(folder: Path, name: str = "work/verify/1f.parquet") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"earned")


async def test_a_folder_is_worked_in_itself(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with mirrored("out", EMBEDDED) as folder:
        assert folder == tmp_path / "out"
    with reading("out") as folder:
        assert folder == Path("out")
    assert not cache.exists()


async def test_what_was_built_lies_at_the_address(out: str, remote: Path, cache: Path) -> None:
    async with mirrored(out, EMBEDDED) as folder:
        assert cache in folder.parents and folder == folder_of(out)
        earn(folder)
    assert (remote / "work/verify/1f.parquet").read_bytes() == b"earned"
    shutil.rmtree(cache)
    async with mirrored(out, EMBEDDED) as folder:
        assert (folder / "work/verify/1f.parquet").read_bytes() == b"earned"


async def test_a_failed_build_is_written_back_and_its_error_names_the_address(out: str, remote: Path) -> None:
    with pytest.raises(TaskCraftError) as error:
        async with mirrored(out, EMBEDDED) as folder:
            earn(folder)
            raise TaskCraftError(f"{folder}/work/a.parquet: cannot be read; delete it and build again.")
    assert str(error.value) == f"{out}/work/a.parquet: cannot be read; delete it and build again."
    assert (remote / "work/verify/1f.parquet").exists()


async def test_a_cancelled_build_is_written_back_although_it_is_cancelled_again(out: str, remote: Path) -> None:
    begun = asyncio.Event()

    async def build() -> None:
        async with mirrored(out, EMBEDDED) as folder:
            for number in range(200):
                earn(folder, f"documents/{number:064x}")
            begun.set()
            await asyncio.Event().wait()

    building = asyncio.create_task(build())
    await begun.wait()
    while not building.done():
        building.cancel()
        await asyncio.sleep(0)
    assert building.cancelled()
    assert len(list((remote / "documents").iterdir())) == 200


def test_commands_that_read_do_without_prefect() -> None:
    subprocess.run([sys.executable, "-c", "import sys, flows.mirror; assert 'prefect' not in sys.modules"], check=True)


async def test_an_estimate_writes_nothing_back(out: str, remote: Path) -> None:
    async with mirrored(out, EMBEDDED, write=False) as folder:
        earn(folder)
    assert not remote.exists()


@pytest.mark.parametrize("options", MODELS)
async def test_calls_that_are_paid_for_need_a_journal_that_outlives_the_machine(
    out: str, cache: Path, options: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = BuildConfig.model_validate(options)
    with pytest.raises(ConfigError, match="name a PostgreSQL database in TASKCRAFT_JOURNAL_URL"):
        async with mirrored(out, config):
            pass
    assert not cache.exists()
    async with mirrored(out, config, write=False):
        pass
    monkeypatch.setenv("TASKCRAFT_JOURNAL_URL", "postgresql://user:planted-secret@127.0.0.1/journal")
    async with mirrored(out, config) as folder:
        assert folder.is_dir()


async def test_a_store_that_fails_in_the_end_leaves_what_was_built_here(out: str, remote: Path, cache: Path) -> None:
    with pytest.raises(TaskCraftError, match=f"{out}: cannot be written .* kept under {cache}, and the next build"):
        async with mirrored(out, EMBEDDED) as folder:
            earn(folder)
            shutil.rmtree(remote)
            remote.write_bytes(b"in the way")
    remote.unlink()
    async with mirrored(out, EMBEDDED) as folder:
        assert (folder / "work/verify/1f.parquet").exists()
    assert (remote / "work/verify/1f.parquet").exists()


async def test_what_fails_a_build_is_told_and_not_that_it_could_not_be_written_back(
    out: str, remote: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(TaskCraftError, match="^a cap is reached$"):
        async with mirrored(out, EMBEDDED) as folder:
            earn(folder)
            shutil.rmtree(remote)
            remote.write_bytes(b"in the way")
            raise TaskCraftError("a cap is reached")
    assert f"{out}: cannot be written" in caplog.text


class Ear:
    """Hears that a build waits."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    def waits(self, sentence: str) -> None:
        self.heard.put_nowait(sentence)

    def stage_begins(self, stage: str, shards: int, reused: int, items: int | None) -> None: ...

    def items_done(self, count: int) -> None: ...

    def shard_done(self) -> None: ...

    def stage_ends(self) -> None: ...


async def test_two_commands_of_a_machine_take_turns_in_a_copy_and_the_second_says_so(out: str) -> None:
    async def second() -> bool:
        async with mirrored(out, EMBEDDED) as folder:
            return (folder / "work/verify/1f.parquet").exists()

    ear = Ear()
    async with mirrored(out, EMBEDDED) as folder:
        with watched_by(ear):
            waiting = asyncio.create_task(second())
        said = await asyncio.wait_for(ear.heard.get(), 20)
        assert said == f"Waits for its turn: another command works in the copy of {out}." and not waiting.done()
        earn(folder)
    assert await waiting


async def test_commands_read_what_they_need_and_never_disturb_a_build(out: str, cache: Path) -> None:
    async with mirrored(out, EMBEDDED) as folder:
        for name in ("dataset/_delta_log/_last_checkpoint", "documents/0a"):
            earn(folder, name)
        with reading(out, "dataset/") as copy:
            assert (copy / "dataset/_delta_log/_last_checkpoint").exists()
    shutil.rmtree(cache)
    with reading(out, "dataset/") as copy:
        assert [path.name for path in copy.iterdir()] == ["dataset"]
    async with mirrored(out, EMBEDDED) as folder:
        assert (folder / "documents/0a").read_bytes() == b"earned"

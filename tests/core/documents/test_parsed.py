"""What was parsed once is taken from there, as long as it would be the same again."""

import shutil
from pathlib import Path

import pytest

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.documents.ingest import ingest
from taskcraft_core.documents.parsed import OF_CONTENT, kept
from taskcraft_core.documents.sandbox import Sandbox
from taskcraft_core.documents.sources import list_sources
from taskcraft_core.models import Document, Figure, Reason, Rejection
from taskcraft_core.shards import Reference, write_result

REPORT = Path(__file__).parent.parent.parent.parent / "data/samples/reports/great-telescopes.pdf"


class Parser(Sandbox):
    """A sandbox that says what it was given to read."""

    def __init__(self, **settings: object) -> None:
        super().__init__(Settings.model_validate({"parse_workers": 1, **settings}))
        self.asked: list[str] = []

    async def read(self, listed, data_path, max_figures):  # type: ignore[no-untyped-def]
        self.asked.append(listed.uri.rpartition("/")[2])
        return await super().read(listed, data_path, max_figures)


class Folder:
    """A folder of documents, and the output folder that they are ingested into."""

    def __init__(self, home: Path) -> None:
        self.pages, self.out = home / "pages", home / "out"
        self.pages.mkdir()
        self.documents: list[Document] = []
        self.rejections: list[Rejection] = []

    def write(self, **files: bytes) -> None:
        for name, data in files.items():
            (self.pages / name.replace("_", ".")).write_bytes(data)

    async def ingest(self, config: BuildConfig = BuildConfig(), **settings: object) -> list[str]:  # noqa: B008 (frozen)
        """Ingests everything; which files were parsed."""
        listed, _ = await list_sources([str(self.pages)], self.out, config, Settings())
        async with Parser(**settings) as parser:
            self.documents, self.rejections = await ingest(listed, self.out, config, parser)
        return sorted(parser.asked)

    @property
    def kept(self) -> list[Path]:
        return [path for path in sorted((self.out / "work/ingest/parsed").rglob("*")) if path.is_file()]

    def shard(self) -> Reference:
        return write_result(self.out, "ingest", "f" * 32, self.documents, Document, self.rejections)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.write(a_txt=b"Arlen\n\nThe harbour was opened in 1902.", b_txt=b"Bren\n\nThe mill was built in 1800.")
    return made


async def test_only_what_changed_is_parsed_and_the_bytes_are_those_of_a_fresh_build(folder: Folder) -> None:
    folder.write(bad_txt=b" \n ", deep_html=b"<html><body>" + b"<div>" * 400 + b"words" + b"</div>" * 400)
    assert await folder.ingest() == ["a.txt", "b.txt", "bad.txt", "deep.html"]
    folder.write(b_txt=b"Bren\n\nThe mill was rebuilt in 1801.", c_txt=b"Celm\n\nIt has 12 looms.")
    assert await folder.ingest() == ["b.txt", "c.txt"]
    assert {one.reason for one in folder.rejections} == {Reason.EMPTY, Reason.TOO_DEEP} <= OF_CONTENT
    carried, rejected = folder.shard(), (folder.out / "work/ingest" / f"{'f' * 32}.rejected.parquet").read_bytes()
    shutil.rmtree(folder.out)
    assert len(await folder.ingest()) == 5
    assert folder.shard() == carried
    assert (folder.out / "work/ingest" / f"{'f' * 32}.rejected.parquet").read_bytes() == rejected


async def test_other_settings_of_parsing_are_another_result(folder: Folder) -> None:
    await folder.ingest()
    assert await folder.ingest(BuildConfig(max_figures=2)) == ["a.txt", "b.txt"]
    assert await folder.ingest(BuildConfig(buckets=3, max_hops=1)) == []


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "gone"])
async def test_a_damaged_file_is_parsed_again_and_mended(folder: Folder, damage: str) -> None:
    await folder.ingest()
    before = folder.documents
    for path in folder.kept:
        data = path.read_bytes()
        path.write_bytes(
            {"cut": data[:-5], "changed": data[:-1] + bytes([data[-1] ^ 1]), "empty": b""}.get(damage, b"")
        )
        if damage == "gone":
            path.unlink()
    assert await folder.ingest() == ["a.txt", "b.txt"] and folder.documents == before
    assert await folder.ingest() == [] and folder.documents == before


async def test_a_document_that_took_too_long_is_tried_again(folder: Folder) -> None:
    await folder.ingest(parse_timeout=1e-6)
    assert [one.reason for one in folder.rejections] == [Reason.TOO_SLOW] * 2 and folder.kept == []
    assert await folder.ingest() == ["a.txt", "b.txt"]
    assert folder.rejections == [] and await folder.ingest() == []


async def test_the_figures_of_a_report_are_carried_over_with_it(folder: Folder) -> None:
    shutil.copy(REPORT, folder.pages / "report.pdf")
    await folder.ingest()
    before = folder.documents
    (figure,) = (one for one in before if one.media_type == "image/png")
    assert any(isinstance(b, Figure) and b.document_id == figure.id for one in before for b in one.blocks)
    assert await folder.ingest() == [] and folder.documents == before
    (folder.out / "documents" / figure.id).unlink()
    listed, _ = await list_sources([str(folder.pages)], folder.out, BuildConfig(), Settings())
    found = {one.uri: kept(folder.out, one, BuildConfig().max_figures) for one in listed}
    assert [uri for uri, one in found.items() if one is None] == ["pages/report.pdf"], (
        "its figure can be taken out again"
    )

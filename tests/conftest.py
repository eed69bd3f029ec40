"""What several test files build on: sample pages as documents, and a small world of tasks made from some of them."""

import hashlib
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pytest

from taskcraft_core.config import BuildConfig
from taskcraft_core.corpus import Corpus
from taskcraft_core.documents.parse import parse_document
from taskcraft_core.extension.depth import extend_depth
from taskcraft_core.generation import generate
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import AtomicTask, Document, Task, content_hash
from taskcraft_core.roles.bench import Bench, bench_of
from taskcraft_core.verification import verify

T = TypeVar("T")
SAMPLES = Path(__file__).parent.parent / "data" / "samples"


@dataclass(frozen=True)
class World:
    """A few sample pages and everything that was made from them.

    Attributes:
        authored: The atomic tasks as written, by the question.
        atomic: Those that were verified, auxiliary tasks left out.
        depth: Depth tasks of two hops over a third of them, each with its core and its auxiliary task.
        shared: Where solutions are kept, so that no bench solves twice what did not change.
    """

    documents: tuple[Document, ...]
    config: BuildConfig
    bench: Bench
    authored: dict[str, AtomicTask]
    atomic: tuple[Task, ...]
    depth: tuple[tuple[Task, Task, Task], ...]
    shared: SolutionJournal

    def with_documents(self, changed: Iterable[Document] = (), without: Iterable[str] = ()) -> Bench:
        """A bench over the same pages, some of them changed (by id), added or left out."""
        documents = {document.id: document for document in self.documents} | {d.id: d for d in changed}
        kept = [document for key, document in documents.items() if key not in set(without)]
        return bench_of(Corpus(kept), self.config, self.shared)

    def pick(self, candidates: Sequence[T], number: int) -> T:
        """The candidate of this number, in an order that has nothing to do with where they come from."""
        return sorted(candidates, key=lambda one: content_hash(repr(one)))[number]

    def with_author(self, author: object) -> Bench:
        """The same bench with another author."""
        return replace(self.bench, author=author)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With NO_SKIPS, which CI sets, a test that would be skipped for want of a program fails, with the reason."""
    report = yield
    if report.skipped and os.environ.get("NO_SKIPS"):
        report.outcome = "failed"
    return report


def read_sample(path: Path) -> Document:
    """A sample page as a document, read in this process."""
    data = path.read_bytes()
    uri = f"samples/{path.relative_to(SAMPLES).as_posix()}"
    return parse_document(data, hashlib.sha256(data).hexdigest(), uri)[0]


@pytest.fixture(scope="session")
async def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The pages of the solar system, asked about, verified and in part extended by one hop."""
    documents = tuple(read_sample(path) for path in sorted((SAMPLES / "solar-system").glob("*.html")))
    config = BuildConfig()
    shared = SolutionJournal(tmp_path_factory.mktemp("world") / "journal.sqlite")
    bench = bench_of(Corpus(documents), config, shared)
    authored = [task for document in documents for task in (await generate(document, bench.author, config))[0]]
    tried = [await verify(task, bench, config) for task in authored]
    atomic = [task for task in tried if isinstance(task, Task)]
    depth: list[tuple[Task, Task, Task]] = []
    for core in atomic[::3]:
        made, _ = await extend_depth(core, bench, config)
        depth += [(task, core, auxiliary) for task, auxiliary in zip(made[::2], made[1::2], strict=True)]
    return World(
        documents, config, bench, {task.question: task for task in authored}, tuple(atomic), tuple(depth), shared
    )


@pytest.fixture(scope="session")
def prefect() -> Iterator[None]:
    """A real Prefect server and result storage of its own."""
    from prefect.testing.utilities import prefect_test_harness  # takes seconds, and the core's tests need none

    with prefect_test_harness(server_startup_timeout=180):
        yield

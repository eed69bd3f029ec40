"""The workbench of this process: the corpus and its search index are built once, and used by all shards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from taskcraft_core.config import BuildConfig
from taskcraft_core.corpus import Corpus
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Document
from taskcraft_core.roles.bench import Bench, bench_of
from tasks.manifest import digest, read_all, read_manifest

JOURNAL = "solutions.sqlite"
"""Where solutions are remembered, under the output folder."""


@dataclass(frozen=True)
class Held:
    """A bench, what it was made for, and the journal that it keeps open."""

    made_for: tuple[str, ...]
    bench: Bench
    journal: SolutionJournal


_held: Held | None = None
_solved = 0
_carried = 0


def bench_for(out: Path, documents: str, config: BuildConfig) -> Bench:
    """The bench over the documents of a manifest; the one made last is kept.

    Args:
        out: The output folder.
        documents: The manifest of the ingested documents.
        config: Names the roles and the search.
    """
    global _held
    shards = read_manifest(out, documents)
    roles = (config.author, config.solver, config.judge, config.search)
    made_for = (str(out.absolute()), digest(shards), *roles)
    if _held is None or _held.made_for != made_for:
        put_away()
        journal = SolutionJournal(out / JOURNAL)
        _held = Held(made_for, bench_of(Corpus(read_all(out, shards, Document)), config, journal), journal)
    return _held.bench


def put_away() -> None:
    """Closes the bench of this process, if there is one; its counts stay."""
    global _held, _solved, _carried
    if _held is not None:
        _solved, _carried = solutions()
        _held.journal.close()
        _held = None


def solutions() -> tuple[int, int]:
    """How many solutions this process has (worked out, taken from the journal) since it began."""
    if _held is None:
        return _solved, _carried
    return _solved + _held.bench.solver.solved, _carried + _held.bench.solver.carried

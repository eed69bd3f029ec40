"""The workbench of the searching stages: a corpus, the tools over it, and who works there."""

from __future__ import annotations

import difflib
import importlib
from dataclasses import dataclass, field
from typing import Any

from taskcraft_core.config import BuildConfig
from taskcraft_core.corpus import Corpus
from taskcraft_core.errors import ConfigError
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Rejection, Task
from taskcraft_core.roles import AUTHORS, JUDGES, SOLVERS, Author, Judge, Solver
from taskcraft_core.roles.carried import CarriedSolver
from taskcraft_core.tools import LocalSearch, Toolbox, local_toolbox

SECOND_READING_CHARS = 1_500
"""The second reading cuts documents into parts of this size, so nothing stands where it stood before."""


@dataclass(frozen=True)
class Bench:
    """What verification and extension work with.

    Attributes:
        corpus: Every document of the build.
        tools: What the solver may call.
        second_tools: The same tools over another chunking, for the second reading.
        search: Search without an agent, for the shortcut check.
        author: Writes questions.
        solver: Answers them; remembers what it solved.
        reader: The same solver without the memory, for the second reading.
        judge: Scores answers.
        auxiliaries: Verdicts on auxiliary tasks met so far; one serves many cores.
    """

    corpus: Corpus
    tools: Toolbox
    second_tools: Toolbox
    search: LocalSearch
    author: Author
    solver: CarriedSolver
    reader: Solver
    judge: Judge
    auxiliaries: dict[str, Task | Rejection] = field(default_factory=dict)


def bench_of(corpus: Corpus, config: BuildConfig, journal: SolutionJournal) -> Bench:
    """Sets up the roles that the configuration names over a corpus.

    Raises:
        ConfigError: No such role.
    """
    search = LocalSearch(corpus)
    recut = Corpus(corpus.documents, part_chars=SECOND_READING_CHARS)
    reader: Solver = make_role("solver", config.solver)
    return Bench(
        corpus=corpus,
        tools=local_toolbox(corpus, search),
        second_tools=local_toolbox(recut),
        search=search,
        author=make_role("author", config.author),
        solver=CarriedSolver(reader, journal),
        reader=reader,
        judge=make_role("judge", config.judge),
    )


def make_role(role: str, spec: str) -> Any:
    """An author, solver or judge by its name.

    Raises:
        ConfigError: The name is unknown; names the nearest known one.
    """
    registry = {"author": AUTHORS, "solver": SOLVERS, "judge": JUDGES}[role]
    if spec not in registry:
        near = difflib.get_close_matches(spec, registry, n=1, cutoff=0.0)[0]
        raise ConfigError(f"There is no {role} {spec!r}; the nearest is {near!r}.")
    module, _, name = registry[spec].partition(":")
    return getattr(importlib.import_module(module), name)()

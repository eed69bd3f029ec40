"""The workbench of the searching stages: a corpus, the tools over it, and who works there."""

from __future__ import annotations

import asyncio
import difflib
import importlib
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.corpus import Corpus
from taskcraft_core.errors import ConfigError
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Rejection, Task, content_hash
from taskcraft_core.prompts import PROMPTS, prompt
from taskcraft_core.roles import AUTHORS, JUDGES, SOLVERS, Author, Judge, Solver
from taskcraft_core.roles.carried import CarriedSolver
from taskcraft_core.roles.own import is_own, make_own, own_class
from taskcraft_core.tools import LocalSearch, Toolbox, local_toolbox

if TYPE_CHECKING:
    from taskcraft_core.roles.llm.engine import Engine

SECOND_READING_CHARS = 1_500
"""The second reading cuts documents into parts of this size, so nothing stands where it stood before."""

BY_RULE = frozenset({"extractive"})
"""Solvers that are rules: what they answer follows from the question and the tools alone.

So a second reading costs nothing and tells something, and a solution can be carried over for as long as its tools
say the same. A model's calls are in the call journal instead, and a second reading by it would be another attempt.
"""

REGISTRIES = {"author": AUTHORS, "solver": SOLVERS, "judge": JUDGES}


@dataclass(frozen=True)
class Bench:
    """What verification and extension work with.

    Attributes:
        corpus: Every document of the build.
        tools: What the solver, and an author that searches, may call.
        search: Search without an agent, for the shortcut check.
        author: Writes questions.
        solver: Answers them; one that is rules remembers what it solved.
        judge: Scores answers.
        reader: The same solver without the memory, for the second reading; None if it is not rules.
        second_tools: The tools over another chunking, for the second reading.
        auxiliaries: Verdicts on auxiliary tasks met so far; one serves many cores.
        turns: Who works on an auxiliary task right now; others wait for their turn.
    """

    corpus: Corpus
    tools: Toolbox
    search: LocalSearch
    author: Author
    solver: Solver
    judge: Judge
    reader: Solver | None = None
    second_tools: Toolbox | None = None
    auxiliaries: dict[str, Task | Rejection] = field(default_factory=dict)
    turns: MutableMapping[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    @property
    def solutions(self) -> tuple[int, int]:
        """How many solutions were worked out and how many carried over; a model's are counted as calls instead."""
        return (self.solver.solved, self.solver.carried) if isinstance(self.solver, CarriedSolver) else (0, 0)


def bench_of(
    corpus: Corpus,
    config: BuildConfig,
    journal: SolutionJournal,
    engine: Engine | None = None,
    tools: Toolbox | None = None,
) -> Bench:
    """Sets up the roles that the configuration names over a corpus.

    Args:
        corpus: Every document of the build.
        config: Names the roles.
        journal: Where a solver that is rules keeps its solutions.
        engine: What model roles share.
        tools: What agents may call, if not the tools over the corpus alone: those of the live web.

    Raises:
        ConfigError: No such role, or one that is none; or the live web is to be searched, without tools for it.
    """
    if config.search != "local" and tools is None:
        raise ConfigError(f"The search {config.search!r} needs the tools of the live web.")
    search = LocalSearch(corpus)
    solver: Solver = make_role("solver", config.solver, engine)
    bench = Bench(
        corpus=corpus,
        tools=tools or local_toolbox(corpus, search, engine.picture if engine else None),
        search=search,
        author=make_role("author", config.author, engine),
        solver=solver,
        judge=make_role("judge", config.judge, engine),
    )
    if config.solver not in BY_RULE:
        return bench
    recut = Corpus(corpus.documents, part_chars=SECOND_READING_CHARS)
    return replace(bench, solver=CarriedSolver(solver, journal), reader=solver, second_tools=local_toolbox(recut))


def make_role(role: str, spec: str, engine: Engine | None = None) -> Any:
    """An author, solver or judge by its spec.

    Args:
        role: author, solver or judge.
        spec: `extractive`, `openai:<model>[?name=value&...]`, or `package.module:Class` of one's own.
        engine: What model roles share.

    Raises:
        ConfigError: The spec names none; says the nearest name, or what a class of one's own lacks.
    """
    name = check_spec(role, spec)
    if name is None:
        return make_own(role, spec)
    module, _, kind = REGISTRIES[role][name].partition(":")
    if not _is_model(name):
        return getattr(importlib.import_module(module), kind)()
    if engine is None:
        raise ConfigError(f"The {role} {spec!r} is a chat model, and no engine is open to call it.")
    return getattr(importlib.import_module(module), kind)(engine, spec)


def check_spec(role: str, spec: str) -> str | None:
    """What can be told from a spec alone, before anything is opened.

    Returns:
        The name in the registry of the role; None for a class of one's own.

    Raises:
        ConfigError: It names nothing.
    """
    registry = REGISTRIES[role]
    name = spec.partition("?")[0].partition(":")[0]
    if name in registry and _is_model(name):
        from taskcraft_core.roles.llm.spec import parse_spec

        parse_spec(spec)
        return name
    if spec in registry:
        return name
    if name not in registry and is_own(spec):
        return None
    near = difflib.get_close_matches(name, registry, n=1, cutoff=0.0)[0]
    raise ConfigError(f"There is no {role} {spec!r}; the nearest is {near!r}.")


def identity(role: str, spec: str, settings: Settings) -> str:
    """What stands for a role in the names of shards: everything about it that changes what it says.

    Args:
        role: author, solver or judge.
        spec: As in the configuration.
        settings: Tells which endpoint a model is behind; no secret gets into the identity.

    Raises:
        ConfigError: The spec names nothing.
    """
    name = check_spec(role, spec)
    if name is None:
        version = getattr(own_class(role, spec), "version", None)
        return spec if version is None else f"{spec}@{version}"
    if not _is_model(name):
        return spec
    from taskcraft_core.roles.llm.spec import endpoint_label, parse_spec

    model = parse_spec(spec)
    prompts = {one: prompt(one).hash for one in PROMPTS if one.startswith(f"{role}_") or one == "repair"}
    return content_hash([name, model.model, model.sampling, model.vision, endpoint_label(settings), prompts])


def _is_model(name: str) -> bool:
    """Whether the roles of a registry name are chat models, which are made over an engine."""
    return name == "openai"

"""Who sits at the bench: roles by their specs, one's own classes, identities, and what only rules have."""

import re
import sys
from pathlib import Path

import pytest

from taskcraft_core.config import BuildConfig, Settings
from taskcraft_core.corpus import Corpus
from taskcraft_core.errors import ConfigError
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.roles.bench import bench_of, identity, make_role
from taskcraft_core.roles.carried import CarriedSolver
from taskcraft_core.tools import Toolbox

OWN = "own_roles"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


# --- classes of one's own -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("role", "name"), [("author", "Silent"), ("solver", "Stuck"), ("judge", "Mild")])
def test_a_class_of_ones_own_is_made(role: str, name: str) -> None:
    made = make_role(role, f"{OWN}:{name}")
    assert made is not None
    assert type(made) is getattr(sys.modules[OWN], name)


LACKING = {
    ("author", "Awaited"): "its method supersets is no async generator; write `async def supersets` with `yield`",
    ("author", "Listing"): "its method supersets is no async generator; write `async def supersets` with `yield`",
    ("author", "Stuck"): "it lacks the method ask",
    ("solver", "Guessless"): "it lacks the method guess",
    ("solver", "Blocking"): "its method solve is not a coroutine; write `async def solve`",
    ("solver", "Short"): "its method solve takes (question, tools) instead of (question, tools, max_steps)",
    ("solver", "Demanding"): "its method guess takes (question, temperature) instead of (question)",
    ("solver", "Nameless"): "it lacks `spec`",
    ("solver", "Costly"): "cannot be made without arguments: TypeError",
    ("solver", "Broken"): "cannot be made without arguments: RuntimeError: no weights here",
    ("solver", "Absent"): "the module 'own_roles' has no class 'Absent'",
    ("judge", "NOT_A_CLASS"): "the module 'own_roles' has no class 'NOT_A_CLASS'",
    ("judge", "Alone"): "it lacks `panel`",
    ("judge", "Stuck"): "it lacks `panel`",
}


@pytest.mark.parametrize(("role", "name"), LACKING)
def test_what_a_class_lacks_is_one_sentence(role: str, name: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(LACKING[role, name])) as error:
        make_role(role, f"{OWN}:{name}")
    assert f"{OWN}:{name}" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_module_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(ConfigError, match="'nobodys.roles:Mine' cannot be imported.*PYTHONPATH"):
        make_role("judge", "nobodys.roles:Mine")


def test_a_module_that_breaks_is_told_with_its_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "breaking_roles.py").write_text("raise ValueError('half written')")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigError, match="ValueError: half written"):
        make_role("author", "breaking_roles:Mine")


# --- specs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spec", ["extractive:fast", "extractive?temperature=0", "opnai", "opnai:gpt-4o", "", ":", "a b"]
)
def test_a_spec_that_names_nothing_is_told_with_the_nearest_name(spec: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no solver .*; the nearest is '(extractive|openai)'"):
        make_role("solver", spec)


def test_a_chat_model_needs_a_name_and_an_engine() -> None:
    with pytest.raises(ConfigError, match="names no model"):
        make_role("author", "openai:")
    with pytest.raises(ConfigError, match="no engine is open"):
        make_role("author", "openai:some-model")


# --- identities ---------------------------------------------------------------------------------------------------


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, **values)


def test_rules_stand_for_themselves() -> None:
    assert identity("solver", "extractive", settings()) == "extractive"


def test_a_class_of_ones_own_stands_with_its_version() -> None:
    assert identity("author", f"{OWN}:Silent", settings()) == f"{OWN}:Silent@3"
    assert identity("judge", f"{OWN}:Mild", settings()) == f"{OWN}:Mild"


def test_a_model_stands_with_everything_that_changes_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings(endpoint_label="home")
    one = identity("author", "openai:m?temperature=0&top_p=1", home)
    assert re.fullmatch("[0-9a-f]{64}", one)
    assert one == identity("author", "openai:m?top_p=1&temperature=0", settings(endpoint_label="home"))
    others = {
        identity("author", "openai:m", home),
        identity("author", "openai:n?temperature=0&top_p=1", home),
        identity("author", "openai:m?temperature=0&top_p=1&vision=true", home),
        identity("judge", "openai:m?temperature=0&top_p=1", home),
        identity("author", "openai:m?temperature=0&top_p=1", settings(endpoint_label="away")),
    }
    assert len(others - {one}) == 5


@pytest.mark.parametrize(
    ("changed", "differ"), [("author_ask", True), ("repair", True), ("judge_score", False), ("solver_solve", False)]
)
def test_a_changed_prompt_changes_the_roles_that_use_it(
    monkeypatch: pytest.MonkeyPatch, changed: str, differ: bool
) -> None:
    from dataclasses import replace

    from taskcraft_core.prompts import prompt
    from taskcraft_core.roles import bench

    before = identity("author", "openai:m", settings())
    monkeypatch.setattr(
        bench, "prompt", lambda name: replace(prompt(name), case="other") if name == changed else prompt(name)
    )
    assert (identity("author", "openai:m", settings()) != before) is differ


# --- the bench ----------------------------------------------------------------------------------------------------


def test_only_rules_are_carried_over_and_read_a_second_time(tmp_path: Path) -> None:
    with SolutionJournal(tmp_path / "solutions.sqlite") as journal:
        rules = bench_of(Corpus([]), BuildConfig(), journal)
        assert isinstance(rules.solver, CarriedSolver)
        assert (rules.reader is None, rules.second_tools is None, rules.solutions) == (False, False, (0, 0))
        own = bench_of(Corpus([]), BuildConfig(solver=f"{OWN}:Stuck"), journal)
        assert (type(own.solver).__name__, own.reader, own.second_tools, own.solutions) == ("Stuck", None, None, (0, 0))


def test_tools_can_be_brought_along(tmp_path: Path) -> None:
    tools = Toolbox([])
    with SolutionJournal(tmp_path / "solutions.sqlite") as journal:
        assert bench_of(Corpus([]), BuildConfig(), journal, tools=tools).tools is tools
        assert "search" in bench_of(Corpus([]), BuildConfig(), journal).tools.names
        with pytest.raises(ConfigError, match="'tavily' needs the tools of the live web"):
            bench_of(Corpus([]), BuildConfig(search="tavily"), journal)
        assert bench_of(Corpus([]), BuildConfig(search="tavily"), journal, tools=tools).tools is tools

"""The solution journal, and the solver that carries solutions over."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskcraft_core.corpus import Corpus
from taskcraft_core.errors import ConfigError
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Document, Message, Passage, Solution, ToolCall
from taskcraft_core.roles.carried import CarriedSolver
from taskcraft_core.tools import local_toolbox


def solution(answer):
    return Solution(answers=(answer,), trajectory=(Message(role="user", content="问"),))


def test_what_was_put_is_there_after_reopening(tmp_path):
    path = tmp_path / "deep" / "journal.sqlite"
    with SolutionJournal(path) as journal:
        assert journal.get("k") is None
        journal.put("k", solution("old"))
        journal.put("k", solution("new"))
    with SolutionJournal(path) as journal:
        assert journal.get("k") == solution("new")


def test_threads_share_a_journal(tmp_path):
    with SolutionJournal(tmp_path / "j.sqlite") as journal, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: journal.put(f"k{n}", solution(str(n))), range(200)))
        found = list(pool.map(lambda n: journal.get(f"k{n}"), range(200)))
    assert found == [solution(str(n)) for n in range(200)]


WRITER = """
import sys
from pathlib import Path
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.models import Solution
with SolutionJournal(Path(sys.argv[1])) as journal:
    for n in range(40):
        journal.put(f"{sys.argv[2]}-{n}", Solution(answers=(str(n),), trajectory=()))
"""


def test_processes_share_a_journal_from_its_first_moment(tmp_path):
    path = tmp_path / "j.sqlite"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, path, str(n)]) for n in range(4)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    with SolutionJournal(path) as journal:
        assert all(journal.get(f"{writer}-{n}") for writer in range(4) for n in range(40))


def test_a_file_that_is_no_database_is_refused(tmp_path):
    path = tmp_path / "j.sqlite"
    path.write_bytes(b"not a database, only text " * 100)
    with pytest.raises(ConfigError, match=r"j\.sqlite: is damaged or no journal"):
        SolutionJournal(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_foreign_database_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "j.sqlite"
    with sqlite3.connect(path) as foreign:
        foreign.execute("CREATE TABLE accounts (name TEXT)")
    foreign.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is no journal of TaskCraft"):
        SolutionJournal(path)
    assert path.read_bytes() == before


def test_damage_inside_the_file_is_one_sentence(tmp_path):
    path = tmp_path / "j.sqlite"
    with SolutionJournal(path) as journal:
        for n in range(300):
            journal.put(f"k{n}", solution("x" * 200))
    damaged = bytearray(path.read_bytes())
    damaged[4096:] = b"\xff" * (len(damaged) - 4096)
    path.write_bytes(damaged)
    with pytest.raises(ConfigError, match="is damaged"), SolutionJournal(path) as journal:
        journal.get("k7")


def test_a_folder_in_its_place_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be used as the journal"):
        SolutionJournal(tmp_path)


def test_a_row_of_another_version_counts_as_missing(tmp_path):
    path = tmp_path / "j.sqlite"
    with SolutionJournal(path) as journal:
        journal.put("k", solution("a"))
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE solutions SET solution = '{\"answer\": 1}'")
    raw.close()
    with SolutionJournal(path) as journal:
        assert journal.get("k") is None


# --- carrying over -------------------------------------------------------------------------------------------


class Reader:
    """A solver that reads one page and answers with its last word."""

    spec = "reader"

    async def solve(self, question, tools, max_steps):
        seen = await tools.call("read_page", {"uri": "iron.html"})
        call = ToolCall(id="c1", name="read_page", arguments='{"uri": "iron.html"}')
        return Solution(
            answers=(seen.split()[-1],),
            trajectory=(
                Message(role="user", content=question),
                Message(role="assistant", content="", tool_calls=(call,)),
                Message(role="tool", content=seen, tool_call_id="c1", name="read_page"),
            ),
        )

    async def guess(self, question):
        return ["a guess"]


def tools_over(text):
    iron = Document(
        id="a", uri="iron.html", title="Iron", media_type="text/html", language="en",
        blocks=(Passage(place="b0", text=text),),
    )  # fmt: skip
    return local_toolbox(Corpus([iron]))


async def test_a_solution_is_carried_over_until_what_it_read_changes(tmp_path):
    before, after = tools_over("It melts at 1538"), tools_over("It melts at 1811")
    with SolutionJournal(tmp_path / "j.sqlite") as journal:
        solver = CarriedSolver(Reader(), journal)
        first = await solver.solve("q", before, 3)
        assert await solver.solve("q", before, 3) == first
        assert (solver.carried, solver.solved) == (1, 1)
        changed = await solver.solve("q", after, 3)
        assert changed.answers == ("1811",)
        assert (solver.carried, solver.solved) == (1, 2)
        assert await CarriedSolver(Reader(), journal).solve("q", after, 3) == changed
        await solver.solve("q", after, 4)
        assert (solver.carried, solver.solved) == (1, 3)
        assert solver.spec == "reader"
        assert await solver.guess("q") == ["a guess"]

"""A PostgreSQL server of our own for the session, a journal of either kind for each test, a service that is asked."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asked import Service
from databases import started

from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord

PASSWORD = "s3cr3t-Wort"
_numbers = itertools.count()


def make_record(key="k", response="{}", **changes):
    record = CallRecord(
        key=key, kind="chat", endpoint="lab", model="gpt-4o", role="author", stage="generate", item="a.html", sample=0,
        response=response, prompt_tokens=100, completion_tokens=20, usd=0.5, seconds=0.25, made_at=1.0,
    )  # fmt: skip
    return dataclasses.replace(record, **changes)


@pytest.fixture(scope="session")
def record() -> Callable[..., CallRecord]:
    """Makes a record; everything but what is given is the same in all."""
    return make_record


class Postgres:
    """A real server; it asks the user "guarded" for a password, and trusts everybody else.

    Attributes:
        sockets: The folder of its socket.
    """

    def __init__(self, server):
        self._server = server
        self.sockets = Path(server.get_postmaster_info().socket_dir)
        rules = server.pgdata / "pg_hba.conf"
        rules.write_text("local all guarded scram-sha-256\n" + rules.read_text())
        self.execute(f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'; SELECT pg_reload_conf();")

    def execute(self, sql: str) -> None:
        self._server.psql(sql)

    def fresh(self, owner: str = "postgres") -> str:
        """The name of a new, empty database."""
        name = f"fresh{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name} OWNER {owner};")
        return name

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.sockets}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with started() as server:
        yield Postgres(server)


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a test's journal is; it can be opened any number of times, also by another process."""

    out: Path
    url: str | None

    async def open(self):
        return await open_journal(self.out, self.url)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request, tmp_path) -> Place:
    """An empty place for a journal, of either kind."""
    if request.param == "sqlite":
        return Place(tmp_path / "out", None)
    postgres = request.getfixturevalue("postgres")
    return Place(tmp_path / "out", postgres.url(postgres.fresh()))


@pytest.fixture
async def journal(tmp_path):
    journal = await open_journal(tmp_path, None)
    yield journal
    await journal.close()


@pytest.fixture
def service(journal, record):
    return Service(journal, record)

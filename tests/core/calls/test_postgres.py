"""The PostgreSQL journal where it differs: lost connections, and what its errors may not say."""

import asyncio
import traceback
from contextlib import suppress

import asyncpg
import pytest

from taskcraft_core.calls.amount import Amount
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.postgres import PostgresJournal
from taskcraft_core.errors import ConfigError, ProviderUnavailable

PASSWORD = "s3cr3t-Wort"


class Line:
    """A line to the server that can be cut: a forwarder on a loopback port."""

    def __init__(self, sockets):
        self._socket = str(sockets / ".s.PGSQL.5432")
        self._writers = []
        self._cut = False

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.cut()
        self._server.close()

    def cut(self):
        self._cut = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def mend(self):
        self._cut = False

    async def _forward(self, reader, writer):
        if self._cut:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_unix_connection(self._socket)
        self._writers += [writer, there_writer]
        await asyncio.gather(self._copy(reader, there_writer), self._copy(there_reader, writer))

    async def _copy(self, reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()


async def claimed(journal, key="new"):
    async with journal.claim(key) as response:
        return response


async def test_a_lost_connection_is_one_sentence_and_the_journal_comes_back(postgres, record):
    async with Line(postgres.sockets) as line:
        url = f"postgresql://guarded:{PASSWORD}@127.0.0.1:{line.port}/{postgres.fresh('guarded')}"
        journal = await PostgresJournal.open(url, pauses=(0.0,))
        await journal.put(record("before"))
        async with journal.claim("k"):
            line.cut()
        for lost in (journal.get("before"), journal.put(record("lost")), journal.spent(), claimed(journal)):
            with pytest.raises(ProviderUnavailable, match="does not answer any more") as caught:
                await lost
            assert PASSWORD not in "".join(traceback.format_exception(caught.value))
            assert caught.value.retryable
        line.mend()
        await journal.put(record("after"))
        assert await journal.get("before") == await journal.get("after") == "{}"
        await journal.close()


async def test_a_server_that_ends_our_connections_costs_nothing(postgres, record):
    database = postgres.fresh()
    journal = await PostgresJournal.open(postgres.url(database), pauses=(0.0,))
    await journal.put(record("before"))
    postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}';")
    await asyncio.gather(*(journal.put(record(f"k{n}")) for n in range(20)))
    assert await journal.get("before") == await journal.get("k19") == "{}"
    await journal.close()


async def test_claims_outlast_a_session_that_the_server_ends(postgres, record):
    database = postgres.fresh()
    first, second = [await PostgresJournal.open(postgres.url(database), pauses=(0.0,)) for _ in range(2)]
    async with first.claim("k"):
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}';")
        assert await claimed(first, "another") is None
        waiting = asyncio.create_task(claimed(second, "k"))
        assert await asyncio.wait([waiting], timeout=0.5) == (set(), {waiting})
        await first.put(record("k", "answer"))
    assert await waiting == "answer"
    for journal in (first, second):
        await journal.close()


async def test_a_claim_is_given_back_whatever_ends_it(postgres):
    url = postgres.url(postgres.fresh())
    first, second = [await PostgresJournal.open(url) for _ in range(2)]
    for turns in range(12):
        taking = asyncio.create_task(claimed(first, "k"))
        for _ in range(turns):
            await asyncio.sleep(0.001)
        taking.cancel()
        await asyncio.wait([taking])
        async with asyncio.timeout(5), second.claim("k"):
            pass
    with pytest.raises(ValueError, match="no"):
        async with first.claim("k"):
            raise ValueError("no")
    async with asyncio.timeout(5), second.claim("k"):
        pass
    for journal in (first, second):
        await journal.close()


async def test_two_with_the_same_keys_in_opposite_orders_do_not_lock_each_other_out(postgres, record):
    url = postgres.url(postgres.fresh())
    journals = [await open_journal(None, url) for _ in range(2)]
    for turn in range(3):
        keys = [f"{turn}-{n}" for n in range(900)]
        orders = zip(journals, (keys, keys[::-1]), strict=True)
        await asyncio.gather(*(journal.put(record(key)) for journal, order in orders for key in order))
    for journal in journals:
        assert (await journal.spent()).calls == 2700
        await journal.close()


async def test_closing_works_without_a_server(postgres, record):
    async with Line(postgres.sockets) as line:
        url = f"postgresql://postgres@127.0.0.1:{line.port}/{postgres.fresh()}"
        journal = await PostgresJournal.open(url, pauses=())
        line.cut()
        await journal.close()


async def refused(url):
    with pytest.raises(ConfigError) as caught:
        await open_journal(None, url)
    said = "".join(traceback.format_exception(caught.value))
    assert "s3cr3t" not in said and "Wort" not in said
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://user:s3cr3t@localhost/db", "has to begin with postgresql://"),
        ("postgresql://user:s3cr3t@127.0.0.1:1/db", "cannot be reached (Connection refused)"),
        ("postgresql://user:s3cr3t#Wort@127.0.0.1:1/db", "is not of the form"),
        ("postgresql://user:s3cr3t-Wort@127.0.0.1:port/db", "is not of the form"),
        ("postgresql://user:s3cr3t@127.0.0.1:99999/db", ""),
        ("postgresql://user:s3cr3t@/db?host=/nowhere/at/all", "cannot be reached"),
        ("postgresql://user:s3cr3t@127.0.0.1:1/db?sslmode=perhaps", "is not of the form"),
    ],
)
async def test_an_address_that_leads_nowhere_is_one_sentence_without_the_password(url, said):
    assert said in await refused(url)


async def test_a_wrong_password_and_a_missing_database_are_one_sentence(postgres):
    url = postgres.url("postgres").replace("postgres@", "guarded:s3cr3t-wrong@")
    assert "refuses the user or the password" in await refused(url)
    assert "no database of that name" in await refused(postgres.url("nowhere"))


async def test_a_table_that_is_not_ours_is_refused(postgres):
    url = postgres.url(postgres.fresh())
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE taskcraft_calls (name TEXT)")
    await connection.close()
    assert "cannot be used" in await refused(url)


async def test_a_user_who_may_not_make_tables_can_use_one_that_is_there(postgres, record):
    database = postgres.fresh()
    guarded = postgres.url(database).replace("postgres@", f"guarded:{PASSWORD}@")
    assert "permission denied" in await refused(guarded)
    await (await open_journal(None, postgres.url(database))).close()
    connection = await asyncpg.connect(postgres.url(database))
    await connection.execute("GRANT SELECT, INSERT ON taskcraft_calls TO guarded")
    await connection.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON taskcraft_holdings TO guarded")
    await connection.close()
    journal = await open_journal(None, guarded)
    await journal.put(record())
    assert await journal.get("k") == "{}"
    seen = []
    for _ in range(2):
        await journal.set_aside("one", lambda spent, others: seen.append(spent.calls) or Amount(calls=1))
    assert seen == [1, 1]
    await journal.close()

"""The SQLite journal where it differs: the file itself."""

import asyncio
import json
import sqlite3
import subprocess
import sys

import pytest

from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.sqlite import SqliteJournal, read_costs
from taskcraft_core.errors import ConfigError
from taskcraft_core.journal import SolutionJournal
from taskcraft_core.sqlite_files import explained

WRITER = """
import asyncio, sys
from pathlib import Path
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord

async def main(out, name):
    journal = await open_journal(Path(out), None)
    for n in range(30):
        for key in (f"{name}-{n}", f"shared-{n}"):
            await journal.put(CallRecord(key, "chat", "", "", "", "", "", 0, name, 1, 1, None, 0.1, 1.0))
    await journal.close()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_share_a_file_from_its_first_moment(tmp_path):
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, tmp_path, str(n)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    journal = await open_journal(tmp_path, None)
    assert all([await journal.get(f"{name}-{n}") == str(name) for name in range(3) for n in range(30)])
    assert all([await journal.get(f"shared-{n}") in ("0", "1", "2") for n in range(30)])
    assert (await journal.spent()).calls == 120
    await journal.close()


async def test_the_file_is_in_the_output_folder_and_waits_for_the_disk(tmp_path, record):
    journal = await open_journal(tmp_path / "deep" / "out", None)
    await journal.put(record())
    await journal.close()
    with sqlite3.connect(tmp_path / "deep" / "out" / "journal.sqlite") as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


@pytest.mark.parametrize("make", ["text", "database", "solutions"])
async def test_what_is_no_journal_is_refused_and_left_alone(tmp_path, make):
    path = tmp_path / "journal.sqlite"
    if make == "text":
        path.write_bytes(b"not a database, only text " * 100)
    elif make == "database":
        with sqlite3.connect(path) as foreign:
            foreign.execute("CREATE TABLE accounts (name TEXT)")
        foreign.close()
    else:
        SolutionJournal(path).close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match=r"journal\.sqlite: is (damaged or )?no journal"):
        await open_journal(tmp_path, None)
    assert path.read_bytes() == before


async def test_a_folder_in_its_place_is_one_sentence(tmp_path):
    (tmp_path / "journal.sqlite").mkdir()
    with pytest.raises(ConfigError, match=r"journal\.sqlite: cannot be used as the journal"):
        await open_journal(tmp_path, None)


async def filled(out, record):
    journal = await open_journal(out, None)
    await asyncio.gather(*(journal.put(record(f"k{n}", "x" * 500)) for n in range(300)))
    await journal.close()
    return out / "journal.sqlite"


def spoil(path):
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


async def test_damage_is_noticed_when_it_is_opened(tmp_path, record):
    spoil(await filled(tmp_path, record))
    with pytest.raises(ConfigError, match=r"journal\.sqlite: is damaged .* move it away"):
        await open_journal(tmp_path, None)


async def test_damage_names_the_files_that_belong_to_it(tmp_path, record):
    spoil(await filled(tmp_path, record))
    with pytest.raises(ConfigError, match=r"with journal\.sqlite-wal and journal\.sqlite-shm if they are there"):
        await open_journal(tmp_path, None)


async def test_what_may_only_be_read_is_read_and_nothing_is_left_beside_it(tmp_path, record):
    path = await filled(tmp_path, record)
    journal = await open_journal(tmp_path, None)
    costs = await journal.costs()
    assert await read_costs(path) == costs  # while it is open, with files beside it
    await journal.close()
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    try:
        assert await read_costs(path) == costs and sum(line.calls for line in costs) == 300
        assert [one.name for one in tmp_path.iterdir()] == ["journal.sqlite"]
    finally:
        tmp_path.chmod(0o755)
    with pytest.raises(ConfigError, match="is no journal of TaskCraft"):
        SolutionJournal(tmp_path / "other.sqlite").close()
        await read_costs(tmp_path / "other.sqlite")


async def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path, record):
    with sqlite3.connect(":memory:") as raw:
        raw.execute("PRAGMA query_only = ON")
        says = r"j\.sqlite: cannot be written; allow writing it and its folder\.$"
        with pytest.raises(ConfigError, match=says), explained(tmp_path / "j.sqlite", ""):
            raw.execute("CREATE TABLE t (x)")
    raw.close()


async def test_damage_while_it_is_open_is_said_by_every_lookup_and_every_put(tmp_path, record):
    path = await filled(tmp_path, record)
    journal = await open_journal(tmp_path, None)
    spoil(path)
    for n in (3, 200):
        with pytest.raises(ConfigError, match=r"journal\.sqlite: is damaged"):
            await journal.get(f"k{n}")
    failed = await asyncio.gather(*(journal.put(record(f"new{n}")) for n in range(20)), return_exceptions=True)
    assert all(isinstance(error, ConfigError) and "is damaged" in str(error) for error in failed)
    await journal.close()


async def test_a_batch_that_fails_half_way_leaves_nothing_behind(tmp_path, record):
    journal = await open_journal(tmp_path, None)
    with sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None) as raw:
        raw.execute(
            "CREATE TRIGGER spoil BEFORE INSERT ON calls WHEN new.key = 'k5' BEGIN SELECT RAISE(FAIL, 'no'); END"
        )
        failed = await asyncio.gather(*(journal.put(record(f"k{n}")) for n in range(9)), return_exceptions=True)
        raw.execute("DROP TRIGGER spoil")
    raw.close()
    assert [type(error) for error in failed] == [ConfigError] * 9
    assert await journal.get("k0") is None
    await journal.put(record("k5"))
    assert (await journal.spent()).calls == 1
    await journal.close()


FULL_DISK = """
import asyncio, json, resource, sys
from pathlib import Path
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.errors import ConfigError

def record(key, size):
    return CallRecord(key, "chat", "", "", "", "", "", 0, "x" * size, 1, 1, None, 0.1, 1.0)

async def main(out):
    journal = await open_journal(Path(out), None)
    await journal.put(record("before", 10))
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
    failed = await asyncio.gather(*(journal.put(record(f"k{n}", 10_000)) for n in range(64)), return_exceptions=True)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await asyncio.gather(*(journal.put(record(f"k{n}", 10_000)) for n in range(64)))
    found = [await journal.get(key) is not None for key in ("before", "k0", "k63")]
    calls = (await journal.spent()).calls
    await journal.close()
    print(json.dumps([[isinstance(error, ConfigError) for error in failed], str(failed[0]), found, calls]))

asyncio.run(main(sys.argv[1]))
"""


async def test_a_full_disk_reaches_every_put_and_the_journal_stays_usable(tmp_path):
    done = subprocess.run([sys.executable, "-c", FULL_DISK, tmp_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    failed, sentence, found, calls = json.loads(done.stdout)
    assert failed == [True] * 64
    assert sentence.startswith(f"{tmp_path / 'journal.sqlite'}: cannot be used as the journal: ")
    assert found == [True] * 3
    assert calls == 65


async def test_puts_at_once_are_committed_together(tmp_path, record):
    journal = await SqliteJournal.open(tmp_path / "journal.sqlite")
    with sqlite3.connect(tmp_path / "journal.sqlite") as watching:
        before = watching.execute("PRAGMA data_version").fetchone()
        await journal.put(record("first"))
        assert watching.execute("PRAGMA data_version").fetchone() != before
    watching.close()
    size = (tmp_path / "journal.sqlite-wal").stat().st_size
    await asyncio.gather(*(journal.put(record(f"k{n}")) for n in range(400)))
    # One by one, each commit would append its own copy of two pages or more: 3 MB.
    assert (tmp_path / "journal.sqlite-wal").stat().st_size - size < 1_000_000
    await journal.close()

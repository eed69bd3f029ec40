"""What holds for a journal of either kind."""

import asyncio
import itertools
import signal
import subprocess
import sys
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from taskcraft_core.calls.journal import CostLine, Spent, open_journal

ANY_TEXT = st.text(st.characters())
"""NUL and halves of surrogate pairs too."""

examples_so_far = itertools.count()
examples = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def key(*parts):
    return sha256(repr(parts).encode()).hexdigest()


async def test_what_was_put_is_there_after_reopening_and_the_first_stays(place, record):
    journal = await place.open()
    assert await journal.get("k") is None
    await journal.put(record("k", "first"))
    await journal.put(record("k", "second"))
    assert await journal.get("k") == "first"
    await journal.close()
    journal = await place.open()
    assert await journal.get("k") == "first"
    assert (await journal.spent()).calls == 1
    await journal.close()


async def test_a_claim_tells_what_is_to_be_asked_for(place, record):
    journal = await place.open()
    for response in (None, "{}"):
        async with journal.claim("k") as found:
            assert found == response
            await journal.put(record("k"))
    await journal.close()


ROUNDS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["put", "get"]), st.integers(0, 4), st.text("ab", max_size=3)), min_size=1, max_size=8
    ),
    min_size=1,
    max_size=4,
)


@examples
@given(rounds=ROUNDS, reopen=st.booleans())
async def test_in_any_interleaving_the_first_record_under_a_key_stays(place, record, rounds, reopen):
    number = next(examples_so_far)
    journal = await place.open()
    before = (await journal.spent()).calls
    first = {}
    for actions in rounds:
        earlier = dict(first)
        for action, name, text in actions:
            if action == "put":
                first.setdefault(name, text)
        done = await asyncio.gather(
            *(
                journal.put(record(key(number, name), text)) if action == "put" else journal.get(key(number, name))
                for action, name, text in actions
            )
        )
        for (action, name, _), seen in zip(actions, done, strict=True):
            if action == "get":  # what was there has to be seen; what is being put may be
                assert seen == earlier[name] if name in earlier else seen in (None, first.get(name))
        if reopen:
            await journal.close()
            journal = await place.open()
        assert {name: await journal.get(key(number, name)) for name in first} == first
    assert (await journal.spent()).calls == before + len(first)
    await journal.close()


@examples
@example(response="\0", label="\0", tokens=2**80)
@example(response="\ud800 half", label="\udfff", tokens=-(2**80))
@given(response=ANY_TEXT, label=ANY_TEXT, tokens=st.integers() | st.none())
async def test_any_response_comes_back_as_it_was_and_no_label_fails(place, record, response, label, tokens):
    journal = await place.open()
    name = key(response, label, tokens)
    await journal.put(
        record(name, response, item=label, stage=label, model=label, prompt_tokens=tokens, sample=tokens or 0)
    )
    assert await journal.get(name) == response
    await journal.close()


async def test_costs_by_stage_role_model_and_kind(place, record):
    journal = await place.open()
    assert await journal.spent() == Spent(0, 0, 0.0, 0)
    assert await journal.costs() == []
    records = [
        record("1", role="judge", model="b"),
        record("2", stage="extend"),
        record("3", stage="extend", usd=None),
        record("4", stage="extend", prompt_tokens=None, completion_tokens=None),
        record("5", kind="search", model="", role="search", prompt_tokens=None, completion_tokens=None, usd=None),
        record("7", kind="page", model="", role="page", prompt_tokens=None, completion_tokens=None, usd=None),
        record("8", kind="run", prompt_tokens=None, completion_tokens=None, usd=None),
        record("6", stage="Verify", kind="search", model="", prompt_tokens=None, completion_tokens=None, usd=2.0),
    ]
    await asyncio.gather(*map(journal.put, records))
    assert await journal.costs() == [
        CostLine("Verify", "author", "", "search", 1, 0, 0, 2.0, 0, 0.25),
        CostLine("extend", "author", "gpt-4o", "chat", 3, 200, 40, 1.0, 1, 0.75),
        CostLine("generate", "judge", "b", "chat", 1, 100, 20, 0.5, 0, 0.25),
        CostLine("generate", "page", "", "page", 1, 0, 0, 0.0, 0, 0.25),
        CostLine("generate", "search", "", "search", 1, 0, 0, 0.0, 1, 0.25),
    ]
    assert await journal.spent() == Spent(calls=6, tokens=360, usd=3.5, unpriced=2)
    await journal.close()


async def test_closing_finishes_what_is_queued(place, record):
    journal = await place.open()
    putting = [asyncio.create_task(journal.put(record(f"k{n}", str(n)))) for n in range(300)]
    await asyncio.sleep(0)
    await journal.close()
    await journal.close()
    await asyncio.gather(*putting)
    with pytest.raises(RuntimeError, match="closed"):
        await journal.put(record("late"))
    journal = await place.open()
    assert [await journal.get(f"k{n}") for n in range(300)] == [str(n) for n in range(300)]
    await journal.close()


async def test_a_put_that_is_cancelled_keeps_what_was_paid_for(place, record):
    journal = await place.open()
    putting = [asyncio.create_task(journal.put(record(f"k{n}"))) for n in range(3)]
    await asyncio.sleep(0)
    assert putting[1].cancel()
    assert [type(done) for done in await asyncio.gather(*putting, return_exceptions=True)] == [
        type(None), asyncio.CancelledError, type(None),
    ]  # fmt: skip
    await journal.close()
    journal = await place.open()
    assert await journal.get("k1") == "{}"
    await journal.close()


async def test_several_open_it_at_once_from_its_first_moment(place, record):
    journals = await asyncio.gather(*(place.open() for _ in range(4)))
    await asyncio.gather(
        *(journal.put(record(f"k{n}", str(n))) for journal in journals for n in range(50)),
        *(journal.put(record(f"k{n}", str(n))) for journal in journals for n in reversed(range(50))),
    )
    for journal in journals:
        assert [await journal.get(f"k{n}") for n in range(50)] == [str(n) for n in range(50)]
        assert (await journal.spent()).calls == 50
        await journal.close()


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from taskcraft_core.calls.journal import open_journal
from taskcraft_core.calls.record import CallRecord
from taskcraft_core.calls.sqlite import SqliteJournal

async def main(out, url, synchronous):
    if synchronous:
        journal = await SqliteJournal.open(Path(out) / "journal.sqlite", synchronous)
    else:
        journal = await open_journal(Path(out), url or None)
    for n in itertools.count():
        record = CallRecord(f"k{n}", "chat", "", "", "", "", "", 0, f"response {n}", 1, 1, None, 0.1, 1.0)
        await journal.put(record)
        print(record.key, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_what_was_put_outlives_a_kill(place):
    for choice in ("", "NORMAL") if place.url is None else ("",):
        out = place.out / choice
        command = [sys.executable, "-c", WRITER, out, place.url or "", choice]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        printed = [writer.stdout.readline().strip() for _ in range(100)]
        writer.send_signal(signal.SIGKILL)
        printed += writer.communicate()[0].split()
        assert len(printed) >= 100
        journal = await open_journal(out, place.url)
        assert [await journal.get(name) for name in printed] == [f"response {name[1:]}" for name in printed]
        await journal.close()

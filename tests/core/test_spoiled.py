"""Verification can fail: good atomic tasks, spoiled by rule in five ways, are rejected for the right reason.

Every way takes accepted tasks of a small build in an order of their own hash, changes one thing in the task or in
the corpus, and sends the result through the same door as the good one went. `extension/test_spoiled_chains.py`
does the same with chains.
"""

import re
from collections.abc import Awaitable, Callable

import pytest

from taskcraft_core.models import (
    AtomicTask,
    Block,
    Box,
    Document,
    Evidence,
    Lines,
    Passage,
    Reason,
    Rejection,
    Table,
    Task,
)
from taskcraft_core.roles.extractive.normalise import answer_type
from taskcraft_core.verification import verify

EACH = 8
Outcome = list[Task | Rejection]
Spoil = Callable[..., Awaitable[Outcome]]


# --- choosing good tasks ---


def block_of(document: Document, evidence: Evidence) -> Block:
    place = evidence.place.partition(".r")[0]
    return next(block for block in document.blocks if block.place == place)


def asked(world, kind: type[Block]) -> list[AtomicTask]:
    """The accepted atomic tasks whose evidence stands in a block of a kind."""
    tasks = [world.authored[task.question] for task in world.atomic]
    documents = world.bench.corpus.documents
    return [task for task in tasks if isinstance(block_of(documents[task.evidence.document_id], task.evidence), kind)]


def rows(world, *, names: bool) -> list[tuple[AtomicTask, Table, int]]:
    """Tasks over table rows: those that ask for a row's name, or those that name the row and ask for a cell."""
    found = []
    for task in asked(world, Table):
        table = block_of(world.bench.corpus.documents[task.evidence.document_id], task.evidence)
        assert isinstance(table, Table)
        row = int(task.evidence.place.partition(".r")[2])
        if (task.evidence.answer_span == table.rows[row][0]) == names:
            found.append((task, table, row))
    return found


# --- changing documents -------------------------------------------------------------------------------------------


def source(world, task: AtomicTask) -> Document:
    return world.bench.corpus.documents[task.evidence.document_id]


def plus(document: Document, *blocks: Callable[[str], Block]) -> Document:
    """The document with blocks added at its end, under the id that the tasks know it by."""
    added = [make(f"b{len(document.blocks) + at}") for at, make in enumerate(blocks)]
    return document.model_copy(update={"blocks": (*document.blocks, *added)})


def exchanged(document: Document, old: Block, new: Block) -> Document:
    blocks = tuple(new if block == old else block for block in document.blocks)
    return document.model_copy(update={"blocks": blocks})


def passage(text: str) -> Callable[[str], Block]:
    return lambda place: Passage(place=place, text=text)


async def verified(world, task: AtomicTask, bench=None) -> Outcome:
    return [await verify(task, bench or world.bench, world.config)]


# --- 1 an ambiguous question --------------------------------------------------------------------------------------


async def ambiguous(world, number: int) -> Outcome:
    """The row that is meant is not named any more; or what tells it apart is true of a second row."""
    if number < EACH // 2:
        telling = [
            task.model_copy(
                update={"question": re.sub(rf" (?:of|for) (?:the )?{re.escape(key)}\?$", "?", task.question)}
            )
            for task, table, row in rows(world, names=False)
            if len({cell for cells in table.rows for cell in cells[1:]}) == sum(len(cells) - 1 for cells in table.rows)
            for key in [table.rows[row][0]]
            if re.search(rf" (?:of|for) (?:the )?{re.escape(key)}\?$", task.question)
        ]
        return await verified(world, world.pick(telling, number))
    task, table, row = world.pick(rows(world, names=True), number)
    twin = ("Zephyria", *table.rows[row][1:])
    changed = exchanged(source(world, task), table, table.model_copy(update={"rows": (*table.rows, twin)}))
    return await verified(world, task, world.with_documents([changed]))


# --- 2 a swapped answer -------------------------------------------------------------------------------------------


async def swapped(world, number: int) -> Outcome:
    """The answer of another task of the same kind and document, without its evidence and with it."""
    tasks = [world.authored[task.question] for task in world.atomic]
    pairs = [
        (one, other)
        for one in tasks
        for other in tasks
        if one.evidence.document_id == other.evidence.document_id
        and one.answer != other.answer
        and answer_type(one.answer) == answer_type(other.answer)
        and one.evidence.quote != other.evidence.quote
    ]
    one, other = world.pick(pairs, number)
    update: dict[str, object] = {"answer": other.answer}
    if number >= EACH // 2:
        update["evidence"] = other.evidence
    return await verified(world, one.model_copy(update=update))


# --- 3 evidence removed from the corpus ---------------------------------------------------------------------------


async def removed(world, number: int) -> Outcome:
    """The document is gone, its block is gone, the row is gone, or another value stands there now."""
    task, table, row = world.pick(rows(world, names=number % 2 == 0), number)
    document = source(world, task)
    if number % 4 == 0:
        return await verified(world, task, world.with_documents(without=[document.id]))
    if number % 4 == 1:
        changed = exchanged(document, table, Lines(place=table.place, lines=("Nothing is left here.",)))
    elif number % 4 == 2:
        changed = exchanged(
            document, table, table.model_copy(update={"rows": table.rows[:row] + table.rows[row + 1 :]})
        )
    else:
        other = tuple("Zephyria" if cell == task.evidence.answer_span else cell for cell in table.rows[row])
        kept = (*table.rows[:row], other, *table.rows[row + 1 :])
        changed = exchanged(document, table, table.model_copy(update={"rows": kept}))
    return await verified(world, task, world.with_documents([changed]))


# --- 4 a rival added ----------------------------------------------------------------------------------------------


def other_value(value: str) -> str:
    """A value of the same form that is another one: the last run of digits is one higher."""
    *_, digits = re.finditer(r"\d+", value)
    return f"{value[: digits.start()]}{int(digits[0]) + 1}{value[digits.end() :]}"


async def rival(world, number: int) -> Outcome:
    """A second box says otherwise, or a second sentence does."""
    if number < EACH // 2:
        task = world.pick([task for task in asked(world, Box)], number)
        key = task.evidence.quote.partition(":")[0]
        value = other_value(task.evidence.answer_span) if re.search(r"\d", task.answer) else "Zephyria"
        added = plus(source(world, task), lambda place: Box(place=place, entries=((key, value),)))
    else:
        said = [task for task in asked(world, Passage) if re.search(r"\d", task.answer)]
        task = world.pick(said, number)
        span, quote = task.evidence.answer_span, task.evidence.quote
        added = plus(source(world, task), passage(quote.replace(span, other_value(span))))
    return await verified(world, task, world.with_documents([added]))


# --- 5 the answer leaked into the question ------------------------------------------------------------------------


async def leaked(world, number: int) -> Outcome:
    """The answer stands in the question: at its end, or in its clause."""
    task = world.pick([world.authored[task.question] for task in world.atomic], number)
    opening, comma, clause = task.question.partition("”, ")
    said = f"{opening}{comma}apart from {task.answer}, {clause}"
    question = said if number % 2 else f"{task.question[:-1]}, {task.answer}?"
    return await verified(world, task.model_copy(update={"question": question}))


# --- the tests ----------------------------------------------------------------------------------------------------

RIGHT: dict[Spoil, tuple[set[Reason], set[Reason]]] = {
    ambiguous: ({Reason.RIVAL}, {Reason.RIVAL}),
    # with its evidence, the other answer is found out by what the agent answers, or by the fact that answers as well
    swapped: ({Reason.EVIDENCE}, {Reason.WRONG_ANSWER, Reason.RIVAL}),
    removed: ({Reason.EVIDENCE}, {Reason.EVIDENCE}),
    rival: ({Reason.RIVAL}, {Reason.RIVAL}),
    leaked: ({Reason.GUESS}, {Reason.GUESS}),
}
"""The right reasons for the first and for the second half of each way."""
SPOILED = [pytest.param(spoil, n, id=f"{spoil.__name__}-{n}") for spoil in RIGHT for n in range(EACH)]


@pytest.mark.parametrize(("spoil", "number"), SPOILED)
async def test_a_spoiled_task_is_rejected_for_the_right_reason(world, spoil: Spoil, number: int) -> None:
    (outcome,) = await spoil(world, number)
    assert isinstance(outcome, Rejection), f"kept: {outcome.question}"
    assert outcome.reason in RIGHT[spoil][number >= EACH // 2], outcome


@pytest.mark.parametrize("number", range(EACH))
async def test_a_good_task_passes_when_something_else_is_added(world, number: int) -> None:
    task = world.pick([world.authored[task.question] for task in world.atomic], number)
    bench = world.with_documents([plus(source(world, task), passage("The catalogue was bound in blue cloth."))])
    (outcome,) = await verified(world, task, bench)
    assert isinstance(outcome, Task)
    assert outcome.task_id in {one.task_id for one in world.atomic}

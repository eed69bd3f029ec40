"""What a stage still needs when a budget ends it."""

import pytest

from flows.outlook import Meter, items_of
from taskcraft_core.calls.budget import Budget, Caps
from taskcraft_core.calls.journal import Spent
from taskcraft_core.errors import BudgetExceeded
from taskcraft_core.shards import Reference
from tasks.counts import Counts
from tasks.progress import watcher

REACHED = BudgetExceeded("--max-calls 100 allows no further call: raise it and run again.")


class Spending:
    """What a process has spent, as the meter asks for it."""

    def __init__(self) -> None:
        self.now = Counts(made=7, tokens=70, usd=0.7)

    def __call__(self) -> Counts:
        return self.now

    def spend(self, calls: int, unpriced: int = 0) -> None:
        self.now += Counts(made=calls, tokens=100 * calls, usd=0.01 * (calls - unpriced), unpriced=unpriced)


def test_what_is_left_costs_what_its_like_has_cost() -> None:
    spending = Spending()
    meter = Meter(watcher(), 50, spending)
    meter.items_done(10)  # nothing was spent yet, so these came from the journal
    spending.spend(40)
    meter.items_done(20)
    told = str(meter.stopped("verify", REACHED))
    assert told == (
        "--max-calls 100 allows no further call: raise it and run again; the stage verify has 20 items left, "
        "about 40 calls, 4,000 tokens and $0.40 more, as estimated from the 20 items done so far."
    )


def test_an_unknown_price_is_no_price() -> None:
    spending = Spending()
    meter = Meter(watcher(), 4, spending)
    spending.spend(6, unpriced=1)
    meter.items_done(2)
    told = str(meter.stopped("depth, 2 hops", REACHED))
    assert "has 2 items left, about 6 calls and 600 tokens more" in told and "$" not in told


def test_too_early_to_tell_is_said_with_what_it_took_and_what_is_left() -> None:
    spending = Spending()
    meter, unknown = Meter(watcher(), 1, spending), Meter(watcher(), 0, spending)
    spending.spend(1)
    told = str(meter.stopped("verify", REACHED))
    assert "; the stage verify has taken 1 call, 100 tokens and $0.0100, and 1 item of it is left: too few" in told
    assert told.endswith("but --dry-run estimates the whole build.")
    assert "the stage width has taken 1 call, 100 tokens and $0.0100: too few" in str(unknown.stopped("width", REACHED))


def test_what_was_spent_is_told_as_it_is_when_everything_has_ended() -> None:
    budget = Budget(Caps(calls=2), Spent(0, 0, 0.0, 0))
    tickets = [budget.admit(10, 0.1), budget.admit(10, 0.1)]
    with pytest.raises(BudgetExceeded) as reached:
        budget.admit(10, 0.1)
    for ticket in tickets:
        ticket.settle(31_000, 0.25)
    told = str(Meter(watcher(), 4, Spending()).stopped("verify", reached.value))
    assert told.startswith("--max-calls 2 allows no further call: so far 2 calls took 62,000 tokens and $0.5000; raise")


def test_items_are_those_of_the_shards_that_are_not_there() -> None:
    shard = Reference(path="work/verify/a.parquet", rows=5, sha256="11")
    shards = {"a": {"authored": shard, "config": None}, "b": {"authored": shard}, "c": {"verified": "a manifest"}}
    assert items_of(shards, {"b"}) == 5

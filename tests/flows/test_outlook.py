"""What a stage still needs when a budget ends it."""

from flows.outlook import Meter, items_of
from taskcraft_core.errors import BudgetExceeded
from taskcraft_core.shards import Reference
from tasks.counts import Counts
from tasks.progress import watcher

REACHED = BudgetExceeded("--max-calls 100 does not allow another call: raise it and run again.")


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
    assert told.startswith("--max-calls 100 does not allow another call: raise it and run again; the 20 items left in")
    assert "the stage verify need about 40 calls, 4,000 tokens and $0.40 more, an estimate from its 20 items" in told
    assert told.count(".") - told.count("0.40") == 1


def test_an_unknown_price_is_no_price() -> None:
    spending = Spending()
    meter = Meter(watcher(), 4, spending)
    spending.spend(6, unpriced=1)
    meter.items_done(2)
    told = str(meter.stopped("depth, 2 hops", REACHED))
    assert "need about 6 calls and 600 tokens more" in told and "$" not in told


def test_too_early_to_tell_is_said() -> None:
    spending = Spending()
    spending.spend(3)
    assert "the 4 items left in the stage verify is done, so" in str(
        Meter(watcher(), 4, spending).stopped("verify", REACHED)
    )
    assert "not known yet" in str(Meter(watcher(), 0, spending).stopped("width", REACHED))


def test_items_are_those_of_the_shards_that_are_not_there() -> None:
    shard = Reference(path="work/verify/a.parquet", rows=5, sha256="11")
    shards = {"a": {"authored": shard, "config": None}, "b": {"authored": shard}, "c": {"verified": "a manifest"}}
    assert items_of(shards, {"b"}) == 5

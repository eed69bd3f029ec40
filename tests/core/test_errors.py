"""Errors come back from other processes as what they are."""

import pickle

import pytest

from taskcraft_core.calls.budget import Budget, CapReached, Caps
from taskcraft_core.calls.journal import Spent
from taskcraft_core.errors import (
    BudgetExceeded,
    ConfigError,
    DocumentError,
    ProviderRefused,
    ProviderUnavailable,
    ResponseError,
    TaskCraftError,
)
from taskcraft_core.models import Reason


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("One sentence."),
        DocumentError(Reason.CALL_FAILED, "One sentence."),
        ProviderUnavailable("One sentence.", 503),
        ProviderRefused("One sentence.", 401),
        ResponseError(Reason.CALL_FAILED, "One sentence."),
        BudgetExceeded("One sentence."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_in_another_process(error: TaskCraftError) -> None:
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is type(error) and str(copied) == "One sentence."
    assert vars(copied) == vars(error) and copied.retryable == error.retryable


def test_a_cap_that_was_reached_elsewhere_can_be_told_with_what_was_spent_in_all() -> None:
    budget = Budget(Caps(calls=5), Spent(4, 100, 0.5, 0))
    budget.admit(1, 0.1)
    with pytest.raises(CapReached) as reached:
        budget.admit(1, 0.1)
    elsewhere = pickle.loads(pickle.dumps(reached.value))
    assert "so far 4 calls took 100 tokens" in str(elsewhere) and "in flight" not in str(elsewhere)
    assert str(elsewhere.as_of(Spent(5, 130, 0.6, 0))).startswith(
        "--max-calls 5 allows no further call: so far 5 calls took 130 tokens and $0.6000; raise --max-calls"
    )

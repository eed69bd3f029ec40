"""The budget: caps hold with calls in flight."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskcraft_core.calls.budget import Budget, Caps
from taskcraft_core.calls.journal import Spent
from taskcraft_core.errors import BudgetExceeded

NOTHING = Spent(0, 0, 0.0, 0)


def test_without_caps_everything_is_admitted_and_counted():
    budget = Budget(Caps(None, None, None), Spent(2, 100, 1.5, 1))
    first, second = budget.admit(1000, 0.5), budget.admit(10**9, None)
    assert budget.spent == Spent(2, 100, 1.5, 1)
    first.settle(60, 0.25)
    second.settle(40, None)
    assert budget.spent == Spent(4, 200, 1.75, 2)


def test_calls_in_flight_count_and_a_cancelled_one_makes_room():
    budget = Budget(Caps(None, None, 3), Spent(1, 0, 0.0, 0))
    first, _ = budget.admit(1, None), budget.admit(1, None)
    with pytest.raises(BudgetExceeded):
        budget.admit(1, None)
    first.cancel()
    budget.admit(1, None).settle(1, None)
    with pytest.raises(BudgetExceeded):
        budget.admit(1, None)


def test_what_a_call_really_took_replaces_what_was_expected():
    budget = Budget(Caps(None, 100, None), NOTHING)
    ticket = budget.admit(90, None)
    with pytest.raises(BudgetExceeded):
        budget.admit(20, None)
    ticket.settle(10, None)
    budget.admit(90, None)


def test_a_ticket_counts_once():
    budget = Budget(Caps(None, None, 2), NOTHING)
    ticket = budget.admit(1, 1.0)
    ticket.settle(5, 1.0)
    ticket.settle(5, 1.0)
    ticket.cancel()
    cancelled = budget.admit(1, 1.0)
    cancelled.cancel()
    cancelled.settle(5, 1.0)
    assert budget.spent == Spent(1, 5, 1.0, 0)
    budget.admit(1, 1.0)
    with pytest.raises(BudgetExceeded):
        budget.admit(1, 1.0)


@pytest.mark.parametrize(
    ("caps", "option"),
    [
        (Caps(None, None, 7), "--max-calls"),
        (Caps(None, 1300, None), "--max-tokens"),
        (Caps(2.5, None, None), "--max-usd"),
    ],
)
def test_the_sentence_names_the_option_and_what_was_spent(caps, option):
    budget = Budget(caps, Spent(6, 1234, 2.3456, 2))
    with pytest.raises(BudgetExceeded) as caught:
        for _ in range(2):
            budget.admit(50, 0.1)
    said = str(caught.value)
    assert f"raise {option} " in said
    assert "6 calls took 1,234 tokens and $2.3456, besides 2 calls of unknown price, with 1 more in flight" in said
    assert not [other for other in ("--max-calls", "--max-tokens", "--max-usd") if other != option and other in said]


def test_the_error_goes_anywhere_and_says_what_it_said():
    with pytest.raises(BudgetExceeded) as caught:
        Budget(Caps(None, None, 0), NOTHING).admit(1, 0.1)
    copied = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(copied, BudgetExceeded) and str(copied) == str(caught.value)
    assert str(copied).startswith(
        "--max-calls 0 allows no further call: so far 0 calls took nothing; raise --max-calls"
    )


def test_dollars_cannot_be_held_with_a_model_that_has_no_price():
    budget = Budget(Caps(5.0, None, None), NOTHING)
    with pytest.raises(BudgetExceeded, match=r"--max-usd cannot be held.* no price.*TASKCRAFT_PRICES.*prices\.toml"):
        budget.admit(10, None)
    budget.admit(10, 0.01)


def test_fractions_of_a_cent_add_up_to_the_cap():
    budget = Budget(Caps(0.3, None, None), NOTHING)
    for _ in range(3):
        budget.admit(1, 0.1).settle(1, 0.1)
    with pytest.raises(BudgetExceeded):
        budget.admit(1, 0.1)


AMOUNT = st.integers(0, 50)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("admit"), AMOUNT, AMOUNT),
        st.tuples(st.just("settle"), AMOUNT, AMOUNT),
        st.tuples(st.just("cancel"), AMOUNT, AMOUNT),
    ),
    max_size=60,
)


@given(
    caps=st.tuples(*[st.none() | st.integers(0, 200)] * 3),
    before=st.tuples(st.integers(0, 10), AMOUNT, AMOUNT),
    actions=ACTIONS,
)
def test_caps_hold_whatever_calls_do(caps, before, actions):
    """Dollars are in eighths, which add up exactly."""
    budget = Budget(
        Caps(None if caps[0] is None else caps[0] / 8, caps[1], caps[2]), Spent(before[0], before[1], before[2] / 8, 0)
    )
    calls, tokens, eighths = before
    flight = []
    tolerated_tokens, tolerated_eighths = tokens, eighths  # what may be spent by now
    for action, first, second in actions:
        expected = (1, sum(one[1] for one in flight), sum(one[2] for one in flight))
        if action == "admit":
            fits = (
                (caps[2] is None or calls + len(flight) + 1 <= caps[2])
                and (caps[1] is None or tokens + expected[1] + first <= caps[1])
                and (caps[0] is None or eighths + expected[2] + second <= caps[0])
            )
            if fits:
                flight.append((budget.admit(first, second / 8), first, second))
                tolerated_tokens = (caps[1] or 0) + expected[1] + first
                tolerated_eighths = (caps[0] or 0) + expected[2] + second
            else:
                with pytest.raises(BudgetExceeded):
                    budget.admit(first, second / 8)
        elif flight:
            ticket, of_tokens, of_eighths = flight.pop(first % len(flight))
            if action == "cancel":
                ticket.cancel()
            else:  # a call takes up to twice what was expected of it
                took = (min(first, 2 * of_tokens), min(second, 2 * of_eighths))
                ticket.settle(took[0], took[1] / 8)
                calls, tokens, eighths = calls + 1, tokens + took[0], eighths + took[1]
        assert budget.spent == Spent(calls, tokens, eighths / 8, 0)
        assert caps[2] is None or calls + len(flight) <= max(caps[2], before[0])
        assert caps[1] is None or tokens <= tolerated_tokens
        assert caps[0] is None or eighths <= tolerated_eighths

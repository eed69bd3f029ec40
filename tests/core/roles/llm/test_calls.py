"""Calls over real HTTP: kept, made once, tried again, repaired once, and rejected with a reason where that is all."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from taskcraft_core.calls.purpose import working_on
from taskcraft_core.errors import BudgetExceeded, ConfigError, ProviderRefused, ProviderUnavailable, ResponseError
from taskcraft_core.loopback.behaviour import CONTENT, TRANSPORT
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.models import Reason
from taskcraft_core.roles.llm.answers import Answers, Score
from taskcraft_core.roles.llm.engine import Engine
from taskcraft_core.roles.llm.structured import ask

CANNED = '{"answers": ["Phobos"]}'
FOR_AGENTS_OR_AUTHORS = ("bad_arguments", "flood", "wrong_language")


async def guess(engine: Engine, question: str, sample: int = 0, spec: str = "openai:m") -> tuple[str, ...]:
    model = engine.model("solver", spec)
    return (await ask(model, Answers, "solver_guess", {"question": question}, sample=sample)).answers


async def guesses(engine: Engine, count: int) -> list[object]:
    """Many different questions at once; a failure is in the list."""
    model = engine.model("solver", "openai:m")
    asked = (ask(model, Answers, "solver_guess", {"question": f"Number {number}?"}) for number in range(count))
    return [
        one if isinstance(one, BaseException) else one.answers
        for one in await asyncio.gather(*asked, return_exceptions=True)
    ]


# --- paid once --------------------------------------------------------------------------------------------------------


async def test_what_was_asked_is_found_again_and_votes_are_calls_of_their_own(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED)
    engine = await engine_of()
    assert await guess(engine, "Which moon?") == await guess(engine, "Which moon?") == ("Phobos",)
    assert server.stats()["seen"] == 1
    await guess(engine, "Which moon?", sample=1)
    await guess(engine, "Which moon?", spec="openai:m?temperature=0")
    assert server.stats()["seen"] == 3
    reopened = await engine_of()
    await guess(reopened, "Which moon?")
    assert server.stats()["seen"] == 3
    assert (reopened.once.found, reopened.once.made) == (1, 0)


async def test_after_an_answer_that_could_not_be_kept_no_other_is_paid_for(
    server: Loopback, engine_of, tmp_path: Path
) -> None:
    server.control(canned=CANNED, latency=0.05)
    engine = await engine_of(calls_at_once=2)
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as journal:
        journal.execute("CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(FAIL, 'no room'); END")
    asked = (guess(engine, f"Which of the {number} moons?") for number in range(20))
    failures = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(one, ConfigError) and "no room" in str(one) for one in failures)
    assert server.stats()["seen"] <= 2


async def test_the_same_question_asked_at_once_is_one_call(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, latency=0.05)
    engine = await engine_of()
    answers = await asyncio.gather(*(guess(engine, "Which moon?") for _ in range(20)))
    assert set(answers) == {("Phobos",)} and server.stats()["seen"] == 1


async def test_a_call_is_booked_with_its_purpose_tokens_and_price(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED)
    engine = await engine_of()
    with working_on("verify", "task-1"):
        await guess(engine, "Which moon?", spec="openai:gpt-4o-mini")
    with working_on("depth", "task-2"):
        await guess(engine, "Which planet?", spec="openai:never-heard-of")
    depth, verify = await engine.journal.costs()
    assert (verify.stage, verify.role, verify.model, verify.calls) == ("verify", "solver", "gpt-4o-mini", 1)
    assert verify.usd > 0 and verify.unpriced == 0 and verify.prompt_tokens > 100
    assert (depth.stage, depth.unpriced, depth.usd) == ("depth", 1, 0)


# --- faults on the way ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", TRANSPORT)
async def test_a_call_that_is_lost_on_the_way_is_made_again(server: Loopback, engine_of, fault: str) -> None:
    server.control(canned=CANNED, share=0.3, faults=[fault], retry_after=0.05)
    engine = await engine_of(call_timeout=0.5)
    assert await guesses(engine, 20) == [("Phobos",)] * 20
    stats = server.stats()
    assert stats["faults"][fault] >= 3 and stats["seen"] == 20 + stats["faults"][fault]


async def test_one_request_that_always_fails_is_rejected_while_others_are_answered(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, rules=["500:Number 7?"])
    engine = await engine_of(call_attempts=3)
    answers = await guesses(engine, 20)
    failed = [one for one in answers if isinstance(one, BaseException)]
    assert answers.count(("Phobos",)) == 19
    assert isinstance(failed[0], ResponseError) and failed[0].reason is Reason.CALL_FAILED
    assert "failed 3 times" in failed[0].detail and "500" in failed[0].detail


async def test_an_outage_is_no_fault_of_the_item(server: Loopback, engine_of) -> None:
    server.control(share=1, faults=["502"])
    engine = await engine_of(call_attempts=2)
    with pytest.raises(ProviderUnavailable, match="cannot be reached: 2 calls failed"):
        await guess(engine, "Which moon?")


async def test_calls_in_flight_never_exceed_the_cap(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, latency=0.02)
    engine = await engine_of(calls_at_once=12, processes=3)
    await guesses(engine, 60)
    assert server.stats()["peak"] == 4


# --- faults in the answer ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [kind for kind in CONTENT if kind not in FOR_AGENTS_OR_AUTHORS])
async def test_an_unusable_answer_is_repaired_once(server: Loopback, engine_of, fault: str) -> None:
    server.control(canned=CANNED, share=1, faults=[fault])
    engine = await engine_of()
    assert await guess(engine, "Which moon?") == ("Phobos",)
    assert server.stats()["seen"] == 2
    again = await engine_of()
    assert await guess(again, "Which moon?") == ("Phobos",)
    assert server.stats()["seen"] == 2, "the unusable answer was paid for, so it is kept too"


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("refusal", Reason.MODEL_REFUSED),
        ("content_filter", Reason.MODEL_REFUSED),
        ("content_filter_stop", Reason.MODEL_REFUSED),
        ("wrong_schema", Reason.RESPONSE_INVALID),
        ("prose", Reason.RESPONSE_INVALID),
        ("null", Reason.RESPONSE_INVALID),
        ("length", Reason.RESPONSE_INVALID),
    ],
)
async def test_what_cannot_be_repaired_is_rejected_with_its_reason(
    server: Loopback, engine_of, rule: str, reason: Reason
) -> None:
    server.control(canned=CANNED, rules=[f"{rule}:Which moon?"])
    engine = await engine_of()
    with pytest.raises(ResponseError) as error:
        await guess(engine, "Which moon?")
    assert error.value.reason is reason
    assert await guess(engine, "Which planet?") == ("Phobos",)


@pytest.mark.parametrize("supports", ["json_object", "none"])
async def test_an_endpoint_that_takes_no_schema_is_told_in_words(server: Loopback, engine_of, supports: str) -> None:
    server.control(canned=f"Here it is:\n```json\n{CANNED}\n```", supports=supports, keep=100)
    engine = await engine_of()
    assert await guess(engine, "Which moon?") == await guess(engine, "Which planet?") == ("Phobos",)
    refused = sum(server.stats()["refused"].values())
    assert refused == {"json_object": 1, "none": 2}[supports], "found out once"
    told = server.requests()[-1]["body"]["messages"][0]["content"]
    assert '"answers"' in told and "additionalProperties" in told


async def test_a_score_is_one_of_three(server: Loopback, engine_of) -> None:
    server.control(canned='{"reason": "", "score": 3}')
    engine = await engine_of()
    values = {"question": "q", "golden": "a", "candidates": "1. b"}
    with pytest.raises(ResponseError, match="score"):
        await ask(engine.model("judge", "openai:m"), Score, "judge_score", values)


# --- caps -------------------------------------------------------------------------------------------------------------


async def test_the_cap_on_calls_is_never_exceeded_and_a_higher_one_goes_on(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, latency=0.01)
    first = await guesses(await engine_of(max_calls=10), 30)
    stopped = [one for one in first if isinstance(one, BudgetExceeded)]
    assert len(stopped) == 20 and server.stats()["seen"] == 10
    assert "--max-calls" in str(stopped[0])
    second = await guesses(await engine_of(max_calls=30), 30)
    assert second == [("Phobos",)] * 30 and server.stats()["seen"] == 30


async def test_a_cap_in_dollars_needs_a_price(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED)
    engine = await engine_of(max_usd=5.0)
    with pytest.raises(BudgetExceeded, match="price"):
        await guess(engine, "Which moon?", spec="openai:never-heard-of")
    assert server.stats()["seen"] == 0


# --- what is sent -----------------------------------------------------------------------------------------------------


async def test_headers_query_version_and_sampling_are_sent(server: Loopback, engine_of) -> None:
    server.control(canned=CANNED, keep=1)
    engine = await engine_of(
        openai_headers={"X-Team": "tasks"}, openai_query={"tenant": "t1"}, openai_api_version="2026-01-01"
    )
    await guess(engine, "Which moon?", spec="openai:m?temperature=0.5&reasoning_effort=low")
    (request,) = server.requests()
    assert {name.lower(): value for name, value in request["headers"].items()}["x-team"] == "tasks"
    assert request["query"] == {"tenant": "t1", "api-version": "2026-01-01"}
    body = request["body"]
    assert (body["model"], body["temperature"], body["reasoning_effort"]) == ("m", 0.5, "low")
    form = body["response_format"]["json_schema"]
    assert (form["name"], form["strict"], form["schema"]["additionalProperties"]) == ("solver_guess", True, False)


async def test_a_key_that_comes_back_is_neither_kept_nor_told(server: Loopback, engine_of, tmp_path: Path) -> None:
    key = "sk-planted-0123456789"
    server.control(canned=f'{{"answers": ["{key}"]}}')
    engine = await engine_of()
    assert await guess(engine, "What is the key?") == ("***",)
    server.control(key="another key")
    with pytest.raises(ProviderRefused) as error:
        await guess(engine, "Which moon?")
    assert error.value.status == 401 and "OPENAI_API_KEY" in str(error.value)
    await engine.journal.close()
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert key not in str(error.value) and key.encode() not in held

"""What goes wrong, and when: the same calls are disturbed in the same way whatever the order they come in."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from taskcraft_core.loopback.behaviour import Behaviour, ContentFault, Fault
from taskcraft_core.loopback.protocol import Failure, Reply
from taskcraft_core.loopback.request import Request

_CONTENT = frozenset(get_args(ContentFault))
_FLOOD = 10_000
_IN_ENGLISH = "What is the value that this document gives for the thing in question?"
_IN_CHINESE = "这份文件中所说的那个事物的数值是多少？"
_PROSE = "Sure! I had a close look at it and will gladly help. It is hard to say, but I believe that it is fine."
_REFUSAL = "I'm sorry, but I can't help with that."

_FAILURES: Mapping[str, Failure] = {
    "500": Failure(500, "The server had an error while processing your request.", "server_error"),
    "502": Failure(502, "Bad gateway.", "server_error"),
    "503": Failure(503, "The engine is currently overloaded, please try again later.", "server_error"),
    "529": Failure(529, "Overloaded.", "server_error"),
    "402": Failure(402, "Insufficient credits. Add more to go on.", code=402),
    "403": Failure(403, "The chosen model requires moderation, and your input was flagged.", code=403),
    "405": Failure(405, "Method Not Allowed"),
    "429_quota": Failure(429, "You exceeded your current quota; check your plan and billing.", "insufficient_quota"),
    "content_filter": Failure(
        400, "The prompt was filtered by the content management policy.", param="prompt", code="content_filter"
    ),
}


@dataclass
class Ledger:
    """What was seen and dealt so far: how often each logical request came, and which had a content fault."""

    seen: Counter[str] = field(default_factory=Counter)
    spoiled: set[str] = field(default_factory=set)


def deal(request: Request, behaviour: Behaviour, ledger: Ledger) -> Fault | None:
    """Which fault befalls a call; counts it.

    Args:
        request: The call. Faults of content befall a logical request once and never its repair.
        behaviour: Rules come first; else a share of the calls, told by seed, request and times seen.
        ledger: What happened so far.
    """
    times = ledger.seen[request.logical]
    ledger.seen[request.logical] += 1
    for rule in behaviour.rules:
        if rule.text in request.case and rule.prompt in (None, request.prompt):
            return rule.fault
    if not behaviour.faults or fraction(behaviour.seed, "share", request.logical, times) >= behaviour.share:
        return None
    kind = behaviour.faults[int(fraction(behaviour.seed, "kind", request.logical, times) * len(behaviour.faults))]
    if kind in _CONTENT:
        if request.repair or request.logical in ledger.spoiled:
            return None
        ledger.spoiled.add(request.logical)
    return kind


def fraction(*parts: object) -> float:
    """A number from 0 to 1 (excluded) that these parts always give."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=6).digest()
    return int.from_bytes(digest) / 2**48


def delay(request: Request, behaviour: Behaviour, times: int) -> float:
    """How many seconds an answer takes: the latency, varied by request and times seen, the same in every run."""
    if not behaviour.latency:
        return 0.0
    vary = 2 * fraction(behaviour.seed, "latency", request.logical, times) - 1
    return behaviour.latency * (1 + behaviour.jitter * vary)


def failure(fault: Fault, retry_after: float | None) -> Failure | None:
    """The error answer of a fault; None if the fault is of another sort."""
    if fault in {"429", "429_retry_after"}:
        after = (1.0 if retry_after is None else retry_after) if fault == "429_retry_after" else None
        return rate_limited(after)
    return _FAILURES.get(fault)


def rate_limited(retry_after: float | None) -> Failure:
    """The answer to a call too many."""
    said = "Rate limit reached for requests."
    return Failure(429, said, "requests", code="rate_limit_exceeded", retry_after=retry_after)


def spoil(fault: Fault, reply: Reply, request: Request) -> Reply:
    """A good reply with a fault in it; one that it cannot have becomes one that is noticed as surely."""
    match _fitting(fault, reply, request):
        case "null":
            return Reply()
        case "refusal":
            return Reply(refusal=_REFUSAL)
        case "content_filter_stop":
            return Reply(finish_reason="content_filter")
        case "prose":
            return Reply(_PROSE)
        case "length":
            return Reply((reply.content or "")[: len(reply.content or "") // 2], finish_reason="length")
        case "truncated_json":
            return replace(reply, content=(reply.content or "")[: len(reply.content or "") * 2 // 3])
        case "bad_arguments":
            cut = tuple((name, arguments[: max(1, len(arguments) // 2)]) for name, arguments in reply.tool_calls)
            return replace(reply, tool_calls=cut)
    return replace(reply, content=json.dumps(_misfit(fault, _object(reply), request), ensure_ascii=False))


def _fitting(fault: Fault, reply: Reply, request: Request) -> Fault:
    """Faults in an answer's fields need an answer that is an object, those of arguments a call."""
    if reply.tool_calls:
        keep = {"null", "refusal", "content_filter_stop", "prose", "length"}
        return fault if fault in keep else "bad_arguments"
    if fault == "bad_arguments" or (fault in {"wrong_schema", "extra_fields", "flood"} and not _object(reply)):
        return "truncated_json"
    if fault == "wrong_language" and not (_object(reply).get("question") and "\n<language>\n" in f"\n{request.case}"):
        return "prose"
    return fault


def _misfit(fault: Fault, answer: dict[str, Any], request: Request) -> Mapping[str, Any]:
    listed = next((name for name, value in answer.items() if isinstance(value, list)), None)
    if fault == "wrong_language":
        chinese = "<language>\nChinese\n" in request.case
        return answer | {"question": _IN_ENGLISH if chinese else _IN_CHINESE}
    if fault == "flood" and listed:
        one = {"quote": "7", "answer": "7", "relation": "number"} if listed == "conclusions" else "7"
        return answer | {listed: [one] * _FLOOD}
    if fault == "extra_fields":
        return answer | {"confidence": 0.97}
    return dict(list(answer.items())[:-1])


def _object(reply: Reply) -> dict[str, Any]:
    try:
        found = json.loads(reply.content or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}

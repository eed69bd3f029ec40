"""What must hold of every row: one small function a rule, collected in `RULES`. True means that it holds.

The rules are checked again here, from the finished rows alone, whatever the stages before promise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping

from taskcraft_core.attempts import READING
from taskcraft_core.dataset.candidates import Candidates
from taskcraft_core.dataset.kinds import follows_from_parents, parents_resolve
from taskcraft_core.models import Task, task_id_of, tool_for
from taskcraft_core.verification import AUXILIARY_STEPS

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


Rule = Callable[[Task, Candidates], bool]


# --- what the row says about itself ------------------------------------------------------------------------


def id_is_content_hash(task: Task, _: Candidates) -> bool:
    """The id is the content hash of what the task says."""
    return task.task_id == task_id_of(
        task.question, task.answers, task.identifier, task.relation, task.parent_ids, task.evidence
    )


def answer_joins_answers(task: Task, _: Candidates) -> bool:
    """The answer is the answers, joined with a semicolon, and none of them is blank."""
    return task.answer == "; ".join(task.answers) and bool(task.answers) and all(map(str.strip, task.answers))


def question_hides_answer(task: Task, _: Candidates) -> bool:
    """The question does not contain an answer."""
    return not any(mentions(task.question, answer) for answer in task.answers)


def question_has_one_answer(task: Task, among: Candidates) -> bool:
    """No other candidate asks the same question and answers it otherwise."""
    return task.question not in among.disputed


def mentions(text: str, phrase: str) -> bool:
    """Whether a phrase stands in a text as whole words (Chinese, Japanese: anywhere), whatever its case."""
    text, phrase = text.casefold(), phrase.strip().casefold()
    if _CJK.search(phrase):
        return phrase in text
    start = r"(?<![^\W_])(?<!\d[.,])" if phrase[:1].isalnum() else ""
    end = r"(?![^\W_]|[.,]\d)" if phrase[-1:].isalnum() else ""
    spaced = _spaced(text)
    # where it does not stand at all, no pattern of its own has to be made
    return bool(phrase) and phrase in spaced and re.search(start + re.escape(phrase) + end, spaced) is not None


def _spaced(text: str) -> str:
    """Chinese and Japanese characters as separators: a Latin word or number between them is a whole word."""
    return _CJK.sub(" ", text)


# --- evidence and trajectory -------------------------------------------------------------------------------


def evidence_given(task: Task, _: Candidates) -> bool:
    """There is evidence."""
    return bool(task.evidence)


def span_in_quote(task: Task, _: Candidates) -> bool:
    """Every answer span stands in its quote."""
    return all(e.answer_span.strip() and e.answer_span in e.quote for e in task.evidence)


def quote_in_document(task: Task, among: Candidates) -> bool:
    """Every quote stands in its document, letter for letter."""
    return all(evidence in among.verbatim for evidence in task.evidence)


def tools_read_evidence(task: Task, _: Candidates) -> bool:
    """The tools are each named once, read all of the evidence, and were all used on the way."""
    needed = {tool_for(evidence.media_type) for evidence in task.evidence}
    called = {call.name for message in task.trajectory for call in message.tool_calls}
    used = {tool for tool in task.tools if READING[tool] in called}
    return needed <= set(task.tools) == used and len(task.tools) == len(used)


def arguments_parse(task: Task, _: Candidates) -> bool:
    """The arguments of every tool call are a JSON object."""
    return all(_is_object(call.arguments) for message in task.trajectory for call in message.tool_calls)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def calls_answered(task: Task, _: Candidates) -> bool:
    """Every tool call is answered after it was made, exactly once."""
    waiting: set[str] = set()
    for message in task.trajectory:
        if message.role == "tool":
            if message.tool_call_id not in waiting:
                return False
            waiting.remove(message.tool_call_id)
        waiting |= {call.id for call in message.tool_calls}
    return not waiting and bool(task.trajectory)


# --- scores and steps --------------------------------------------------------------------------------------


def accepted(task: Task, among: Candidates) -> bool:
    """The agent did better than a guess: no-tools 0 and agent at least 1 (paper: agent above no-tools)."""
    if task.agent_score is None:
        return task.no_tools_score == 0
    if among.config.acceptance == "paper":
        return task.agent_score > task.no_tools_score
    return task.no_tools_score == 0 and task.agent_score >= 1


def steps_counted(task: Task, _: Candidates) -> bool:
    """A solved task has a score and counts its tool calls; a composed one has neither."""
    if task.trajectory_kind == "composed":
        return task.agent_score is None and task.agent_steps is None
    calls = sum(len(message.tool_calls) for message in task.trajectory)
    return task.agent_score is not None and task.agent_steps == calls


def steps_within_limit(task: Task, among: Candidates) -> bool:
    """The agent took no more tool calls than it may: few for an atomic task, more for others."""
    few = task.kind == "atomic" and task.task_id not in among.auxiliaries
    limit = among.config.max_steps if few else max(among.config.max_steps, AUXILIARY_STEPS)
    return task.agent_steps is None or task.agent_steps <= limit


RULES: Mapping[str, Rule] = {
    "id_is_content_hash": id_is_content_hash,
    "answer_joins_answers": answer_joins_answers,
    "question_hides_answer": question_hides_answer,
    "question_has_one_answer": question_has_one_answer,
    "evidence_given": evidence_given,
    "span_in_quote": span_in_quote,
    "quote_in_document": quote_in_document,
    "tools_read_evidence": tools_read_evidence,
    "arguments_parse": arguments_parse,
    "calls_answered": calls_answered,
    "accepted": accepted,
    "steps_counted": steps_counted,
    "steps_within_limit": steps_within_limit,
    "parents_resolve": parents_resolve,
    "follows_from_parents": follows_from_parents,
}

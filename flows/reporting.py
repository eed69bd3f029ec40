"""How runs tell what they do in the Prefect UI: names, states whose messages are sentences, logs, artifacts."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Flow, flow
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed

from flows.account import report, reporting
from flows.naming import STAGE
from flows.outcome import StageRun, reasons_of, told
from flows.verdict import told_published
from taskcraft_core.dataset.store import Published
from taskcraft_core.errors import TaskCraftError
from tasks.aside import aside
from tasks.logs import keep_short, run_logger

P = ParamSpec("P")
T = TypeVar("T")


def stage(name: str) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Flow[P, Coroutine[Any, Any, T]]]:
    """Makes a function a stage of the build: a subflow that is called by its name and ends with a sentence.

    It does not keep its result: Prefect would match it by call order, and a deleted file would make a retry fail. It
    is not tried again on its own either: the whole build is, and what is there is not computed again.
    """

    async def told(work: Awaitable[T]) -> tuple[T, str]:
        result = await work
        return result, await _stage_told(result)

    def made(work: Callable[P, Coroutine[Any, Any, T]]) -> Flow[P, Coroutine[Any, Any, T]]:
        @wraps(work)
        async def run(*arguments: P.args, **named: P.kwargs) -> T:
            keep_short()
            return await _ended(told(work(*arguments, **named)))

        begins = flow(name=STAGE.format(name), flow_run_name=name, retries=0, persist_result=False)
        return begins(_signed(run, work))

    return made


def reported(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Makes the function of the root flow tell what it does; what it builds has to be `accounted`."""

    async def told(*arguments: P.args, **named: P.kwargs) -> tuple[T, str]:
        async with reporting() as made:
            return await work(*arguments, **named), made.message

    @wraps(work)
    async def run(*arguments: P.args, **named: P.kwargs) -> T:
        keep_short()
        return await _ended(told(*arguments, **named))

    return _signed(run, work)


def _signed(run: Callable[P, T], work: Callable[P, Any]) -> Callable[P, T]:
    """With the parameters of the work, their types looked up where it is written: Prefect would look here."""
    run.__dict__["__signature__"] = inspect.signature(work, eval_str=True)
    run.__annotations__ = inspect.get_annotations(work, eval_str=True)
    return run


async def _ended(work: Awaitable[tuple[T, str]]) -> T:
    """The result of some work with a sentence about it, or the error that it ends with, as a state that says that.

    Prefect hands the caller what the state holds: the result is returned, the error is raised.
    """
    try:
        result, sentence = await work
    except TaskCraftError as error:
        if is_tried_again():
            raise  # Prefect tries again only what is raised
        run_logger().error(str(error))
        return cast(T, Failed(message=str(error), data=error))
    return cast(T, Completed(message=sentence, data=result))


def is_tried_again() -> bool:
    """Whether the server lets the run that fails now begin anew, as it counts."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return False
    return context.flow_run.run_count <= (context.flow_run.empirical_policy.retries or 0)


async def _stage_told(result: Any) -> str:
    """What became of a stage, in a sentence, which the root run's log gets as well.

    Args:
        result: What the stage gave: a run or several, or a publication.
    """
    on = report()
    if isinstance(result, Published):
        sentence = told_published(result)
    else:
        context = FlowRunContext.get()
        assert context is not None and context.parameters is not None
        runs: list[StageRun] = result if isinstance(result, list) else [result]
        out = Path(context.parameters["out"])
        reasons = [await aside(reasons_of, out, run) for run in runs]
        sentence = " ".join(told(run, sum(counts.values())) for run, counts in zip(runs, reasons, strict=True))
        if on is not None:
            await on.stage_ended(runs, reasons)
    if on is not None:
        on.log.info(sentence)
    return sentence

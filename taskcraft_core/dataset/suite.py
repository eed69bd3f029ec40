"""The Great Expectations suite over the candidate rows, and how it is run.

What concerns one plain column is an expectation of its own. What concerns lists or several rows is a rule of
`rules.RULES`; its outcome becomes a column of true and false, and the expectation is that it is true.
Great Expectations takes seconds to import, so it is imported when a suite is built or run.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import pandas as pd

from taskcraft_core.config import BuildConfig
from taskcraft_core.dataset.candidates import Candidates
from taskcraft_core.dataset.rules import RULES
from taskcraft_core.models import Task

PLAIN = (
    "task_id", "kind", "question", "hops", "width", "language", "trajectory_kind",
    "agent_score", "no_tools_score",
)  # fmt: skip


def frame(tasks: Sequence[Task], among: Candidates) -> pd.DataFrame:
    """The candidates as the suite sees them: plain columns, and one column of true and false a rule."""
    columns: dict[str, list[Any]] = {"_row": list(range(len(tasks)))}
    columns |= {name: [getattr(task, name) for task in tasks] for name in PLAIN}
    columns |= {name: [rule(task, among) for task in tasks] for name, rule in RULES.items()}
    return pd.DataFrame(columns)


def suite(config: BuildConfig) -> list[Any]:
    """The expectations, in the order in which a broken one is named."""
    expect: Any = import_module("great_expectations.expectations")

    def rule(name: str, kind: Any, description: str, **arguments: Any) -> Any:
        return kind(meta={"rule": name}, description=description, **arguments)

    among, between = expect.ExpectColumnValuesToBeInSet, expect.ExpectColumnValuesToBeBetween
    matches = expect.ExpectColumnValuesToMatchRegex
    guesses = [0] if config.acceptance == "strict" else [0, 1]
    return [
        rule("columns", expect.ExpectTableColumnsToMatchSet, "Every column is there.",
             column_set=["_row", *PLAIN, *RULES]),
        rule("id_unique", expect.ExpectColumnValuesToBeUnique, "An id names one row.", column="task_id"),
        rule("id_hex", matches, "An id is 64 hexadecimal digits.",
             column="task_id", regex=r"^[0-9a-f]{64}\Z"),
        rule("kind", among, "The kind is known.", column="kind", value_set=["atomic", "depth", "width"]),
        rule("language", among, "The language is supported.", column="language", value_set=["en", "zh"]),
        rule("trajectory_kind", among, "The kind of trajectory is known.",
             column="trajectory_kind", value_set=["solved", "composed"]),
        rule("hops", between, "The chain is as long as allowed.",
             column="hops", min_value=1, max_value=config.max_hops),
        rule("width", between, "The width is as allowed.",
             column="width", min_value=1, max_value=config.max_width),
        rule("no_tools_score", among, "It cannot be guessed.", column="no_tools_score", value_set=guesses),
        rule("agent_score", between, "The agent solved it.", column="agent_score", min_value=1, max_value=2),
        rule("question_mark", matches, "The question ends as one.", column="question", regex=r"\S[?？]\Z"),
        *(rule(name, among, (check.__doc__ or "").splitlines()[0], column=name, value_set=[True])
          for name, check in RULES.items()),
    ]  # fmt: skip


def validate(candidates: pd.DataFrame, expectations: Sequence[Any]) -> list[Any]:
    """Runs the expectations over the frame; the results in the order of the expectations."""
    gx: Any = import_module("great_expectations")
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("candidates").add_dataframe_asset("rows")
    definition = gx.ValidationDefinition(
        name="audit",
        data=asset.add_batch_definition_whole_dataframe("all"),
        suite=context.suites.add(gx.ExpectationSuite(name="audit", expectations=[*expectations])),
    )
    outcome = context.validation_definitions.add(definition).run(
        batch_parameters={"dataframe": candidates},
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["_row"]},
    )
    by_rule = {result.expectation_config.meta["rule"]: result for result in outcome.results}
    return [by_rule[expectation.meta["rule"]] for expectation in expectations]

"""The parameters of a build as the form of the UI shows them, and what it refuses there.

A pattern is for the form alone: on the command line, and when a run begins, the same things are refused in sentences.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Sources = Annotated[
    list[str],
    Field(json_schema_extra={"items": {"type": "string", "minLength": 1}, "examples": [["data/samples"]]}),
]
"""What documents are read from; may be empty where a file of tasks names them."""

Out = Annotated[str, Field(json_schema_extra={"minLength": 1, "pattern": r"\S", "examples": ["out/nightly"]})]
"""A folder, or a URL."""

TasksFile = Annotated[
    str | None,
    Field(
        json_schema_extra={
            "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}],
            "examples": ["questions.jsonl"],
        }
    ),
]
"""A JSONL file, or nothing."""

Runner = Annotated[
    str, Field(json_schema_extra={"pattern": r"^(local|dask|dask:(tcp|tls)://\S+:\d+/?)$", "examples": ["local"]})
]
"""Where shards are computed."""

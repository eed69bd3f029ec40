"""`taskcraft show`: one task on the terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flows.mirror import reading
from taskcraft_core.dataset.store import find_task

CUT = 600
"""Characters of a tool's answer that are shown without --full."""


def show_task(id_prefix: str, out: str, full: bool) -> None:
    """Prints a task of the newest version of the dataset.

    Raises:
        ConfigError: There is no dataset, or not exactly one task whose id begins so.
    """
    with reading(out, "dataset/") as folder:
        row = find_task(folder, id_prefix)
        parents = [find_task(folder, parent) for parent in row["parent_ids"]]
    console = Console()
    console.print(Panel(Group(*_head(row)), title=f"{row['kind']} task {row['task_id'][:12]}", title_align="left"))
    for title, parts in (
        ("Evidence", _evidence(row)), ("Built on", _parents(parents)), ("Trajectory", _trajectory(row, full)),
    ):  # fmt: skip
        shown = list(parts)
        if shown:
            console.print(Text(f"\n{title}", style="bold"))
            console.print(Padding(Group(*shown), (0, 0, 0, 2)))
    console.print(Text(f"\nid {row['task_id']}\nrow {row['row_hash']}", style="dim"))


def _head(row: dict[str, Any]) -> Iterator[RenderableType]:
    yield Text(row["question"], style="bold")
    facts = Table.grid(padding=(0, 2))
    selector = row["selector"]
    for name, value in (
        ("answer", row["answer"]),
        ("identifier", row["identifier"]),
        ("relation", row["relation"]),
        ("selector", f"{selector['kind']} whose {selector['field']} is “{selector['value']}”" if selector else ""),
        ("shape", f"{row['hops']} hops, {row['width']} wide, read with {', '.join(row['tools'])}, {row['language']}"),
        ("scores", _scores(row)),
        ("checks", ", ".join(row["checks"])),
    ):
        if value:
            facts.add_row(Text(name, style="dim"), Text(value))
    yield Padding(facts, (1, 0, 0, 0))


def _scores(row: dict[str, Any]) -> str:
    if row["agent_score"] is None:
        return f"not solved as a whole (composed), no tools {row['no_tools_score']}"
    return f"agent {row['agent_score']} in {row['agent_steps']} tool calls, no tools {row['no_tools_score']}"


def _evidence(row: dict[str, Any]) -> Iterator[RenderableType]:
    for item in row["evidence"]:
        quote = Text(f"“{item['quote']}”")
        quote.highlight_words([item["answer_span"]], style="bold green")
        yield Group(Text(f"{item['uri']} at {item['place']}", style="cyan"), quote)


def _parents(parents: list[dict[str, Any]]) -> Iterator[RenderableType]:
    for parent in parents:
        yield Text.assemble((parent["task_id"][:12], "cyan"), f"  {parent['question']}  ", (parent["answer"], "green"))


def _trajectory(row: dict[str, Any], full: bool) -> Iterator[RenderableType]:
    for message in row["trajectory"]:
        for call in message["tool_calls"] or ():
            yield Text.assemble((f"→ {call['name']} ", "yellow"), _arguments(call["arguments"]))
        if message["content"]:
            style = "dim" if message["role"] in ("tool", "system") else ""
            yield Text.assemble((f"{message['role']}: ", "bold"), (_shown(message, full), style))


def _shown(message: dict[str, Any], full: bool) -> str:
    """What a message says; of what is long, and the same in every task or in the document, the beginning."""
    text: str = message["content"]
    if message["role"] == "system" and not full:
        return f"{text.splitlines()[0]} … (--full shows all)"
    return _cut(text, full) if message["role"] == "tool" else text


def _arguments(text: str) -> str:
    values = json.loads(text)
    return ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in values.items())


def _cut(text: str, full: bool) -> str:
    if full or len(text) <= CUT:
        return text
    return f"{text[:CUT].rstrip()} … ({len(text) - CUT} more characters; --full shows them)"

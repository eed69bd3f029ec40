"""Every command that the documents show is one that there is, with options and arguments that it takes."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from flows.cli import app

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "deployments/README.md")
NIGHTLY = "make setup\n.venv/bin/taskcraft serve data/samples --out out/nightly"


def shown(program: str) -> list[list[str]]:
    """The arguments of a program in every line of the documents' code blocks that calls it."""
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS)
    lines = "\n".join(re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)).splitlines()
    calls = (re.sub(r"^\.venv/bin/", "", line) for line in lines)
    return [shlex.split(line, comments=True)[1:] for line in calls if line.startswith(program + " ")]


@pytest.mark.parametrize("call", shown("taskcraft"), ids=" ".join)
def test_the_command_takes_them(call: list[str]) -> None:
    name, *arguments = call
    command: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.make_context(name, arguments).params


@pytest.mark.parametrize("call", shown("make"), ids=" ".join)
def test_the_target_is_there(call: list[str]) -> None:
    assert re.search(rf"^{call[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_from_a_clone_to_a_night_it_takes_three_commands() -> None:
    assert f"cd taskcraft\n{NIGHTLY}\n```" in (ROOT / "README.md").read_text(encoding="utf-8")

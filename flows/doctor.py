"""`taskcraft doctor`: tries every piece that a build needs, and says what is missing."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.embedded import use_server
from flows.environment import read_settings, setting_faults, unknown_variables
from flows.mirror import folder_of
from taskcraft_core.calls.journal import JOURNAL, open_journal
from taskcraft_core.calls.prices import Prices
from taskcraft_core.dataset.remote.address import check_out, is_address
from taskcraft_core.dataset.remote.files import Remote
from taskcraft_core.errors import ConfigError, TaskCraftError
from taskcraft_core.roles.llm.spec import endpoint_label


def examine(out: str) -> bool:
    """Prints a line a check; returns whether everything that a build needs is there.

    Args:
        out: The output folder, or its URL.
    """
    folder = folder_of(out) if is_address(out) else Path(out)
    console = Console()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("", "check", "found"):
        table.add_column(column)
    good = True
    with console.status("checking …"):
        for name, check in checks_of(out).items():
            passed, found = _tried(check, folder)
            good = good and passed
            table.add_row("[green]ok[/]" if passed else "[red]no[/]", name, Text(found))
    console.print(table)
    return good


def _tried(check: Callable[[Path], str], out: Path) -> tuple[bool, str]:
    try:
        return True, check(out)
    except Exception as error:
        return False, str(error) if isinstance(error, TaskCraftError) else f"{type(error).__name__}: {error}"


def _python(_: Path) -> str:
    if not (3, 11) <= sys.version_info[:2] < (3, 13):
        raise ConfigError(f"Python {sys.version.split()[0]}; 3.11 or 3.12 is needed.")
    return sys.version.split()[0]


def _packages(_: Path) -> str:
    listed = [Requirement(line) for line in requires("taskcraft") or []]
    wanted = [one for one in listed if one.marker is None or one.marker.evaluate({"extra": ""})]
    for one in wanted:
        try:
            found = version(one.name)
        except PackageNotFoundError:
            raise ConfigError(f"{one.name} is not installed; run `make setup`.") from None
        if found not in one.specifier:
            raise ConfigError(f"{one.name} is {found}, and {one.specifier} is needed; run `make setup`.")
    return f"{len(wanted)} packages, their versions fit"


def _reading_images(_: Path) -> str:
    import numpy as np
    from PIL import Image, ImageDraw

    from taskcraft_core.documents.ocr import read_lines

    picture = Image.new("RGB", (480, 120), "white")
    ImageDraw.Draw(picture).text((30, 30), "Height 324", fill="black", font_size=48)
    text = " ".join(line.text for line in read_lines(np.asarray(picture)))
    if "324" not in text:
        raise ConfigError(f"The OCR models load, but read {text!r} where 'Height 324' stands; install them again.")
    return "OCR models load and read"


def _reading_pdf(_: Path) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 200)
    return f"{len(document)} page made and counted"


def _searching(_: Path) -> str:
    from taskcraft_core.corpus import Corpus
    from taskcraft_core.tools import LocalSearch

    LocalSearch(Corpus([]))
    return "an index can be built"


def _dataset(_: Path) -> str:
    import pyarrow as pa
    from deltalake import DeltaTable, write_deltalake

    from taskcraft_core.dataset.reading import read_rows

    with tempfile.TemporaryDirectory() as folder:
        write_deltalake(folder, pa.table({"n": [1, 2]}))
        rows = read_rows(DeltaTable(folder)).num_rows
    return f"{rows} rows written and read back"


def _prefect(_: Path) -> str:
    server = use_server(verbose=False)
    server.ready()
    failure = asyncio.run(_health())
    if failure is not None:
        raise ConfigError(f"{server.url} does not answer: {failure}; start it, or unset PREFECT_API_URL.")
    return "the embedded server starts" if server.embedded else f"{server.url} answers"


async def _health() -> Exception | None:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        return await client.api_healthcheck()


def _settings(_: Path) -> str:
    if faults := list(setting_faults()):
        raise ConfigError("\n".join(faults))
    settings = read_settings()
    Prices.load(settings.prices)
    keys = {"OPENAI_API_KEY": settings.openai_api_key, "TAVILY_API_KEY": settings.tavily_api_key}
    told = [f"{name} {'set' if value else 'not set'}" for name, value in keys.items()]
    told += [f"endpoint {endpoint_label(settings)}"] if settings.openai_base_url else []
    unknown = [f"\nwarning: {told}" for told in unknown_variables()]
    return f"{', '.join(told)} (the embedded engine needs none){''.join(unknown)}"


def _journal(out: Path) -> str:
    """The file as a build opens it; whether a database answers is for the network to tell."""
    if _database() is not None:
        return "in the database of TASKCRAFT_JOURNAL_URL, which was not tried"
    if not (out / JOURNAL).exists():
        return "none yet"
    return f"{asyncio.run(_kept(out)):,} calls kept"


def _database() -> str | None:
    """The database's address; None without one, or where the settings are wrong, which is told of them."""
    return None if any(setting_faults()) else read_settings().journal_address


async def _kept(out: Path) -> int:
    journal = await open_journal(out, None)
    try:
        return (await journal.spent()).calls
    finally:
        await journal.close()


def _out(out: Path) -> str:
    folder = next(parent for parent in (out, *out.absolute().parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            return f"{folder} can be written"
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}.") from None


def _store(address: str) -> str:
    """Writes there, as a build does first of all."""
    check_out(address)
    Remote(address).prove_writable()
    return f"{address} can be written"


CHECKS: dict[str, Callable[[Path], str]] = {
    "Python": _python,
    "packages": _packages,
    "settings": _settings,
    "output folder": _out,
    "journal": _journal,
    "PDF": _reading_pdf,
    "images": _reading_images,
    "search": _searching,
    "dataset": _dataset,
    "Prefect": _prefect,
}
"""What is tried, in this order; a check returns what it found, or raises."""


def checks_of(out: str) -> dict[str, Callable[[Path], str]]:
    """What is tried for an output folder; of a URL, whether it can be written."""
    return CHECKS | {"output folder": lambda _: _store(out)} if is_address(out) else CHECKS

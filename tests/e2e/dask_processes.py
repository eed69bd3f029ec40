"""A Dask cluster of real processes, and a real PostgreSQL for the journal that its workers share."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from databases import started
from distributed import Client

SECONDS = 60.0


@dataclass(frozen=True)
class Cluster:
    """A scheduler and its workers, each with a nanny that starts it again when it dies.

    Attributes:
        address: Where the scheduler is.
        nannies: The processes that were started; each worker is a child of one.
    """

    address: str
    nannies: tuple[subprocess.Popen[bytes], ...]

    def workers(self) -> list[psutil.Process]:
        """The worker processes."""
        children = [child for nanny in self.nannies for child in psutil.Process(nanny.pid).children()]
        return [child for child in children if "spawn_main" in " ".join(_command(child))]


@contextmanager
def cluster(folder: Path, env: Mapping[str, str], workers: int = 2) -> Iterator[Cluster]:
    """Starts a scheduler and workers with one thread each; all are gone afterwards."""
    file, log = folder / "scheduler.json", folder / "dask.log"
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
            started.append(subprocess.Popen(command, cwd=folder, env=dict(env), stdout=out, stderr=out))
        return started[-1]

    try:
        start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        address = _address(file)
        nannies = tuple(start("worker", address, "--nthreads", "1", "--nworkers", "1") for _ in range(workers))
        with Client(address, timeout=SECONDS, set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=SECONDS)
        yield Cluster(address, nannies)
    finally:
        for process in started[::-1]:
            process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Database:
    """A database on a server of its own.

    Attributes:
        url: Its address.
        execute: Runs SQL in it, and gives what psql prints.
    """

    url: str
    execute: Callable[[str], str]

    def calls(self) -> int:
        """The model calls that the journal holds."""
        printed = self.execute("SELECT 'calls=' || count(*) FROM taskcraft_calls WHERE kind = 'chat';")
        return int(printed.partition("calls=")[2].split()[0])

    def forget(self) -> None:
        """No call was ever made."""
        self.execute("DROP TABLE IF EXISTS taskcraft_calls, taskcraft_holdings;")


@contextmanager
def postgres() -> Iterator[Database]:
    """An empty database."""
    with started() as server:
        address = f"postgresql://postgres@/postgres?host={server.get_postmaster_info().socket_dir}"
        yield Database(address, server.psql)


class Wire:
    """A line to a scheduler on which somebody listens: a forwarder on a loopback port.

    Attributes:
        heard: Everything that was sent to the scheduler.
    """

    def __init__(self, address: str) -> None:
        self.heard = bytearray()
        self._there = address.removeprefix("tcp://").rsplit(":", 1)
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> str:
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(SECONDS)
        return f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._forward, "127.0.0.1", 0)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._there)
        await asyncio.gather(self._copy(reader, there_writer, True), self._copy(there_reader, writer, False))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, listen: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if listen:
                    self.heard += data
                writer.write(data)
                await writer.drain()
        writer.close()


def _address(file: Path) -> str:
    """What a scheduler writes when it listens."""
    deadline = time.monotonic() + SECONDS
    while True:
        with suppress(FileNotFoundError, json.JSONDecodeError):
            return str(json.loads(file.read_text())["address"])
        assert time.monotonic() < deadline, "the scheduler does not start"
        time.sleep(0.05)


def _command(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return process.cmdline()
    return []

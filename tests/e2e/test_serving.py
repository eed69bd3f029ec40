"""`taskcraft serve`: server, worker, deployments and automations by one command, which tells little and stops well."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from stack import ROOT, Stack, end

from flows.embedded import QUIET

SECRETS = {"OPENAI_API_KEY": "sk-s3cr3t-openai", "TAVILY_API_KEY": "tvly-s3cr3t"}
READY = "Ctrl-C stops"


class Listener:
    """A webhook's receiver on loopback; its address holds a secret."""

    def __init__(self) -> None:
        heard = self.heard = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                heard.append(json.loads(body) | {"type": self.headers["content-type"]})
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/s3cr3t-token"

    heard: list[dict[str, Any]]

    def wait(self, number: int) -> dict[str, Any]:
        """The message that came in as this one of all."""
        until(lambda: len(self.heard) >= number, 60, "nothing was posted")
        return self.heard[number - 1]


def until(there: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


class Served:
    """`taskcraft serve` in a process of its own; `stack` talks to its server."""

    def __init__(self, folder: Path, notify: str) -> None:
        self.folder, self.out = folder, folder / "out"
        self.stack = Stack(folder / "home")
        self.sources = folder / "pages"
        if not self.sources.exists():
            self.sources.mkdir()
            for page in sorted((ROOT / "data" / "samples" / "zh").glob("*.html"))[:4]:
                shutil.copy(page, self.sources)
        self.faults = folder / "faults"
        self.faults.touch()
        ours = {"TASKCRAFT_NOTIFY_URL": notify, "TASKCRAFT_FAULTS": str(self.faults), **SECRETS}
        kept = {
            name: text for name, text in self.stack.env.items() if name not in ("PREFECT_API_URL", "PREFECT_UI_URL")
        }
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "serve", "pages", "--out", "out", "--port", str(self.stack.port)],
                cwd=folder, env=kept | ours, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(lambda: READY in self.told() or self.process.poll() is not None, 180, self.told())
        assert self.process.poll() is None, self.told()

    def told(self) -> str:
        return self.log.read_text()

    def children(self) -> dict[str, int]:
        """The processes that it has started, by what they are."""
        listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
        rows = [line.split(maxsplit=2) for line in listed.splitlines()[1:]]
        ours = [row for row in rows if row[1] == str(self.process.pid) and " prefect " in row[2]]
        return {row[2].split(" prefect ")[1].split()[0]: int(row[0]) for row in ours}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.server.shutdown()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, listener: Listener) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("serve"), listener.url)
    try:
        yield served
    finally:
        end(served.process)


def test_it_tells_where_the_ui_is_when_the_next_night_starts_and_how_to_start_one(served: Served) -> None:
    told = served.told()
    assert f"The UI:    {served.stack.url}\n" in told
    assert "02:00 UTC" in told and "build-dataset/on-demand" in told
    assert len(told.strip().splitlines()) == 6, "a few lines, and no log"


def test_relative_paths_are_those_of_the_folder_it_was_started_in(served: Served) -> None:
    there = served.stack.call("GET", "/deployments/name/build-dataset/nightly")
    assert there["parameters"]["sources"] == [str(served.sources)] and there["parameters"]["out"] == str(served.out)


def test_the_server_is_given_no_key(served: Served) -> None:
    children = served.children()
    given = {name: Path(f"/proc/{pid}/environ").read_bytes() for name, pid in children.items()}
    assert set(given) == {"server", "worker"}
    assert b"s3cr3t" not in given["server"] and b"TASKCRAFT_" not in given["server"]
    assert not [name for name in QUIET if name.encode() in given["server"] + given["worker"]], "they write logs"
    assert b"sk-s3cr3t-openai" in given["worker"] and b"s3cr3t-token" not in given["worker"]


def test_a_port_that_is_taken_is_one_sentence(served: Served) -> None:
    own = {name: text for name, text in served.stack.env.items() if name != "PREFECT_API_URL"}
    command = [sys.executable, "-m", "flows.cli", "serve", "pages", "--out", "out", "--port", str(served.stack.port)]
    done = subprocess.run(command, cwd=served.folder, env=own, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith(f"taskcraft: Nothing can be served at 127.0.0.1, port {served.stack.port}")


def test_a_missing_source_fails_at_once_and_somebody_is_told(served: Served, listener: Listener) -> None:
    run = served.stack.wait(served.stack.run(sources=["/nowhere/at/all"]))
    assert run["state_type"] == "FAILED"
    assert run["state"]["message"] == "/nowhere/at/all: there is no such file, folder or URL."
    heard = listener.wait(1)
    assert heard["type"] == "application/json" and heard["what"] == "build-dataset"
    assert (heard["run"], heard["state"], heard["message"]) == (run["name"], "Failed", run["state"]["message"])
    assert heard["link"].startswith(served.stack.url) and run["id"] in heard["link"]
    assert heard["message"] in heard["text"]


def test_a_build_that_leaves_something_out_is_told_of_as_degraded(served: Served, listener: Listener) -> None:
    before = len(listener.heard)
    served.faults.write_text("verify, 1 of 1\n")
    run = served.stack.wait(served.stack.run(failed_shards=100, config={"buckets": 1, "max_hops": 1, "max_width": 1}))
    served.faults.write_text("")
    assert run["state_type"] == "COMPLETED", run["state"]["message"]
    heard = listener.wait(before + 1)
    assert heard["state"] == "Degraded" and "verify" in heard["message"] and heard["run"] == run["name"]


def test_the_logs_hold_what_prefect_says(served: Served) -> None:
    worker = (served.stack.home / "taskcraft" / "worker.log").read_text()
    assert "/nowhere/at/all: there is no such file, folder or URL." in worker and " | ERROR " in worker


def test_a_worker_that_dies_is_started_again(served: Served) -> None:
    dead = served.children()["worker"]
    os.kill(dead, signal.SIGKILL)
    until(lambda: served.children().get("worker", dead) != dead, 30, served.told())
    assert "the worker has ended and is started again" in served.told()
    assert served.stack.wait(served.stack.run(sources=["/nowhere"]))["state_type"] == "FAILED"


def test_stopped_it_cancels_what_runs_and_goes_on_when_started_again(served: Served, listener: Listener) -> None:
    run_id = served.stack.run()
    served.stack.wait(run_id, until=lambda run: bool(served.stack.children(run_id)))
    children = served.children()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(120) == 130
    assert served.told().strip().splitlines()[-1].startswith("taskcraft: Stopped;")
    assert not [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]
    again = Served(served.folder, listener.url)
    try:
        runs = [again.stack.flow_run(run_id), *again.stack.children(run_id)]
        assert {run["state_type"] for run in runs} <= {"CANCELLED", "COMPLETED"} and runs[0][
            "state_name"
        ] == "Cancelled"
        names = [one["name"] for one in again.stack.call("POST", "/automations/filter", {})]
        assert len(names) == len(set(names)) == 3
        assert len(again.stack.call("POST", "/deployments/filter", {})) == 2
        children = again.children()
        again.process.send_signal(signal.SIGHUP)
        assert again.process.wait(120) == 143
        assert not [pid for pid in children.values() if Path(f"/proc/{pid}").exists()]
    finally:
        end(again.process)
    logs = [again.log, *(served.folder / "home").glob("taskcraft/*.log*")]
    assert len(logs) == 5, "of server and worker, those of this time and of the last"
    assert not [log for log in logs if "s3cr3t" in log.read_text()]

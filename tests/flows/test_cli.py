"""The command as a person meets it: exit codes, and one sentence that helps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "flows.cli"]


def taskcraft(*arguments: str) -> subprocess.CompletedProcess[str]:
    wide = os.environ | {"COLUMNS": "300"}
    return subprocess.run([*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, env=wide)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("buid",), "build"),
        (("build", "data/samples", "--out", "{out}", "--max-hop", "2"), "--max-hops"),
        (("build", "data/samples"), "--out"),
        (("build", "nowhere", "--out", "{out}"), "nowhere: there is no such file"),
        (("build", "data/samples", "--out", "{out}", "--max-hops", "0"), "max_hops = 0"),
        (("build", "data/samples", "--out", "{out}", "--search", "lokal"), "search = 'lokal'"),
        (("build", "data/samples", "--out", "{out}", "--config", "{toml}"), "the nearest is 'max_hops'"),
        (("build", "data/samples", "--out", "{toml}/x"), "cannot be the output folder"),
        (("build", "data/samples", "--out", "{out}/[a]"), "its path holds '['"),
        (("build", "data/samples", "--out", "{out}/a%20b"), "its path holds '%20'"),
        (("show", "ab", "--out", "{out}"), "holds no dataset"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_right(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    toml = tmp_path / "build.toml"
    toml.write_text("max_hop = 2\n", encoding="utf-8")
    done = taskcraft(*(one.format(out=tmp_path / "out", toml=toml) for one in arguments))
    assert done.returncode == 2 and says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_role_is_named_before_anything_is_built(tmp_path: Path) -> None:
    done = taskcraft("build", "data/samples", "--out", str(tmp_path), "--author", "extractve")
    assert done.returncode == 2 and "no author 'extractve'; the nearest is 'extractive'" in done.stderr


def test_no_usable_document_fails_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.html").touch()
    (tmp_path / "in" / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    done = taskcraft("build", str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("taskcraft: The sources hold no usable document: 2 were left out")


def test_ctrl_c_stops_within_seconds_and_tells_how_to_go_on(tmp_path: Path) -> None:
    """The signal goes to the whole process group, as a terminal sends it."""
    arguments = ["build", "data/samples", "--out", str(tmp_path), "--verbose"]
    running = subprocess.Popen(
        [*COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    wait_for(tmp_path / "work" / "ingest", running)
    began = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 130 and "goes on from there" in told
    assert time.monotonic() - began < 20


def wait_for(folder: Path, running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not folder.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert folder.exists()


@pytest.mark.parametrize("command", ["build", "show", "doctor"])
def test_help_teaches_with_an_example(command: str) -> None:
    done = taskcraft(command, "--help")
    assert done.returncode == 0 and f"taskcraft {command}" in done.stdout

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


OURS = ("OPENAI_", "TAVILY_", "TASKCRAFT_")
"""Settings of whoever runs the tests, which must not change what they see."""


def taskcraft(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    wide = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    wide |= {"COLUMNS": "300"} | settings
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
        (("build", "--out", "{out}"), "Name a SOURCE (a file, folder, glob or URL), or --tasks FILE.jsonl"),
        (("build", "--tasks", "none.jsonl", "--out", "{out}"), "none.jsonl"),
        (("build", "data/samples", "--out", "{out}", "--max-calls", "-1"), "--max-calls"),
        (("build", "data/samples", "--out", "{out}", "--failed-shards", "101"), "101: give a percentage from 0 to 100"),
        (("build", "data/samples", "--out", "{out}", "--failed-shards", "few"), "--failed-shards"),
        (("build", "data/samples", "--out", "{out}", "--runner", "ray"), "'ray' is no runner"),
        (("build", "data/samples", "--out", "{out}", "--prune", "yes"), "yes: there is no such file"),
        (("build", "data/samples", "--out", "s5://bucket/demo"), "s5:// is no storage that fsspec knows"),
        (("build", "data/samples", "--out", "s3://me:secret@bucket/demo"), "holds a password; leave it out"),
        (
            ("build", "data/samples", "--out", "s3://bucket/demo", "--model", "openai:m"),
            "TASKCRAFT_JOURNAL_URL, or give",
        ),
        (("show", "ab", "--out", "{out}"), "holds no dataset"),
        (("show", "ab", "--out", "file://{out}"), "file://{out}: holds no dataset"),
        (("costs", "--out", "{out}"), "there is no such folder"),
    ],
)
def test_wrong_usage_exits_with_2_and_says_what_is_right(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    toml = tmp_path / "build.toml"
    toml.write_text("max_hop = 2\n", encoding="utf-8")
    settings = {"TASKCRAFT_CACHE": str(tmp_path / "cache")}
    done = taskcraft(*(one.format(out=tmp_path / "out", toml=toml) for one in arguments), **settings)
    assert done.returncode == 2 and says.replace("{out}", str(tmp_path / "out")) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_role_is_named_before_anything_is_built(tmp_path: Path) -> None:
    done = taskcraft("build", "data/samples", "--out", str(tmp_path), "--author", "extractve")
    assert done.returncode == 2 and "no author 'extractve'; the nearest is 'extractive'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", "openai:some-model"), "needs the environment variable OPENAI_API_KEY, which is not set"),
        (("--model", "openai:"), "names no model; write openai:<model>"),
        (("--judge", "openai:some-model?n=3"), "sets 'n', which the engine sets itself"),
        (("--solver", "no_such_module:Solver"), "cannot be imported"),
        (("--solver", "json:JSONDecoder"), "is no solver: it lacks"),
        (("--search", "tavily"), "needs the environment variable TAVILY_API_KEY"),
    ],
)
def test_a_role_that_cannot_work_is_told_before_anything_is_built(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    done = taskcraft("build", "data/samples", "--out", str(tmp_path), *arguments)
    assert done.returncode == 2 and says in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not list(tmp_path.iterdir())


def test_a_setting_that_is_wrong_is_named_and_not_shown(tmp_path: Path) -> None:
    done = taskcraft("build", "data/samples", "--out", str(tmp_path), TASKCRAFT_MAX_CALLS="planted-secret")
    assert done.returncode == 2 and "TASKCRAFT_MAX_CALLS is not valid" in done.stderr
    assert "planted-secret" not in done.stderr


@pytest.mark.parametrize("command", [("build", "data/samples"), ("costs",)])
def test_an_address_that_is_none_is_one_sentence(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = taskcraft(*command, "--out", str(tmp_path), OPENAI_BASE_URL="http://[::1", OPENAI_API_KEY="any")
    assert done.returncode == 2 and done.stderr.startswith("taskcraft: The environment variable OPENAI_BASE_URL is not")
    assert len(done.stderr.splitlines()) == 1


def test_no_call_allowed_is_no_call_made_and_no_document_read(tmp_path: Path) -> None:
    """The address answers nothing: a call would fail in another way. A judge of its own work is warned of."""
    nowhere = {"OPENAI_API_KEY": "sk-planted", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    done = taskcraft(
        "build", "data/samples", "--out", str(tmp_path), "--model", "openai:some-model", "--max-calls", "0", **nowhere
    )
    warning, sentence = done.stderr.strip().splitlines()
    assert done.returncode == 1 and sentence.startswith("taskcraft: --max-calls 0 allows no further call")
    assert warning.startswith("taskcraft: warning: the judge is the same model as the author and the solver")
    assert not (tmp_path / "work").exists() and not (tmp_path / "documents").exists()


def test_no_usable_document_fails_with_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "empty.html").touch()
    (tmp_path / "in" / "broken.pdf").write_bytes(b"%PDF-1.7 and no more")
    done = taskcraft("build", str(tmp_path / "in"), "--out", str(tmp_path / "out"))
    assert done.returncode == 1
    (sentence,) = done.stderr.strip().splitlines()
    assert sentence.startswith("taskcraft: The sources hold no usable document: 2 were left out")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_within_seconds_and_tells_how_to_go_on(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    """Ctrl-C goes to the whole process group, as a terminal sends it; SIGTERM to the command alone."""
    running = subprocess.Popen(
        [*COMMAND, "build", "data/samples", "--out", str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_for(tmp_path / "work" / "ingest", running)
    began = time.monotonic()
    (os.killpg if sent is signal.SIGINT else os.kill)(running.pid, sent)
    _, told = running.communicate(timeout=60)
    assert running.returncode == code
    assert told == "taskcraft: Stopped; what is finished is kept, and the same command goes on from there.\n"
    assert time.monotonic() - began < 20


def wait_for(folder: Path, running: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not folder.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert folder.exists()


def test_a_dry_run_estimates_and_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "river.md").write_text("# River Lune\n\nThe River Lune is 84 km long.\n", encoding="utf-8")
    out = tmp_path / "out"
    done = taskcraft(
        "build", str(tmp_path / "in"), "--out", str(out), "--dry-run",
        "--author", "openai:gpt-4o-mini", "--judge", "openai:a-model-without-a-price",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    (author,) = [row for row in rows if row[:2] == ["generate", "author"]]
    (judge,) = [row for row in rows if row[:2] == ["verify", "judge"]]
    assert author[2] == "gpt-4o-mini" and author[-1].startswith("$") and judge[-1] == "unknown"
    assert any(row[:2] == ["in", "all"] and row[-3:-1] == ["at", "least"] for row in rows)
    assert "assumed" in done.stdout
    assert not (out / "dataset").exists() and not (out / "journal.sqlite").exists()


@pytest.mark.parametrize("command", ["build", "show", "costs", "doctor"])
def test_help_teaches_with_an_example(command: str) -> None:
    done = taskcraft(command, "--help")
    assert done.returncode == 0 and f"taskcraft {command}" in done.stdout

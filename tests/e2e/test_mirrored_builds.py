"""Builds into URLs: a folder by its file URL, and a bucket of a store on this machine that speaks S3."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
OURS = ("OPENAI_", "TAVILY_", "TASKCRAFT_", "AWS_")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each of the builds of `mirrored_builds.py` did, in a Prefect home of their own."""
    store = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    store.start()
    host, port = store.get_host_and_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)} | {
        "PREFECT_HOME": str(tmp_path_factory.mktemp("prefect")),
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "planted-secret",
    }
    try:
        done = subprocess.run(
            [sys.executable, HERE / "mirrored_builds.py", ROOT / "data" / "samples", tmp_path_factory.mktemp("urls")],
            env=environment, cwd=ROOT, capture_output=True, text=True, timeout=500,
        )  # fmt: skip
    finally:
        store.stop()
    assert done.returncode == 0, done.stderr[-3000:]
    assert "planted-secret" not in done.stdout + done.stderr
    return json.loads(done.stdout)


def test_everything_lies_at_the_address_and_the_summary_names_it(told: dict[str, Any]) -> None:
    summary, files = told["first"]["summary"], told["first"]["files"]
    assert summary["out"].startswith("file:///") and summary["release"] == f"{summary['out']}/releases/v1"
    assert summary["published"]["added"] > 20
    for name in ("releases/v1/manifest.json", "dataset/_delta_log/00000000000000000001.json", "solutions.sqlite"):
        assert name in files
    assert not [name for name in files if name.endswith((".part", "-wal", ".lock"))]


def test_another_machine_of_the_same_server_waits_for_its_turn_and_says_so(told: dict[str, Any]) -> None:
    said, out = told["other machine"]["waits"], told["first"]["summary"]["out"]
    assert said.startswith("Waits for its turn: the run build demo: ") and f" writes to {out}. Should that" in said


def test_another_machine_computes_nothing_and_makes_no_version(told: dict[str, Any]) -> None:
    again = told["other machine"]
    assert set(again["computed"].values()) == {0}
    assert again["summary"]["published"]["new_version"] is False
    assert again["summary"]["solved"] == 0
    assert set(again["files"]) == set(told["first"]["files"])


def test_what_a_failed_build_earned_is_gone_on_from_elsewhere(told: dict[str, Any]) -> None:
    failed, resumed = told["failing"], told["resumed"]
    assert "verify, 2 of 3" in failed["summary"]["error"]
    verified = [name for name in failed["files"] if name.startswith("work/verify/") and ".rejected" not in name]
    assert len(verified) == 2
    computed = resumed["computed"]
    assert (computed["ingest"], computed["generate"], computed["verify"]) == (0, 0, 1)
    assert resumed["summary"]["published"]["version"] == 1


def test_more_documents_make_a_new_version_and_both_are_there(told: dict[str, Any]) -> None:
    added, read = told["added"]["summary"], told["read"]
    assert added["published"]["version"] == 2 and added["published"]["added"] > 0
    assert set(read["releases"]) == {"v1", "v2"}
    assert set(read["releases"]["v1"]) < set(read["releases"]["v2"])
    assert (read["version"], read["rows"]) == (2, len(read["releases"]["v2"]))


def test_a_bucket_holds_the_same_rows_as_a_folder(told: dict[str, Any]) -> None:
    assert told["s3"]["summary"]["release"] == "s3://bucket/datasets/demo/releases/v1"
    assert set(told["s3 again"]["computed"].values()) == {0}
    rows = told["read s3"]["releases"]["v1"]
    assert rows and set(rows) <= set(told["read"]["releases"]["v2"])
    assert told["read s3"]["rows"] == len(rows)

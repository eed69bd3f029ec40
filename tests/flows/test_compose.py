"""The files of a team: their commands are those that the tests run without containers, and Compose can read them."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from flows.cli import app
from flows.serving import SERVER_SETTINGS, server_command, worker_command

ROOT = Path(__file__).parent.parent.parent
DEPLOYMENTS = ROOT / "deployments"
COMPOSE = yaml.safe_load((DEPLOYMENTS / "compose.yaml").read_text())["services"]


def test_the_server_is_started_as_everywhere() -> None:
    server = COMPOSE["server"]
    assert server["command"] == server_command("0.0.0.0", 4200)
    assert SERVER_SETTINGS.items() <= server["environment"].items()
    assert server["environment"]["PREFECT_SERVER_DATABASE_CONNECTION_URL"].startswith("postgresql+asyncpg://")


def test_the_worker_is_started_as_everywhere() -> None:
    assert COMPOSE["worker"]["command"] == worker_command("--with-healthcheck")


def test_what_deploys_is_a_command_that_there_is() -> None:
    program, name, *arguments = COMPOSE["deploy"]["command"]
    assert program == "taskcraft"
    deploy: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    given = deploy.make_context(name, arguments).params
    folders = [volume.rpartition(":/")[2].removesuffix(":ro") for volume in COMPOSE["worker"]["volumes"]]
    assert given["sources"] == ["/documents"] and "documents" in folders
    assert Path(str(given["out"])).parts[1] in folders, "what a worker writes outlives it"


def test_only_workers_are_given_keys() -> None:
    assert [name for name, service in COMPOSE.items() if "env_file" in service] == ["worker"]
    named = {name for service in COMPOSE.values() for name in service["environment"]}
    assert not [name for name in named if name.startswith(("OPENAI_", "TAVILY_"))]


def test_every_one_waits_for_what_it_needs() -> None:
    for service in COMPOSE.values():
        for needed, how in service.get("depends_on", {}).items():
            assert how["condition"] == "service_completed_successfully" or "healthcheck" in COMPOSE[needed]


def test_the_image_is_made_of_what_there_is_and_installs_the_versions_that_are_pinned() -> None:
    text = (DEPLOYMENTS / "Dockerfile").read_text()
    copied = [name for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE) for name in line.split()[:-1]]
    assert {"pyproject.toml", "constraints.txt", "taskcraft_core", "tasks", "flows"} <= set(copied)
    assert all((ROOT / name).exists() for name in copied)
    ignored = (DEPLOYMENTS / "Dockerfile.dockerignore").read_text().split()
    assert {f"!{name}" for name in copied} <= set(ignored)
    assert "--constraint constraints.txt" in text and "index-url" not in text and "\nUSER taskcraft\n" in text


def test_every_extra_that_the_documents_offer_is_in_the_image() -> None:
    documents = [ROOT / "README.md", *(DEPLOYMENTS / name for name in ("README.md", "compose.yaml"))]
    text = "\n".join(document.read_text() for document in documents)
    offered = set(re.findall(r"taskcraft\[(\w+)\]", text)) | set(re.findall(r"--out (s3)://", text))
    (installed,) = re.findall(r"'\.\[([\w,]+)\]'", (DEPLOYMENTS / "Dockerfile").read_text())
    assert {"dask", "s3"} <= offered <= set(installed.split(","))


def test_the_copy_of_an_address_outlives_the_container() -> None:
    worker = COMPOSE["worker"]
    cache = Path(worker["environment"]["TASKCRAFT_CACHE"])
    assert Path("/datasets") in cache.parents and "datasets:/datasets" in worker["volumes"]


def compose_program() -> list[str]:
    """`docker compose`, or the older docker-compose."""
    for program in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(program[0]) and subprocess.run([*program, "version"], capture_output=True).returncode == 0:
            return program
    pytest.skip("neither docker compose nor docker-compose is installed (apt-get install docker-compose)")


def test_compose_reads_the_file(tmp_path: Path) -> None:
    program = compose_program()
    folder = tmp_path / "deployments"
    shutil.copytree(DEPLOYMENTS, folder)
    filled_in = (folder / "env.example").read_text().replace("POSTGRES_PASSWORD=\n", "POSTGRES_PASSWORD=s3cr3t\n")
    (folder / ".env").write_text(filled_in)
    read = subprocess.run(
        [*program, "-f", str(folder / "compose.yaml"), "config"], cwd=folder, capture_output=True, text=True
    )
    assert read.returncode == 0, read.stderr
    services = yaml.safe_load(read.stdout)["services"]
    assert set(services) == set(COMPOSE)
    assert "taskcraft:s3cr3t@postgres" in services["worker"]["environment"]["TASKCRAFT_JOURNAL_URL"]


def test_compose_asks_for_the_password_that_is_missing(tmp_path: Path) -> None:
    program = compose_program()
    shutil.copy(DEPLOYMENTS / "compose.yaml", tmp_path)
    (tmp_path / ".env").write_text("")
    read = subprocess.run([*program, "-f", "compose.yaml", "config"], cwd=tmp_path, capture_output=True, text=True)
    assert read.returncode != 0 and "set it in deployments/.env" in read.stderr

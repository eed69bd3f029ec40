"""What a shard is named by: names of builds without models stay for ever, and those of models tell them apart."""

import pytest

from flows.build_dataset import lineage_of, prompts_of
from flows.stages import SOLVING, matter_of
from taskcraft_core.config import BuildConfig
from taskcraft_core.fingerprint import fingerprint
from taskcraft_core.models import content_hash
from taskcraft_core.prompts import prompt

MODEL = BuildConfig(author="openai:small", solver="openai:small", judge="openai:large?temperature=0")


def depth_of(config: BuildConfig) -> str:
    return fingerprint("depth", ["ab" * 32], hops=2, **matter_of(config, "author", *SOLVING))


def test_the_names_of_rule_based_shards_are_those_of_the_configuration_as_it_is() -> None:
    names = ("author", "max_conclusions", "max_tasks_per_document", *SOLVING)
    plain = BuildConfig().model_dump(mode="json", include=set(names))
    assert matter_of(BuildConfig(), *names) == plain
    # as the first version has it
    assert content_hash(matter_of(BuildConfig(), "author", *SOLVING))[:32] == "8a9e64307b3876d4d30e6102a3034392"


def test_another_endpoint_model_or_sampling_makes_other_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKCRAFT_ENDPOINT_LABEL", "one")
    names = [depth_of(MODEL), depth_of(MODEL.model_copy(update={"judge": "openai:large?temperature=1"}))]
    names.append(depth_of(MODEL.model_copy(update={"author": "openai:medium"})))
    monkeypatch.setenv("TASKCRAFT_ENDPOINT_LABEL", "two")
    names.append(depth_of(MODEL))
    assert len(set(names)) == 4
    monkeypatch.setenv("TASKCRAFT_ENDPOINT_LABEL", "one")
    assert depth_of(MODEL) == names[0]


def test_the_key_and_the_address_are_no_part_of_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKCRAFT_ENDPOINT_LABEL", "one")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    first = matter_of(MODEL, "author", *SOLVING)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-another")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.example/v1")
    assert matter_of(MODEL, "author", *SOLVING) == first


def test_lineage_names_the_prompts_of_the_models_and_of_nobody_else() -> None:
    assert prompts_of(BuildConfig()) == []
    judged = prompts_of(BuildConfig(judge="openai:large"))
    assert (
        "judge_score" in judged and "repair" in judged and not any(n.startswith(("author", "solver")) for n in judged)
    )
    hashes = {named.name: named.value for named in lineage_of([], MODEL).prompt_hashes}
    assert hashes["author_conclude"] == prompt("author_conclude").hash and "solver_guess" in hashes

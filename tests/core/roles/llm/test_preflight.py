"""Before a document is spent: a key, a model, parameters and a context that do not fit are one sentence each."""

import base64
import io

import pytest
from PIL import Image

from taskcraft_core.config import Settings
from taskcraft_core.errors import ConfigError, ProviderUnavailable
from taskcraft_core.loopback.process import Loopback
from taskcraft_core.roles.llm.spec import ModelSpec, endpoint_label, parse_spec

ROLES = {"author": "openai:m", "solver": "openai:m", "judge": "openai:m?temperature=0", "search": "local"}


async def test_a_model_is_called_once_and_once_with_tools_and_never_again(server: Loopback, engine_of) -> None:
    server.control(keep=10)
    await (await engine_of()).preflight(ROLES)
    sent = [request["body"] for request in server.requests()]
    assert [("temperature" in body, "tools" in body) for body in sent] == [(True, False), (False, False), (False, True)]
    await (await engine_of()).preflight(ROLES)
    assert server.stats()["seen"] == 3


async def test_a_key_that_went_bad_is_found_though_nothing_has_to_be_asked(server: Loopback, engine_of) -> None:
    await (await engine_of()).preflight(ROLES)
    server.control(key="another", reset=True)
    with pytest.raises(ConfigError, match="does not accept the key"):
        await (await engine_of()).preflight(ROLES)
    assert server.stats()["seen"] == 0


async def test_a_model_that_sees_is_shown_an_image(server: Loopback, engine_of) -> None:
    server.control(keep=10)
    await (await engine_of()).preflight({"solver": "openai:m?vision=true"})
    content = server.requests()[-1]["body"]["messages"][1]["content"]
    (image,) = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    kind, _, data = image.partition(";base64,")
    assert kind == "data:image/png" and Image.open(io.BytesIO(base64.b64decode(data))).load()


@pytest.mark.parametrize(
    ("behaviour", "given", "spec", "says"),
    [
        ({}, {"OPENAI_API_KEY": None}, "openai:m", "OPENAI_API_KEY, which is not set"),
        ({}, {"OPENAI_API_KEY": " "}, "openai:m", "OPENAI_API_KEY, which is not set"),
        ({"key": "another"}, {}, "openai:m", "does not accept the key (401); set OPENAI_API_KEY"),
        ({"models": ["n"]}, {}, "openai:m", "knows no model 'm'"),
        ({"context_tokens": 2_000}, {}, "openai:m", "context of m is too short for 32,000 characters"),
        ({}, {}, "openai:", "names no model"),
        ({}, {}, "openai:m?messages=1", "which the engine sets itself"),
        ({}, {}, "openai:m?vision=perhaps", "vision is true or false"),
        ({"rules": ["content_filter:two plus two"]}, {}, "openai:m", "refuses a call to m"),
    ],
)
async def test_what_does_not_fit_is_said_with_what_to_set(
    server: Loopback, engine_of, behaviour: dict[str, object], given: dict[str, object], spec: str, says: str
) -> None:
    server.control(**behaviour)
    engine = await engine_of(**given)
    with pytest.raises(ConfigError) as error:
        await engine.preflight({"author": spec})
    assert says in str(error.value) and "sk-planted" not in str(error.value)


@pytest.mark.parametrize(
    ("spec", "says"),
    [("openai:m?temperature", "every parameter once"), ("openai:m?seed=1&seed=2", "every parameter once")],
)
def test_a_parameter_has_one_value(spec: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse_spec(spec)


async def test_an_endpoint_that_nobody_serves_cannot_be_reached(engine_of) -> None:
    engine = await engine_of(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    with pytest.raises(
        ProviderUnavailable, match=r"127\.0\.0\.1:9 cannot be reached.*the connection was refused.*OPENAI_BASE_URL"
    ):
        await engine.preflight({"author": "openai:m"})


def test_a_spec_is_taken_apart() -> None:
    assert parse_spec("openai:gpt-4o") == ModelSpec("gpt-4o")
    taken = parse_spec('openai:org/model:7b?temperature=0&stop=["x"]&reasoning_effort=low&vision=true')
    assert taken == ModelSpec(
        "org/model:7b", {"temperature": 0, "stop": ["x"], "reasoning_effort": "low"}, vision=True
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "label"),
    [
        ({}, "openai"),
        ({"OPENAI_BASE_URL": "http://gpu-7:8000/v1/"}, "gpu-7:8000"),
        ({"OPENAI_BASE_URL": "https://user:secret@gw.example/v1"}, "gw.example"),
        ({"OPENAI_BASE_URL": "https://gw.example/v1", "endpoint_label": "lab"}, "lab"),
    ],
)
def test_an_endpoint_is_called_by_what_is_no_secret(given: dict[str, object], label: str) -> None:
    assert endpoint_label(Settings.model_validate(given)) == label


def test_two_paths_of_one_host_are_two_endpoints() -> None:
    labels = {
        endpoint_label(Settings.model_validate({"OPENAI_BASE_URL": f"https://gw.example/{path}"})) for path in "ab"
    }
    assert len(labels) == 2

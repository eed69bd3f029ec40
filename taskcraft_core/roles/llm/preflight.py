"""The calls before all others: does the endpoint take the key, the model, its parameters, and what a build sends?"""

from __future__ import annotations

from taskcraft_core.calls.purpose import working_on
from taskcraft_core.documents.chunks import PART_CHARS
from taskcraft_core.errors import ConfigError, ProviderRefused, ResponseError
from taskcraft_core.models import Reason
from taskcraft_core.roles.llm.request import ChatRequest
from taskcraft_core.roles.llm.structured import RoleModel, messages_of

PARTS_READ = 2
"""So many parts of documents have to fit into the context of an agent."""
_FILLER = "This sentence only fills the page; it asks nothing and it is to be passed over. "
_IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAIAAAD8GO2jAAAAKklEQVR4nO3NQQEAAATAQMSUWCwl+N0C7DJ64rN6"
    "vQMAAAAAAAAAAIDDFko1AWI7i7C/AAAAAElFTkSuQmCC"
)
"""A square of one colour."""
_SEARCH = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Finds documents.",
        "parameters": {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "A few words."}},
            "required": ["query"],
            "additionalProperties": False,
        },
    },
}


async def preflight(model: RoleModel) -> None:
    """Asks trifles, in the forms in which a build asks; what is answered does not matter.

    Raises:
        ConfigError: The endpoint will not take what a build would send; says what to set.
        ProviderUnavailable: It cannot be reached.
    """
    try:
        # the calls below may be in the journal, and the key may have changed since
        await model.endpoint.check_key(model.spec.model)
        with working_on("preflight", model.spec.model):
            for request in _trifles(model):
                await model.endpoint.complete(request)
    except ProviderRefused as error:
        raise ConfigError(str(error)) from None
    except ResponseError as error:
        if error.reason is Reason.CONTEXT_LENGTH:
            size = PARTS_READ * PART_CHARS
            raise ConfigError(
                f"The context of {model.spec.model} is too short for {size:,} characters (about {size // 4:,} tokens), "
                "as an agent may have to read; name a model with a longer one."
            ) from None
        raise ConfigError(
            f"{model.endpoint.label} refuses a call to {model.spec.model}: {error.detail}; correct the model or the "
            "parameters behind its '?'."
        ) from None


def _trifles(model: RoleModel) -> list[ChatRequest]:
    """A long question; and one with tools and, for a model that sees, an image, unless it is only to judge."""
    filler = _FILLER * (PARTS_READ * PART_CHARS // len(_FILLER))
    long = messages_of("solver_guess", {"question": f"What is two plus two? {filler}"})
    trifles = [model.request("solver_guess", long)]
    if model.role != "judge":
        asked = {"question": "Which colour is it?", "most_steps": "1"}
        messages = messages_of("solver_solve", asked, _IMAGE if model.spec.vision else None)
        trifles.append(model.request("solver_solve", messages, tools=(_SEARCH,)))
    return trifles
